"""Query strings and pages of lists."""

from collections.abc import Callable

import pytest

from dragoman.errors import GatewayError
from dragoman.gateway.query import Query
from dragoman.ports import Window


def test_values_are_read_by_type() -> None:
    query = Query(b"a=x%20y&n=7&f=true&list[]=y&list[]=z", ("a", "n", "f", "list"))
    assert query.text("a") == "x y"
    assert query.text("b") is None
    assert query.number("n", 1, least=0, most=9) == 7
    assert query.number("m", 1, least=0, most=9) == 1
    assert query.flag("f")
    assert not query.flag("g")
    assert query.text("list") == "z"
    assert list(query.choices("list", ("x", "y", "z"))) == ["y", "z"]
    assert not query.choices("none", ())


@pytest.mark.parametrize("value", ["", "x", "1.5", "-1", "--5", "-", "%2B5", "10", "9" * 30, "\u0664"])
def test_a_number_out_of_its_range_is_named(value: str) -> None:
    query = Query(f"n={value}".encode(), ("n",))
    with pytest.raises(GatewayError, match="from 0 to 9") as caught:
        query.number("n", 1, least=0, most=9)
    assert caught.value.param == "n"


def test_an_unknown_name_and_a_flag_that_is_none_are_named() -> None:
    read: list[Callable[[], object]] = [
        lambda: Query(b"x=1", ("y",)),
        lambda: Query(b"x=1", ("x",)).flag("x"),
        lambda: Query(b"x=1&x[]=2", ("x",)).choices("x", ("1",)),
    ]
    for attempt in read:
        with pytest.raises(GatewayError) as caught:
            attempt()
        assert caught.value.param == "x"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b"", Window(20, True, "")),
        (b"order=asc", Window(20, False, "")),
        (b"limit=2&after=x&order=desc", Window(2, True, "x")),
        (b"limit=100", Window(100, True, "")),
    ],
)
def test_the_part_of_a_list_that_is_asked_for(text: bytes, expected: Window) -> None:
    assert Query(text, ("limit", "order", "after")).window() == expected


@pytest.mark.parametrize(
    ("text", "param"), [(b"limit=0", "limit"), (b"limit=101", "limit"), (b"order=up", "order"), (b"after=", "after")]
)
def test_a_part_that_cannot_be_is_named(text: bytes, param: str) -> None:
    with pytest.raises(GatewayError) as caught:
        Query(text, ("limit", "order", "after")).window()
    assert caught.value.param == param
