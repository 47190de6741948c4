import pytest

from dragoman.dialects.responses.calls import Calls, unwrap
from dragoman.turn import Tool, ToolChoice, Turn

TOOLS = (Tool("f"), Tool("p", kind="custom"))


@pytest.mark.parametrize(
    ("choice", "permitted"),
    [
        (None, ["f", "p", "other"]),
        (ToolChoice("auto"), ["f", "p", "other"]),
        (ToolChoice("named", ("f",)), ["f", "p", "other"]),
        (ToolChoice("allowed", ("f",)), ["f"]),
        (ToolChoice("allowed"), []),
    ],
)
def test_only_a_set_of_allowed_tools_is_a_constraint(choice: ToolChoice | None, permitted: list[str]) -> None:
    calls = Calls(Turn("m", tools=TOOLS, tool_choice=choice))
    assert [name for name in ("f", "p", "other") if calls.permits(name)] == permitted


def test_a_function_call_of_a_custom_tool_is_unwrapped() -> None:
    calls = Calls(Turn("m", tools=TOOLS))
    assert calls.unwraps("p", "function")
    assert not calls.unwraps("p", "custom")
    assert not calls.unwraps("f", "function")


@pytest.mark.parametrize(
    ("arguments", "text"),
    [('{"input":"a\\nb"}', "a\nb"), ('{"input":""}', ""), ('{"input":1}', '{"input":1}'), ("raw", "raw"), ("{}", "{}")],
)
def test_the_input_is_inside_the_arguments(arguments: str, text: str) -> None:
    assert unwrap(arguments) == text
