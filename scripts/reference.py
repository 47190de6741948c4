"""Writes docs/reference/ from the code: settings, errors, routes, translation, the command line.

python scripts/reference.py            write
python scripts/reference.py --check    fail if a page is not what the code says
"""

import ast
import importlib
import inspect
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import agents_reference
import click
import client_reference
import msgspec

from dragoman import config, errors
from dragoman.bridge import FRONT_DOORS, TABLES
from dragoman.cli.main import VERBS, dragoman
from dragoman.dialects import fields
from dragoman.dialects.mapping import DIALECTS, Field, Row, answers_between, rows_between
from dragoman.dialects.profile import PROFILES, Profile
from dragoman.gateway import admin, visit
from dragoman.gateway.routes import Table
from dragoman.policy import records, resources, tenants
from dragoman.turn import Dialect

ROOT: Final = Path(__file__).parent.parent
PAGES: Final = ROOT / "docs/reference"
NOTE: Final = "<!-- Written by scripts/reference.py; change the code instead. -->\n\n"
SETTINGS: Final = (
    ("server", config.ServerConfig),
    ("upstreams.NAME", config.UpstreamConfig),
    ("upstreams.NAME.timeouts", config.TimeoutsConfig),
    ("upstreams.NAME.quirks", Profile),
    ("upstreams.NAME (a command)", config.CommandConfig),
    ("upstreams.NAME.timeouts (of a command)", config.CommandTimeouts),
    ("upstreams.NAME.workspace", config.WorkspaceConfig),
    ("models.NAME", config.ModelConfig),
    ("upstreams.NAME.breaker", resources.Breaker),
    ("agents.NAME", config.AgentConfig),
    ("agents.NAME.timeouts", config.AgentTimeouts),
    ("aliases.NAME", config.AliasConfig),
    ("aliases.NAME.endpoints", resources.Endpoint),
    ("aliases.NAME.headers.request", resources.HeaderRules),
    ("aliases.NAME.rate_limit", resources.RateLimit),
    ("aliases.NAME.rate_limit.budget", resources.Budget),
    ("aliases.NAME.concurrency", resources.Concurrency),
    ("aliases.NAME.health", resources.Health),
    ("aliases.NAME.retry", resources.Retry),
    ("aliases.NAME.cors", resources.Cors),
    ("aliases.NAME.plugins", resources.Plugins),
    ("aliases.NAME.plugins.items", resources.PluginBinding),
    ("aliases.NAME.routes", resources.RouteRules),
    ("aliases.NAME.routes.match", resources.Match),
    ("aliases.NAME.auth", resources.Auth),
    ("tenants.NAME", tenants.TenantConfig),
    ("outbound", records.OutboundConfig),
    ("store", config.StoreConfig),
    ("jobs", config.JobsConfig),
    ("log", config.LogConfig),
)


def settings() -> str:
    parts = [
        "# Settings\n\n"
        "In `dragoman.toml`, found in the working directory, then in `$XDG_CONFIG_HOME/dragoman`, or named by\n"
        "`-c`. A flag wins over the environment, that over `.env`, that over the file. In the environment\n"
        "`DRAGOMAN_SERVER__PORT=9000` sets `server.port`. `dragoman config show --origin` tells what came from where;\n"
        "`dragoman config schema` prints the JSON Schema.\n"
    ]
    for name, section in SETTINGS:
        parts.append(
            f"\n## `[{name}]`\n\n{inspect.getdoc(section)}\n\n| key | type | default | meaning |\n|---|---|---|---|\n"
        )
        for field, kind, meaning in documented(section):
            default = "" if field.required else f"`{shown(field)}`"
            parts.append(f"| `{field.encode_name}` | {kind} | {default} | {meaning} |\n")
        if section is Profile:
            parts.append(profiles())
    return "".join(parts)


def documented(section: type[msgspec.Struct]) -> Iterator[tuple[msgspec.structs.FieldInfo, str, str]]:
    """Each field with its type as the source has it, and the string that stands below it there."""
    found: dict[str, tuple[str, str]] = {}
    for ancestor in reversed(section.__mro__[: section.__mro__.index(msgspec.Struct)]):
        body = ast.parse(inspect.getsource(ancestor)).body[0]
        assert isinstance(body, ast.ClassDef)
        for one, after in zip(body.body, [*body.body[1:], None], strict=True):
            if isinstance(one, ast.AnnAssign) and isinstance(one.target, ast.Name):
                said = after.value if isinstance(after, ast.Expr) else None
                text = str(said.value) if isinstance(said, ast.Constant) else ""
                found[one.target.id] = (kind_of(one.annotation), " ".join(text.split()).replace("|", "\\|"))
    for field in msgspec.structs.fields(section):
        yield field, *found[field.name]


def kind_of(annotation: ast.expr) -> str:
    """A type as a reader of TOML takes it: without the bounds that `Annotated` adds."""
    for node in ast.walk(annotation):
        for name, value in ast.iter_fields(node):
            if isinstance(value, ast.expr):
                setattr(node, name, plain(value))
            elif isinstance(value, list):
                setattr(node, name, [plain(item) if isinstance(item, ast.expr) else item for item in value])
    return ast.unparse(plain(annotation)).replace(" | ", " or ").replace("Literal", "one of ")


def plain(node: ast.expr) -> ast.expr:
    if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Tuple) and ast.unparse(node.value) == "Annotated":
        return node.slice.elts[0]
    return node


def profiles() -> str:
    """What each profile says otherwise than OpenAI's."""
    plain = PROFILES["openai"]
    lines = [
        "\nThe defaults are those of the profile `openai`. The others:\n\n| profile | where it differs |\n|---|---|\n"
    ]
    for name, profile in PROFILES.items():
        values = {field: getattr(profile, field) for field in Profile.__struct_fields__}
        other = [f"`{field} = {literal(v)}`" for field, v in values.items() if v != getattr(plain, field)]
        if other:
            lines.append(f"| `{name}` | {', '.join(other)} |\n")
    return "".join(lines)


def literal(value: object) -> str:
    """A value as TOML writes it."""
    return msgspec.json.encode(value).decode()


def shown(field: msgspec.structs.FieldInfo) -> str:
    value: Any = field.default
    if value is msgspec.NODEFAULT:
        return "{}"
    if isinstance(value, msgspec.Struct):
        return "see below"
    if isinstance(value, bool):
        return str(value).lower()
    if value is None:
        return "none"
    if isinstance(value, tuple):
        return "[" + ", ".join(f'"{item}"' for item in value) + "]"
    return (
        f'"{value}"'
        if isinstance(value, str)
        else f"{value:_}"
        if isinstance(value, int) and value >= 100_000
        else str(value)
    )


def error_table() -> str:
    lines = [
        "# Errors\n\nWhat the gateway itself answers. On `/v1` it is OpenAI's envelope,\n"
        '`{"error": {"message", "type", "param", "code"}}`; elsewhere a problem document (RFC 9457), whose `type` is\n'
        f"`{errors.PROBLEM_TYPE.format(slug='SLUG')}`. A retriable error has `Retry-After`.\n"
        "What an upstream answers passes through as it is; `X-OAGW-Error-Source` tells the two apart.\n\n"
        "| code | status | type | slug | retry after | meaning |\n|---|---|---|---|---|---|\n"
    ]
    for kind in errors.TABLE:
        status = f"{kind.status}" + (f" ({kind.outbound_status} outbound)" if kind.outbound_status else "")
        wait = f"{kind.retry_after} s" if kind.retriable else ""
        lines.append(f"| `{kind.code}` | {status} | `{kind.type}` | `{kind.slug}` | {wait} | {kind.title} |\n")
    return "".join(lines)


def route_table() -> str:
    lines = ["# Routes\n\n| path | methods | answered by |\n|---|---|---|\n"]
    for path, entry in Table(FRONT_DOORS).rows():
        methods = ", ".join(entry.methods) if entry.methods else "any"
        if entry.websocket:
            methods += ", WebSocket"
        what = entry.dialect.name if entry.dialect is not None else entry.kind
        lines.append(f"| `{path}` | {methods} | {what} |\n")
    lines += [f"| `{path}` | {methods} | {what} |\n" for path, methods, what in visit.ROWS]
    lines += [f"| `{path}` | {method} | admin |\n" for method, path, _ in admin.ROUTES]
    return "".join(lines)


SECTIONS: Final = {
    "request": "The request",
    "tool": "Tools",
    "item": "What was said",
    "part": "Parts of messages and of tools' outputs",
}
TRANSLATION: Final = """# Translation

What becomes of each field of a request on its way to an upstream of another dialect, by the name it has in each. The
codecs take what they tell from these tables, and a test runs a request through each row.

| word | what the upstream is told | what the caller is told |
|---|---|---|
| same | the same value under the same name | |
| mapped | it in another shape, or under another name | |
| done here | nothing: the gateway does it | |
| says nothing | nothing: it asks for what is done anyway | |
| **loss** | it in another form, a default for it, or nothing | a loss in `X-Dragoman-Loss`, the log and `/convert` |
| **400** | it is not called | a 400 that names the field |

In *italics* stands for which values, and with which quirk of the upstream; [settings](settings.md) has the quirks.
"""

ANSWERS: Final = """
## The answer

What a caller gets of an answer in another dialect. None of it is reported call by call: what a caller could not have
asked for cannot be missed, and the head of a stream goes out before its end is known.
"""


def translation() -> str:
    parts = [TRANSLATION]
    for stands, title in SECTIONS.items():
        parts.append(f"\n## {title}\n\n| Chat | Responses | Messages |")
        parts += [f" to {dialect.capitalize()} |" for dialect in DIALECTS]
        parts.append("\n|---|---|---|---|---|---|\n")
        for field in vars(fields).values():
            if isinstance(field, Field) and field.stands == stands:
                parts.append("|" + "".join(f" {cell} |" for cell in [*names(field), *fates(field)]) + "\n")
    return "".join([*parts, answers()])


def answers() -> str:
    """What becomes of an answer on its way to a caller."""
    parts = [ANSWERS]
    for stands, title in (("answer", "Members"), ("stop", "Why it ended")):
        parts.append(f"\n### {title}\n\n| Chat | Responses | Messages |")
        parts += [f" to {dialect.capitalize()} |" for dialect in DIALECTS]
        parts.append("\n|---|---|---|---|---|---|\n")
        for field in vars(fields).values():
            if isinstance(field, Field) and field.stands == stands:
                got = ["; ".join(dict.fromkeys(received(field, target))) for target in DIALECTS]
                parts.append("|" + "".join(f" {cell} |" for cell in [*names(field), *got]) + "\n")
    return "".join(parts)


def received(field: Field, target: Dialect) -> Iterator[str]:
    """What a caller of `target` gets of a field."""
    words = {"executed": "done here", "dropped": "left out", "refused": "**an error**"}
    for source in DIALECTS:
        for row in answers_between(TABLES[source], TABLES[target]) if source != target else ():
            if row.field is field:
                yield words.get(row.fate, row.fate) + (f": {row.note}" if row.note else "")


def names(field: Field) -> Iterator[str]:
    """What a field is called in each dialect."""
    for dialect in DIALECTS:
        name = field.name(dialect)
        old = f", `{field.old}`" if field.old and dialect == "chat" else ""
        about = f" {field.about}" if field.about else ""
        yield f"`{name}`{old}{about}" if name and not name.startswith("(") else name.strip("()")


def fates(field: Field) -> Iterator[str]:
    """What becomes of a field at an upstream of each dialect."""
    for target in DIALECTS:
        found: dict[str, None] = {}
        for source in DIALECTS:
            if source != target and field.name(source):
                for row in rows_between(TABLES[source], TABLES[target]):
                    if row.field is field:
                        found[fate(row)] = None
        yield "; ".join(found)


def fate(row: Row) -> str:
    words = {"executed": "done here", "vacuous": "says nothing", "refused": "**400**"}
    text = f"**loss**: {row.note}" if row.reported else words.get(row.fate, row.fate)
    if row.note and not row.reported and row.fate != "refused":
        text += f" ({row.note})"
    text = re.sub(r"\{\w+(!r)?\}", "…", text)
    condition = f"`{row.value}`" if row.value else row.when
    if row.source:
        condition = ", ".join(filter(None, (f"from {row.source.capitalize()}", condition)))
    return f"*{condition}*: {text}" if condition else text


def command_line() -> str:
    parts = ["# Command line\n\nEvery verb takes `--json` where it prints. Exit codes: 0 ok, 1 failed, 2 usage.\n"]
    parts.append(
        f"\n```text\n{dragoman.get_help(click.Context(dragoman, info_name='dragoman', terminal_width=100))}\n```\n"
    )
    for name, (module, attribute, _) in VERBS.items():
        for path, command in commands(getattr(importlib.import_module(module), attribute), f"dragoman {name}"):
            context = click.Context(command, info_name=path, terminal_width=100)
            parts.append(f"\n## `{path}`\n\n```text\n{command.get_help(context)}\n```\n")
    return "".join(parts)


def commands(command: click.Command, at: str) -> Iterator[tuple[str, click.Command]]:
    if not isinstance(command, click.Group):
        yield at, command
        return
    for name, below in command.commands.items():
        yield from commands(below, f"{at} {name}")


def main() -> int:
    pages = {
        "settings.md": settings(),
        "errors.md": error_table(),
        "routes.md": route_table(),
        "translation.md": translation(),
        "cli.md": command_line(),
        "client.md": client_reference.page(),
        "agents.md": agents_reference.page(),
    }
    stale = []
    for name, text in pages.items():
        path = PAGES / name
        if "--check" in sys.argv:
            if not path.is_file() or path.read_text() != NOTE + text:
                stale.append(name)
        else:
            path.write_text(NOTE + text)
    if stale:
        sys.stderr.write(f"not what the code says: {', '.join(stale)}; run: make docs\n")
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
