"""Text is stored as it is wherever a database can hold it."""

import pytest

from dragoman.stores.text import MAX_CHARS, storable


@pytest.mark.parametrize("text", ["", "gpt-4o-mini", "Ünïcode ☕ 🜁", "a'b\"c;--", "x" * MAX_CHARS])
def test_ordinary_text_is_untouched(text: str) -> None:
    assert storable(text) == text


@pytest.mark.parametrize(
    ("text", "stored"),
    [("a\0b", "a\ufffdb"), ("a\ud800b", "a?b"), ("é" * 600, "é" * MAX_CHARS), ("x" * 10_000, "x" * MAX_CHARS)],
)
def test_the_rest_is_replaced_or_cut(text: str, stored: str) -> None:
    assert storable(text) == stored
