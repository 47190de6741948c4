import logging

import pytest

from dragoman.agents.context import Context
from dragoman.agents.errors import AgentError
from dragoman.agents.hooks import ALIASES, AfterTool, BeforeTool, Chunk, Hook, Hooks, RunStart, known
from dragoman.agents.scopes import holds
from dragoman.agents.usage import RunUsage
from dragoman.turn import TextDelta, ToolCall

CONTEXT = Context("run_1", "a", holds([]), RunUsage())
CALL = ToolCall("call_1", "f", "{}")


def test_seed_names_are_aliases() -> None:
    assert [known(name) for name in ALIASES] == list(ALIASES.values())
    with pytest.raises(AgentError, match="there are run_start, before_model, chunk"):
        known("on_request")


async def test_hooks_run_by_priority_then_by_declaration_and_after_hooks_in_reverse() -> None:
    seen: list[str] = []

    def noting(name: str, event: str, priority: int = 50) -> Hook:
        return Hook(event, lambda _: seen.append(name), priority, "all", "fail")

    before = [noting(name, "before_tool", priority) for name, priority in (("b", 50), ("c", 50), ("a", 10))]
    after = [noting(name, "after_tool", priority) for name, priority in (("b", 50), ("c", 50), ("a", 10))]
    hooks = Hooks([*before, *after], holds([]))
    await hooks.fire(BeforeTool(CONTEXT, call=CALL))
    await hooks.fire(AfterTool(CONTEXT, call=CALL, output="", is_error=False))
    assert "".join(seen) == "abccba"


async def test_a_hook_may_be_a_coroutine_and_edits_what_it_is_given() -> None:
    async def shout(event: Chunk) -> None:
        assert isinstance(event.event, TextDelta)
        event.event = TextDelta(event.event.text.upper())

    hooks = Hooks([Hook("chunk", shout, 50, "all", "fail")], holds([]))
    chunk = Chunk(CONTEXT, event=TextDelta("hi"))
    assert hooks.heed(Chunk) and not hooks.heed(RunStart)
    await hooks.fire(chunk)
    assert chunk.event == TextDelta("HI")


async def test_a_hook_that_raises_fails_unless_it_is_only_logged(caplog: pytest.LogCaptureFixture) -> None:
    def fail(event: object) -> None:
        raise RuntimeError("broken hook")

    start = RunStart(CONTEXT, items=())
    with pytest.raises(RuntimeError, match="broken hook"):
        await Hooks([Hook("run_start", fail, 50, "all", "fail")], holds([])).fire(start)
    with caplog.at_level(logging.ERROR, "dragoman.agents"):
        await Hooks([Hook("run_start", fail, 50, "all", "log")], holds([])).fire(start)
    assert "hook failed" in caplog.text and "broken hook" in caplog.text


async def test_a_hook_is_for_callers_in_its_scope() -> None:
    seen: list[str] = []
    hook = Hook("run_start", lambda _: seen.append("x"), 50, "owner", "fail")
    await Hooks([hook], holds([])).fire(RunStart(CONTEXT, items=()))
    assert seen == []
    await Hooks([hook], holds(["admin"])).fire(RunStart(CONTEXT, items=()))
    assert seen == ["x"]
