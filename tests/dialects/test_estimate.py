import msgspec
import pytest

from dragoman.dialects.estimate import IMAGE, estimate
from dragoman.turn import Image, Message, Native, Reasoning, Text, Tool, ToolCall, ToolResult, Turn


def test_nothing_is_still_one_token() -> None:
    assert estimate(Turn("m")) == 1


def test_text_counts_by_its_characters() -> None:
    short, long = (estimate(Turn("m", items=(Message("user", (Text("x" * size),)),))) for size in (34, 3400))
    assert (short, long) == (14, 1004)


@pytest.mark.parametrize(
    "item",
    [
        ToolCall("c", "name", "x" * 340),
        ToolResult("c", (Text("x" * 340),)),
        Reasoning(text=("x" * 340,)),
        Native("responses", "k", "input[0]", msgspec.Raw(b'"' + b"x" * 340 + b'"')),
    ],
    ids=lambda item: type(item).__name__,
)
def test_every_kind_of_item_counts(item: object) -> None:
    assert estimate(Turn("m", items=(item,))) >= 100  # type: ignore[arg-type]


def test_images_and_tools_count() -> None:
    image = Turn("m", items=(Message("user", (Image(url="data:image/png;base64," + "A" * 100_000),)),))
    assert IMAGE <= estimate(image) <= IMAGE + 10
    tool = Tool("t", "d" * 170, msgspec.Raw(b"{" + b" " * 168 + b"}"))
    assert estimate(Turn("m", tools=(tool,))) >= 100
