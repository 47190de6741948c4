"""The rules of the house that no linter knows: sizes, names, where tests are, what an import may do."""

import ast
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SRC = ROOT / "src" / "dragoman"
TESTS = ROOT / "tests"

MAX_FILE = 600
MAX_FUNCTION = 100
PURE = ("errors", "wire", "turn", "dialects", "bridge", "policy", "config", "ports")
"""The first six levels: no I/O, no clock, no event loop."""
BANNED_NAMES = {"util", "utils", "helper", "helpers", "manager", "managers", "misc", "common"}
NOT_MIRRORED = {"e2e", "seeds", "fuzz", "support", "docs", "clients", "integration", "golden", "outbound", "soak"}
"""Directories of tests that look at the whole rather than at one module."""

COVERED_BY: dict[str, str] = {
    "gateway/alias_views.py": "outbound/test_tenants.py",
    "gateway/archive.py": "e2e/test_state.py",
    "gateway/background.py": "e2e/test_background.py",
    "gateway/background_run.py": "e2e/test_background.py",
    "gateway/begun.py": "outbound/test_plugins.py",
    "gateway/booking.py": "gateway/test_app.py",
    "gateway/call.py": "gateway/test_outbound.py",
    "gateway/chat_continuity.py": "e2e/test_state.py",
    "gateway/clock.py": "gateway/test_issuing.py",
    "gateway/compaction.py": "e2e/test_state.py",
    "gateway/compose.py": "gateway/test_app.py",
    "gateway/continuity.py": "e2e/test_state.py",
    "gateway/conversations.py": "e2e/test_state.py",
    "gateway/demo.py": "gateway/test_app.py",
    "gateway/explain.py": "outbound/test_routes.py",
    "gateway/framed.py": "gateway/test_responses_socket.py",
    "gateway/grant.py": "gateway/test_inside.py",
    "gateway/handshake.py": "gateway/test_websocket.py",
    "gateway/hosted.py": "gateway/test_agents.py",
    "gateway/job_desk.py": "gateway/test_execute.py",
    "gateway/management.py": "outbound/test_upstreams.py",
    "gateway/openapi.py": "outbound/test_api.py",
    "gateway/order.py": "gateway/test_execute.py",
    "gateway/passthrough.py": "e2e/test_passthrough.py",
    "gateway/plugged.py": "outbound/test_plugins.py",
    "gateway/plugin_api.py": "outbound/test_plugin_api.py",
    "gateway/pool_metrics.py": "outbound/test_resilience.py",
    "gateway/pump.py": "gateway/test_exchange.py",
    "gateway/raw.py": "gateway/test_outbound.py",
    "gateway/repeat.py": "outbound/test_resilience.py",
    "gateway/render.py": "test_errors.py",
    "gateway/resource_body.py": "outbound/test_upstreams.py",
    "gateway/routes.py": "gateway/test_app.py",
    "gateway/run_metrics.py": "gateway/test_commands.py",
    "gateway/runtime.py": "gateway/test_app.py",
    "gateway/tunnel.py": "gateway/test_websocket.py",
    "gateway/upload.py": "gateway/test_outbound.py",
    "plugins/base.py": "outbound/test_plugins.py",
    "stores/booking.py": "stores/test_ledger.py",
    "stores/jobs/pulse.py": "stores/jobs/test_shared.py",
    "stores/jobs/runner.py": "stores/jobs/test_core.py",
    "stores/jobs/table.py": "stores/jobs/test_core.py",
    "upstreams/command_call.py": "upstreams/test_command.py",
    "upstreams/command_run.py": "upstreams/test_command.py",
    "upstreams/command_runs.py": "upstreams/test_command.py",
}
"""Modules whose tests stand elsewhere, below `tests/`. It may shrink; an entry that is not needed is a fault."""

ABOUT: dict[str, str] = {
    "test_package.py": "__init__.py",
    "gateway/test_error_style.py": "gateway/render.py",
    "gateway/test_smuggling.py": "gateway/head.py",
    "gateway/test_uvicorn.py": "gateway/server.py",
}
"""Tests, below `tests/`, that are not named after the module they are about."""


def sources() -> list[Path]:
    return sorted(SRC.rglob("*.py"))


def all_tests() -> list[Path]:
    return sorted(path for path in TESTS.rglob("*.py") if "node_modules" not in path.parts)


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text("utf-8"))


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


Function = ast.FunctionDef | ast.AsyncFunctionDef


def functions(path: Path) -> Iterator[Function]:
    return (node for node in ast.walk(tree(path)) if isinstance(node, Function))


def check(faults: list[str]) -> None:
    assert not faults, "\n" + "\n".join(faults)


def test_no_file_is_longer_than_one_can_read() -> None:
    lengths = {path: len(path.read_text("utf-8").splitlines()) for path in sources()}
    check(
        [f"{name_of(path)}: {lines} lines, at most {MAX_FILE}" for path, lines in lengths.items() if lines > MAX_FILE]
    )


def test_no_function_is_longer_than_one_can_read() -> None:
    faults = []
    for path in sources():
        for function in functions(path):
            lines = (function.end_lineno or 0) - function.lineno + 1
            if lines > MAX_FUNCTION:
                faults.append(
                    f"{name_of(path)}:{function.lineno} {function.name}: {lines} lines, at most {MAX_FUNCTION}"
                )
    check(faults)


def is_protocol(node: ast.AST) -> bool:
    return isinstance(node, ast.ClassDef) and any("Protocol" in ast.dump(base) for base in node.bases)


def test_the_pure_levels_declare_coroutines_and_have_none() -> None:
    faults = []
    for path in sources():
        if path.relative_to(SRC).with_suffix("").parts[0] not in PURE:
            continue
        declared = {id(inner) for node in ast.walk(tree(path)) if is_protocol(node) for inner in ast.walk(node)}
        for node in ast.walk(tree(path)):
            if (
                isinstance(node, ast.AsyncFunctionDef | ast.Await | ast.AsyncFor | ast.AsyncWith)
                and id(node) not in declared
            ):
                faults.append(f"{name_of(path)}:{node.lineno}: {type(node).__name__} below the edge")
    check(faults)


def test_a_file_is_named_after_what_it_holds() -> None:
    faults = []
    for path in [*sources(), *all_tests()]:
        words = set(path.stem.split("_")) & BANNED_NAMES
        if words and path != SRC / "wire" / "common.py":
            faults.append(f"{name_of(path)}: {words.pop()!r} says nothing")
    check(faults)


def test_a_module_begins_by_saying_what_it_is() -> None:
    check(
        [
            f"{name_of(path)}: no docstring"
            for path in sources()
            if tree(path).body and not ast.get_docstring(tree(path))
        ]
    )


def test_nothing_inside_imports_the_package_itself() -> None:
    faults = []
    for path in sources():
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.Import) and any(alias.name == "dragoman" for alias in node.names):
                faults.append(f"{name_of(path)}:{node.lineno}: imports the package root")
            if isinstance(node, ast.ImportFrom) and node.level:
                faults.append(f"{name_of(path)}:{node.lineno}: a relative import")
            if isinstance(node, ast.ImportFrom) and node.module == "dragoman":
                foreign = [
                    a.name for a in node.names if not (SRC / a.name).is_dir() and not (SRC / f"{a.name}.py").exists()
                ]
                faults += [f"{name_of(path)}:{node.lineno}: {name} comes from the package root" for name in foreign]
    check(faults)


def declares_only(path: Path) -> bool:
    """Whether a module has no statement in any function: Protocols and plain structures, with nothing to test."""
    return not any(
        not (isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant))
        for function in functions(path)
        for statement in function.body
    )


def needs_test(path: Path) -> bool:
    within = path.relative_to(SRC)
    return not (path.stem in ("__init__", "__main__", "version") or "migrations" in within.parts or declares_only(path))


def own_test(path: Path) -> Path:
    within = path.relative_to(SRC)
    return TESTS / within.with_name(f"test_{within.name}")


def test_every_module_has_its_test() -> None:
    faults = []
    for path in sources():
        covered = path.relative_to(SRC).as_posix() in COVERED_BY
        if needs_test(path) and not covered and not own_test(path).exists():
            faults.append(f"{name_of(path)}: no {name_of(own_test(path))}")
    check(faults)


def test_the_list_of_modules_tested_elsewhere_is_true_and_no_longer_than_it_must_be() -> None:
    faults = []
    for source, test in COVERED_BY.items():
        if not (SRC / source).exists():
            faults.append(f"{source}: there is no such module")
        elif not needs_test(SRC / source) or own_test(SRC / source).exists():
            faults.append(f"{source}: needs no entry")
        elif not (TESTS / test).exists():
            faults.append(f"{source}: there is no tests/{test}")
        elif SRC / source not in reached(TESTS / test):
            faults.append(f"{source}: tests/{test} does not even import it")
    check(faults)


def reached(path: Path) -> set[Path]:
    """The files of ours that importing `path` imports; a `conftest.py` beside or above it counts."""
    found: set[Path] = set()
    left = [path, *(folder / "conftest.py" for folder in path.parents if folder.is_relative_to(TESTS))]
    while left:
        path = left.pop()
        if path.exists() and path not in found:
            found.add(path)
            left += imports(path)
    return found


def imports(path: Path) -> Iterator[Path]:
    """What `path` imports of ours; a name that is no module is one of its module's."""
    for node in ast.walk(tree(path)):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        for name in names:
            base = {"dragoman": SRC.parent, "tests": ROOT}.get(name.partition(".")[0])
            if base is not None:
                yield base.joinpath(*name.split(".")).with_suffix(".py")


def subjects(test: Path) -> list[Path]:
    """The modules a test may be named after: `test_http_faults.py` may test `http_faults.py` or `http.py`."""
    words = test.stem.removeprefix("test_").split("_")
    folder = SRC / test.relative_to(TESTS).parent
    names = ["_".join(words[:count]) for count in range(len(words), 0, -1)]
    return [folder / f"{name}.py" for name in names] + [folder / name / "__init__.py" for name in names]


def test_every_test_has_its_module() -> None:
    faults = []
    for path in all_tests():
        within = path.relative_to(TESTS)
        if not path.name.startswith("test_") or path == Path(__file__) or within.parts[0] in NOT_MIRRORED:
            continue
        named = any(subject.exists() for subject in subjects(path))
        about = ABOUT.get(within.as_posix())
        if about is None and not named:
            faults.append(f"{name_of(path)}: no {name_of(subjects(path)[0])}")
        if about is not None and (named or not (SRC / about).exists()):
            faults.append(f"{name_of(path)}: what is said of it in ABOUT is not true")
    gone = [test for test in ABOUT if not (TESTS / test).exists()]
    check(faults + [f"{test}: there is no such test" for test in gone])


def test_every_directory_of_tests_is_a_package() -> None:
    folders = {path.parent for path in all_tests() if path.name.startswith("test_")}
    check([f"{name_of(folder)}: no __init__.py" for folder in sorted(folders) if not (folder / "__init__.py").exists()])


def test_tests_are_functions_that_run_and_replace_nothing_of_ours() -> None:
    faults = []
    for path in all_tests():
        for node in ast.walk(tree(path)):
            at = f"{name_of(path)}:{getattr(node, 'lineno', 0)}"
            if isinstance(node, ast.ClassDef) and node.name.startswith("Test"):
                faults.append(f"{at}: a class of tests")
            if isinstance(node, ast.Attribute) and node.attr in ("skip", "skipif", "importorskip", "xfail"):
                faults.append(f"{at}: {node.attr}")
            if isinstance(node, ast.Import | ast.ImportFrom) and "unittest" in ast.dump(node):
                faults.append(f"{at}: imports unittest")
    check(faults)


# Runs in an interpreter of its own: imports what it is given and prints what that did beyond loading code.
WATCH = """
import importlib, json, sys, threading
SILENT = {"os.listdir", "os.scandir"}
WATCHED = ("socket.", "subprocess.", "os.", "shutil.", "tempfile.", "ctypes.dlopen", "sqlite3.", "urllib.")
seen = []
begin = threading.Thread.start
def start(thread):
    seen.append(f"thread {thread.name}")
    begin(thread)
threading.Thread.start = start
def watch(event, arguments):
    if event == "open" and not str(arguments[0]).endswith((".py", ".pyc", ".so")):
        seen.append(f"open {arguments[0]}")
    if event.startswith(WATCHED) and event not in SILENT:
        seen.append(f"{event} {arguments}")
sys.addaudithook(watch)
for name in sys.argv[1:]:
    importlib.import_module(name)
print(json.dumps([seen, threading.active_count(), sorted(sys.modules)]))
"""

HEAVY = {
    "asyncio", "socket", "ssl", "sqlite3", "subprocess", "aiohttp", "sqlalchemy", "alembic", "starlette", "uvicorn",
    "openai", "anthropic", "mcp", "httpx2", "structlog", "rich", "pydantic",
}  # fmt: skip


def imported(*names: str) -> tuple[list[str], int, set[str]]:
    """What importing `names` did, how many threads there are after it, and what is loaded."""
    command = [sys.executable, "-X", "utf8", "-B", "-c", WATCH, *names]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True, cwd=ROOT)
    seen, threads, modules = json.loads(done.stdout)
    assert done.stderr == ""
    return seen, threads, set(modules)


@pytest.mark.parametrize("name", ["dragoman", "dragoman.bridge", "dragoman.config"])
def test_importing_opens_no_socket_reads_no_file_and_starts_no_thread(name: str) -> None:
    seen, threads, modules = imported(name)
    assert (seen, threads) == ([], 1)
    assert not HEAVY & modules


def test_no_pure_module_does_more_on_import() -> None:
    names = []
    for path in sources():
        within = path.relative_to(SRC).with_suffix("")
        if within.parts[0] in PURE:
            names.append(".".join(("dragoman", *within.parts)).removesuffix(".__init__"))
    assert len(names) > 20
    seen, threads, _ = imported(*names)
    assert (seen, threads) == ([], 1)


def test_the_watch_would_notice() -> None:
    assert imported("json")[:2] == ([], 1)
    seen, _, _ = imported("tests.noisy_import")
    assert [line.split()[0] for line in seen] == ["open", "socket.__new__", "socket.bind", "thread"]


TEXT = {
    ".py", ".md", ".toml", ".lock", ".txt", ".json", ".yaml", ".yml", ".cfg", ".ini", ".sh", ".mjs", ".js", ".html",
    ".css", ".svg", ".service", ".sql", "",
}  # fmt: skip
NOWHERE: dict[str, re.Pattern[str]] = {
    "a path of one machine": re.compile(r"(?<![\w.~}])/(?:work|root|home/[a-z]\w*|Users/\w+)/(?!\.\.\.)"),
    "a path of one machine, on Windows": re.compile(r"[A-Z]:\\Users\\"),
    "a conflict that was not resolved": re.compile(r"^(?:<{7}|>{7}) ", re.MULTILINE),
    "a private key": re.compile(r"-----BEGIN (?:[A-Z]+ )?PRIVATE KEY-----\s+[A-Za-z0-9+/=]{40}"),
    "a credential": re.compile(r"\b(?:gh[opsu]_[A-Za-z0-9]{36}|github_pat_\w{50,}|sk-(?:proj|ant)-[\w-]{60,})"),
    "a number of a tracker": re.compile(r"(?i)\b(?:issue|ticket|bug|pr|pull request) #?\d+\b(?!\.\d)"),
    "a note to oneself": re.compile(r"\b(?:TODO|FIXME|XXX|HACK)\b"),
    "a character that hides or turns text": re.compile("[\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]"),
    "a blank at the end of a line": re.compile(r"[ \t]+$", re.MULTILINE),
    "a carriage return": re.compile(r"\r"),
}
ELSEWHERE_TOO: dict[str, set[str]] = {}
"""Files in which something of the above is the subject."""


def tracked() -> list[Path]:
    """The files that are in the repository, and those about to be."""
    listed = subprocess.run(
        ["git", "-c", "safe.directory=*", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        capture_output=True, text=True, timeout=60, check=True, cwd=ROOT,
    )  # fmt: skip
    paths = [ROOT / name for name in listed.stdout.split("\0") if name]
    return [path for path in paths if path.is_file()]


def is_broken_on_purpose(path: Path) -> bool:
    """Input of the golden tests that is no text, or ends too soon."""
    return path.name.startswith("broken_") and TESTS / "golden" / "cases" in path.parents


def read(path: Path) -> str:
    return path.read_bytes().decode("utf-8")  # as it is: `read_text` would hide carriage returns


def test_the_repository_speaks_of_the_product_alone() -> None:
    faults = []
    for path in tracked():
        if path.suffix not in TEXT or path == Path(__file__) or is_broken_on_purpose(path):
            continue
        text = read(path)
        for what, pattern in NOWHERE.items():
            match = pattern.search(text)
            if match and name_of(path) not in ELSEWHERE_TOO.get(what, ()):
                line = text.count("\n", 0, match.start()) + 1
                faults.append(f"{name_of(path)}:{line}: {what}: {match[0]!r}")
        if text and not text.endswith("\n"):
            faults.append(f"{name_of(path)}: no line end at its end")
    check(faults)


def test_no_tracked_file_is_large_or_made_by_a_tool() -> None:
    faults = []
    for path in tracked():
        if path.stat().st_size > 1024 * 1024:
            faults.append(f"{name_of(path)}: {path.stat().st_size} bytes")
        if path.is_symlink() or {"__pycache__", "node_modules", ".venv", ".venv-frameworks"} & set(
            path.parts[len(ROOT.parts) :]
        ):
            faults.append(f"{name_of(path)}: does not belong here")
    check(faults)


@pytest.mark.parametrize("lock", [ROOT / "requirements.lock", *TESTS.glob("*/requirements*.lock")], ids=name_of)
def test_the_lock_names_no_host_and_pins_every_file(lock: Path) -> None:
    lines = lock.read_text("utf-8").splitlines()
    hosts = [line for line in lines if re.search(r"https?://|file:|--(?:extra-)?index-url|--find-links|@ ", line)]
    check([f"{name_of(lock)}: {line}" for line in hosts])
    pinned = [line for line in lines if re.match(r"[A-Za-z0-9]", line)]
    check([f"{name_of(lock)}: {line}: not pinned" for line in pinned if not re.match(r"[\w.\-\[\],]+==[^ ]+", line)])
    text = "\n".join(lines)
    blocks = re.split(r"\n(?=[A-Za-z0-9])", text[text.index(pinned[0]) :])
    check([f"{name_of(lock)}: {block.split()[0]}: no hash" for block in blocks if "--hash=sha256:" not in block])


def test_what_is_installed_is_typed() -> None:
    assert SRC / "py.typed" in tracked()
