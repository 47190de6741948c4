"""`dragoman.upstreams.traces`."""

from pathlib import Path

import pytest

from dragoman.upstreams.traces import HOMES, remove_traces

OURS = "0b9f3c1e-0000-4000-8000-000000000001"
OTHER = "1c9f3c1e-0000-4000-8000-000000000002"


def files(root: Path) -> set[str]:
    return {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()}


def write(root: Path, *names: str) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("{}")


def test_of_claude_all_that_bears_the_sessions_name_goes(tmp_path: Path) -> None:
    home = tmp_path / ".claude"
    kept = (f"projects/-tmp-a/{OTHER}.jsonl", f"todos/{OTHER}-agent.json", "settings.json")
    write(
        home, f"projects/-tmp-a/{OURS}.jsonl", f"projects/-tmp-b/{OURS}/agents/a.jsonl", f"todos/{OURS}-a.json", *kept
    )

    assert remove_traces("claude-cli", OURS, {"HOME": str(tmp_path)}) == 3
    assert files(home) == set(kept)
    assert not (home / "projects" / "-tmp-b").exists()
    assert remove_traces("claude-cli", OURS, {"HOME": str(tmp_path)}) == 0


def test_of_codex_and_gemini_too_wherever_their_home_is(tmp_path: Path) -> None:
    write(tmp_path, f"sessions/2026/01/02/rollout-2026-01-02T03-04-05-{OURS}.jsonl", "sessions/2026/01/02/other.jsonl")
    write(tmp_path, f"shell_snapshots/{OURS}.123.sh", f"thread-writer-locks/{OURS}.lock")
    write(tmp_path, f"tmp/abc/chats/session-2026-01-02T03-04-{OURS[:8]}.json", "tmp/abc/logs.json")

    assert remove_traces("codex-cli", OURS, {"HOME": "/nonexistent", "CODEX_HOME": str(tmp_path)}) == 3
    assert remove_traces("gemini-cli", OURS, {"GEMINI_CLI_HOME": str(tmp_path)}) == 1
    assert files(tmp_path) == {"sessions/2026/01/02/other.jsonl", "tmp/abc/logs.json"}


@pytest.mark.parametrize("session", ["", "*", "short", "../../../etc", "a/b/c/d/e/f", f"{OURS}*", "????????"])
def test_what_is_no_name_of_a_session_removes_nothing(tmp_path: Path, session: str) -> None:
    write(tmp_path, f"projects/p/{OURS}.jsonl")
    for adapter in (*HOMES, "text"):
        assert remove_traces(adapter, session, {home.variable: str(tmp_path) for home in HOMES.values()}) == 0
    assert len(files(tmp_path)) == 1
