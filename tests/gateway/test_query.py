"""Query strings and pages of lists."""

from collections.abc import Callable

import pytest

from dragoman.errors import GatewayError
from dragoman.gateway.query import Query

ITEMS = [(str(number), number) for number in range(5)]


def page(text: bytes) -> tuple[list[int], bool]:
    found, more = Query(text, ("limit", "order", "after")).page(ITEMS)
    return [value for _, value in found], more


def test_values_are_read_by_type() -> None:
    query = Query(b"a=x%20y&n=7&f=true&list[]=y&list[]=z", ("a", "n", "f", "list"))
    assert query.text("a") == "x y"
    assert query.text("b") is None
    assert query.number("n", 1, least=0, most=9) == 7
    assert query.number("m", 1, least=0, most=9) == 1
    assert query.flag("f")
    assert not query.flag("g")
    assert query.text("list") == "z"
    assert list(query.texts("list")) == ["y", "z"]
    assert not query.texts("none")


@pytest.mark.parametrize("value", ["", "x", "1.5", "-1", "--5", "-", "%2B5", "10", "9" * 30, "\u0664"])
def test_a_number_out_of_its_range_is_named(value: str) -> None:
    query = Query(f"n={value}".encode(), ("n",))
    with pytest.raises(GatewayError, match="from 0 to 9") as caught:
        query.number("n", 1, least=0, most=9)
    assert caught.value.param == "n"


def test_an_unknown_name_and_a_flag_that_is_none_are_named() -> None:
    read: list[Callable[[], object]] = [lambda: Query(b"x=1", ("y",)), lambda: Query(b"x=1", ("x",)).flag("x")]
    for attempt in read:
        with pytest.raises(GatewayError) as caught:
            attempt()
        assert caught.value.param == "x"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b"", ([4, 3, 2, 1, 0], False)),
        (b"order=asc", ([0, 1, 2, 3, 4], False)),
        (b"limit=2", ([4, 3], True)),
        (b"limit=2&after=3", ([2, 1], True)),
        (b"limit=2&after=2&order=asc", ([3, 4], False)),
        (b"after=0", ([], False)),
    ],
)
def test_a_page_is_what_it_asks_for(text: bytes, expected: tuple[list[int], bool]) -> None:
    assert page(text) == expected


@pytest.mark.parametrize("text", [b"limit=0", b"limit=101", b"order=up", b"after=9"])
def test_a_page_that_cannot_be_is_refused(text: bytes) -> None:
    with pytest.raises(GatewayError):
        page(text)
