"""Writes the synchronous client from the asynchronous one, its tests too.

python scripts/unasync.py            write
python scripts/unasync.py --check    fail if a file is not what its source says

A rule that changes nothing is an error: it would hide a name that is no longer spelt as it was.
"""

import re
import subprocess
import sys
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parent.parent
PAIRS: Final = (
    ("src/dragoman/client/_async", "src/dragoman/client/_sync"),
    ("tests/client/_async", "tests/client/_sync"),
)
KEPT: Final = frozenset({"conftest.py"})
"""Written by hand on either side."""
NOTE: Final = "# Written by scripts/unasync.py from {source}; change that instead.\n"

RULES: Final = tuple(
    (re.compile(pattern), replacement)
    for pattern, replacement in (
        # A docstring or an import that names both sides names the other one.
        (r"The asynchronous edge; `_sync` is generated from it by", "The synchronous edge, generated from `_async` by"),
        (r"client\._async\b", "client._sync"),
        (r"\bawait anext\(", "next("),
        (r"\bawait ", ""),
        (r"\basync (?=def|with|for)", ""),
        (r"\b__aiter__\b", "__iter__"),
        (r"\b__aenter__\b", "__enter__"),
        (r"\b__aexit__\b", "__exit__"),
        (r"\baclose\b", "close"),
        (r"\baiter_raw\b", "iter_raw"),
        (r"\basleep\b", "sleep"),
        (r"\basync_body\b", "body"),
        (r"\basynccontextmanager\b", "contextmanager"),
        (r"\bhandle_async_request\b", "handle_request"),
        (r"\bAwaitable\[(\w+)\]", r"\1"),
        (r"\bAsyncIter(ator|able)\b", r"Iter\1"),
        (r"\bAsyncByteStream\b", "SyncByteStream"),
        (r"\bAnyIOBackend\b", "SyncBackend"),
        (r"\bAsync(?=[A-Z])", ""),
    )
)


def main() -> int:
    written = {target: text for source, target in sources() for text in [translate(source)]}
    unused = [pattern.pattern for pattern, _ in RULES if not any(pattern.search(s.read_text()) for s, _ in sources())]
    stale = [target for target, text in written.items() if not target.is_file() or target.read_text() != text]
    for _, folder in PAIRS:
        known = {*written, *((ROOT / folder) / name for name in KEPT)}
        stale += [path for path in (ROOT / folder).glob("*.py") if path not in known]
    for pattern in unused:
        sys.stderr.write(f"scripts/unasync.py: the rule {pattern!r} changes nothing\n")
    if "--check" in sys.argv:
        for path in stale:
            sys.stderr.write(f"{path.relative_to(ROOT)}: not what its source says; run: make unasync\n")
        return 1 if stale or unused else 0
    for path in stale:
        if path in written:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(written[path])
        else:
            path.unlink()
    return 1 if unused else 0


def sources() -> list[tuple[Path, Path]]:
    """Each file to translate and where the translation goes."""
    return [
        (path, ROOT / target / path.name)
        for source, target in PAIRS
        for path in sorted((ROOT / source).glob("*.py"))
        if path.name not in KEPT
    ]


def translate(source: Path) -> str:
    """The synchronous text of a file, formatted: shorter lines may stand on one."""
    text = source.read_text()
    for pattern, replacement in RULES:
        text = pattern.sub(replacement, text)
    note = NOTE.format(source=source.relative_to(ROOT).as_posix())
    name = ["--stdin-filename", str(source)]
    sorted_ = ruff(["check", "--select", "I,F401", "--fix", "--quiet", *name, "-"], (note + text if text else text))
    return ruff(["format", "--quiet", *name, "-"], sorted_)


def ruff(arguments: list[str], text: str) -> str:
    command = [str(Path(sys.executable).parent / "ruff"), *arguments]
    return subprocess.run(command, input=text, capture_output=True, text=True, timeout=60, check=True, cwd=ROOT).stdout


if __name__ == "__main__":
    sys.exit(main())
