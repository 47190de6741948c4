from dragoman.agents.result import Result, said
from dragoman.agents.usage import RunUsage
from dragoman.turn import Message, Refusal, Stop, Text, ToolCall, ToolResult


def test_the_text_of_an_answer_is_that_of_its_messages() -> None:
    items = (Message("assistant", (Text("a"), Refusal("no"), Text("b"))), ToolCall("1", "f", "{}"))
    assert said(items) == "ab"


def test_items_are_also_chat_messages() -> None:
    items = (Message("user", (Text("go"),)), ToolCall("1", "f", "{}"), ToolResult("1", (Text("x"),)))
    result = Result(run_id="r", agent="a", text="", output=None, calls=(), items=items, usage=RunUsage(), stop=Stop.END)
    assert [message["role"] for message in result.messages] == ["user", "assistant", "tool"]
