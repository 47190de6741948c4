from collections.abc import Sequence

import msgspec
import pytest

from dragoman.dialects.estimate import IMAGE, OVERHEAD, estimate
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


def test_texts_may_be_counted_by_someone_who_knows_better() -> None:
    tool = Tool("t", "d", msgspec.Raw(b"{}"))
    items = (Message("user", (Text("hi"), Image(url="data:,"), Text("ho"))), ToolCall("c", "name", "{}"))
    seen: list[str] = []

    def count(texts: Sequence[str]) -> float:
        seen.extend(texts)
        return 1000

    assert estimate(Turn("m", items=items, tools=(tool,)), count) == 1000 + IMAGE + 3 * OVERHEAD
    assert seen == ["hi", "ho", "name", "{}", "t", "d", "{}"]


def test_images_and_tools_count() -> None:
    image = Turn("m", items=(Message("user", (Image(url="data:image/png;base64," + "A" * 100_000),)),))
    assert IMAGE <= estimate(image) <= IMAGE + 10
    tool = Tool("t", "d" * 170, msgspec.Raw(b"{" + b" " * 168 + b"}"))
    assert estimate(Turn("m", tools=(tool,))) >= 100
