"""The reference page of the client library, from its docstrings; `scripts/reference.py` writes it.

The synchronous names stand for both: the asynchronous ones differ by `await` alone.
"""

import ast
import inspect
from collections.abc import Container, Iterator
from typing import Any

from dragoman import client
from dragoman.client import admin, errors
from dragoman.client._sync.admin import Admin, Keys
from dragoman.client.response import Head

ORDER = (
    client.Client, client.ClientConfig, client.Request, client.Response, client.Stream, client.Event, client.Timeouts,
    client.RetryPolicy, client.Problem, client.WebSocket, client.Status, client.Resolution, Admin, Keys, admin.NewKey,
    admin.Key, admin.UsageTotal, admin.LedgerRow, admin.Reservation, admin.Settlement, admin.Route, admin.Reloaded,
)  # fmt: skip
INWARD = {"but", "below", "discard", "network", "no_event_stream", "repeatable", "sent_headers", "target"}
"""Methods that the library itself is the only caller of."""


def page() -> str:
    """The whole page."""
    parts = [
        "# Client library\n\n`from dragoman import ...`; how to use it: [the guide](../howto/python-client.md). "
        "`AsyncClient`, `AsyncStream` and\n`AsyncWebSocket` are `Client`, `Stream` and `WebSocket` with `await`, and "
        "their `close` is `aclose`. The errors are in\n`dragoman.client.errors`.\n"
    ]
    parts += [section(kind) for kind in ORDER]
    parts.append(f"\n## Errors\n\n```text\n{inspect.getdoc(errors)}\n```\n\n| error | source | when |\n|---|---|---|\n")
    parts += [f"| `{kind.__name__}` | {kind.source} | {first(kind)} |\n" for kind in tree(errors.ClientError)]
    return "".join(parts)


def section(kind: type, inward: Container[str] = INWARD) -> str:
    """One class: what it is, its fields, its methods."""
    text = f"\n## `{kind.__name__}`\n\n{flat(kind)}\n"
    fields = list(fields_of(kind))
    if fields:
        rows = [f"| `{name}` | {shown} | {default} | {meaning} |\n" for name, shown, default, meaning in fields]
        text += "\n| field | type | default | meaning |\n|---|---|---|---|\n" + "".join(rows)
    members = list(members_of(kind, inward))
    if members:
        text += "\n" + "".join(f"- `{signature}`" + (f": {said}\n" if said else "\n") for signature, said in members)
    return text


def fields_of(kind: type) -> Iterator[tuple[str, str, str, str]]:
    """Name, type and default of each field as the source has them, and the string that stands below it there."""
    if not (hasattr(kind, "__struct_fields__") or hasattr(kind, "__dataclass_fields__")):
        return
    body = ast.parse(inspect.getsource(kind)).body[0]
    assert isinstance(body, ast.ClassDef)
    for one, after in zip(body.body, [*body.body[1:], None], strict=True):
        if isinstance(one, ast.AnnAssign) and isinstance(one.target, ast.Name):
            said = after.value if isinstance(after, ast.Expr) else None
            meaning = " ".join(str(said.value).split()) if isinstance(said, ast.Constant) else ""
            shown = ast.unparse(one.annotation).replace(" | ", " or ").replace("Literal", "one of ")
            yield one.target.id, shown, default_of(one.value), meaning.replace("|", "\\|")


def default_of(value: ast.expr | None) -> str:
    """A default that can be read without the source; the others are told by the class itself."""
    return f"`{ast.unparse(value)}`" if isinstance(value, ast.Constant | ast.Tuple) else ""


def members_of(kind: type, inward: Container[str]) -> Iterator[tuple[str, str]]:
    """Methods and properties in the order of the source, those of `Head` first where they are inherited."""
    places: list[type] = [Head, kind] if issubclass(kind, Head) else [kind]
    for name, member in ((name, member) for place in places for name, member in vars(place).items()):
        plain = member.__func__ if isinstance(member, classmethod) else member
        if name in inward or (name.startswith("_") and name != "__init__"):
            continue
        said = flat(plain) if getattr(plain, "__doc__", None) else ""
        if isinstance(plain, property) or (hasattr(plain, "func") and said):
            yield name, said
        elif inspect.isfunction(plain) and (said or name != "__init__"):
            yield signature_of(kind, name, plain), said


def signature_of(kind: type, name: str, function: Any) -> str:
    signature = inspect.signature(function)
    parameters = [one for one in signature.parameters.values() if one.name not in ("self", "cls")]
    bare = [one.replace(annotation=inspect.Parameter.empty) for one in parameters]
    shown = str(inspect.Signature(bare)).replace("UNSET", "…").replace("typing.Any", "Any")
    return f"{kind.__name__}{shown}" if name == "__init__" else f"{name}{shown}"


def tree(kind: type[errors.ClientError]) -> Iterator[type[errors.ClientError]]:
    yield kind
    for below in kind.__subclasses__():
        yield from tree(below)


def first(kind: type) -> str:
    return flat(kind).split(". ")[0].rstrip(".")


def flat(member: Any) -> str:
    return " ".join((inspect.getdoc(member) or "").split())
