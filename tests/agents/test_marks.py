import pytest

from dragoman.agents.errors import AgentError
from dragoman.agents.marks import (
    HandoffMark,
    HookMark,
    HttpMark,
    PromptMark,
    ToolMark,
    handoff,
    hook,
    http,
    marks,
    prompt,
    tool,
)


def test_a_decorated_function_is_the_function_with_marks() -> None:
    @tool
    def plain() -> int:
        return 1

    @tool(name="other", scope="owner", timeout=2.0, cost_usd=0.5, description="Says.")
    @http("/path/", "post", scope="admin")
    def both() -> int:
        return 2

    assert (plain(), both()) == (1, 2)
    assert marks(plain) == (ToolMark(),)
    assert marks(both) == (HttpMark("/path", "post", "admin"), ToolMark("other", "Says.", "owner", 2.0, 0.5))


def test_a_hook_is_for_an_event_by_either_name() -> None:
    @hook("on_connection", priority=10)
    @hook("before_tool", on_error="log")
    def seen(event: object) -> None: ...

    assert marks(seen) == (HookMark("before_tool", 50, "all", "log"), HookMark("run_start", 10, "all", "fail"))
    with pytest.raises(AgentError, match="no event 'on_request'"):
        hook("on_request")


def test_prompts_and_handoffs() -> None:
    @prompt
    def first() -> str:
        return "1"

    @prompt(priority=1, scope=("a", "b"))
    def second() -> str:
        return "2"

    @handoff(description="Bills.")
    def billing() -> None: ...

    assert marks(first) == (PromptMark(50, "all"),)
    assert marks(second) == (PromptMark(1, ("a", "b")),)
    assert marks(billing) == (HandoffMark("billing", "Bills.", "all"),)


def test_what_has_no_marks_has_none() -> None:
    assert marks(len) == marks(None) == marks(3) == ()
