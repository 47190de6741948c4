"""What a list is asked for in OData's words."""

from urllib.parse import quote

import pytest

from dragoman.errors import GatewayError
from dragoman.policy.odata import parse

ITEMS = [
    {"name": "b", "size": 2, "on": True, "tags": ["x", "y"], "note": None},
    {"name": "a", "size": 2, "on": False, "tags": [], "note": "it's"},
    {"name": "c", "size": 1, "on": True, "tags": ["x"], "note": None},
]
NAMES = tuple(ITEMS[0])


def names(**options: str) -> list[object]:
    query = "&".join(f"${name}={quote(value)}" for name, value in options.items())
    return [item["name"] for item in parse(query.encode(), NAMES).apply(ITEMS)[0]]


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("", "bac"),
        ("name eq 'a'", "a"),
        ("name ne 'a'", "bc"),
        ("on eq true", "bc"),
        ("size eq 2 and on eq true", "b"),
        ("tags eq 'x' and tags eq 'y'", "b"),
        ("tags ne 'x'", "a"),
        ("note eq null", "bc"),
        ("note eq 'it''s'", "a"),
        ("size eq '2'", ""),
        ("on eq 1", ""),
        ("name eq 'and' and name eq 'a'", ""),
    ],
)
def test_a_filter_lets_through_what_it_says(asked: str, found: str) -> None:
    assert "".join(map(str, names(filter=asked))) == found


@pytest.mark.parametrize(
    ("asked", "found"),
    [("name", "abc"), ("name desc", "cba"), ("size, name desc", "cba"), ("size desc,name asc", "abc"), ("note", "bca")],
)
def test_an_order_is_by_one_name_after_the_other(asked: str, found: str) -> None:
    assert "".join(map(str, names(orderby=asked))) == found


def test_a_page_is_a_part_of_what_is_found_and_tells_how_much_that_is() -> None:
    page, total = parse(b"$top=1&$skip=1&$select=name,size&$orderby=name", NAMES).apply(ITEMS)
    assert (page, total) == ([{"name": "b", "size": 2}], 3)
    assert parse(b"limit=1&offset=2", NAMES).apply(ITEMS) == ([ITEMS[2]], 3)
    assert parse(b"$skip=9", NAMES).apply(ITEMS) == ([], 3)


@pytest.mark.parametrize(
    ("query", "param"),
    [
        ("$filter=name", "$filter"),
        ("$filter=name eq a", "$filter"),
        ("$filter=name eq 'a' or name eq 'b'", "$filter"),
        ("$filter=name eq 'a' and", "$filter"),
        ("$filter=name eq 'a' and ", "$filter"),
        ("$filter=name eq 'a'name eq 'b'", "$filter"),
        ("$filter=nope eq 1", "$filter"),
        ("$orderby=nope", "$orderby"),
        ("$orderby=name,", "$orderby"),
        ("$orderby=name up", "$orderby"),
        ("$select=nope", "$select"),
        ("$top=0", "$top"),
        ("$top=101", "$top"),
        ("$top=\u0661", "$top"),
        ("$skip=-1", "$skip"),
        ("$count=true", "$count"),
        ("$top=1&limit=1", "limit"),
    ],
)
def test_what_is_not_understood_is_refused_by_name(query: str, param: str) -> None:
    with pytest.raises(GatewayError) as caught:
        parse(query.replace(" ", "%20").encode(), NAMES)
    assert caught.value.param == param
