"""Which route takes a call."""

from typing import Any

import pytest

from dragoman import errors
from dragoman.errors import ErrorKind, GatewayError
from dragoman.policy.matching import Routes, Rule
from dragoman.policy.resources import Match, Method, RouteRules
from dragoman.policy.resources import Timeouts as Own
from dragoman.policy.routing import Timeouts

DEFAULT = Timeouts(1, 2, 3, 4)


def rule(name: str, path: str, *methods: Method, match: Any = None, **members: Any) -> Rule:
    matching = Match(methods=methods or ("GET",), path=path, **(match or {}))
    return Rule.of(name, RouteRules(match=matching, **members), DEFAULT)


def taken(rules: list[Rule], path: str, method: str = "GET", query: str = "") -> str | ErrorKind:
    """The id of the route that takes a call, whatever the order in which the routes were given."""
    found: list[str | ErrorKind] = []
    for ordered in (rules, rules[::-1]):
        try:
            found.append(Routes(ordered).find(method, path.encode(), query.encode()).id)
        except GatewayError as error:
            found.append(error.kind)
    assert found[0] == found[1]
    return found[0]


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/v1/items", "items"),
        ("/v1/items/", "items"),
        ("/v1/items/7", "items"),
        ("/v1//items", "items"),
        ("/%76%31/items", "items"),
        ("/v1/itemsX", "v1"),
        ("/v1/item", "v1"),
        ("/v1%2Fitems", "root"),
        ("/v1/ITEMS", "v1"),
        ("/v1", "v1"),
        ("/v", "root"),
        ("", "root"),
        ("/", "root"),
    ],
)
def test_the_longest_path_by_whole_segments_wins(path: str, expected: str) -> None:
    assert taken([rule("root", "/"), rule("v1", "/v1/"), rule("items", "/v1/items")], path) == expected


def test_among_equal_paths_the_higher_priority_wins() -> None:
    rules = [rule("low", "/a", priority=-1), rule("plain", "/a"), rule("high", "/a", priority=10), rule("x", "/")]
    assert taken(rules, "/a/b") == "high"
    assert taken([*rules, rule("long", "/a/b", priority=-1000)], "/a/b") == "long"
    assert taken([rule("b", "/a"), rule("a", "/a")], "/a") == "a"


def test_a_method_that_no_route_has_is_not_found() -> None:
    rules = [rule("read", "/a", "GET", "HEAD"), rule("write", "/", "POST")]
    assert taken(rules, "/a", "HEAD") == "read"
    assert taken(rules, "/a", "POST") == "write"
    assert taken(rules, "/a", "DELETE") is errors.ROUTE_NOT_FOUND
    assert taken(rules, "/b") is errors.ROUTE_NOT_FOUND
    assert taken([], "/") is errors.ROUTE_NOT_FOUND


def test_a_route_that_is_switched_off_is_not_there() -> None:
    assert taken([rule("off", "/a/b", enabled=False), rule("on", "/a")], "/a/b") == "on"
    assert taken([rule("off", "/a", enabled=False)], "/a") is errors.ROUTE_NOT_FOUND


def test_a_route_may_take_its_own_path_only() -> None:
    exact = [rule("exact", "/a", match={"suffix": "disabled"}), rule("root", "/")]
    assert taken(exact, "/a") == "exact"
    assert taken(exact, "/a/b") is errors.PATH_SUFFIX_NOT_ALLOWED


@pytest.mark.parametrize(
    ("allowed", "query", "passes"),
    [
        (["*"], "anything=1", True),
        ([], "", True),
        ([], "&", True),
        ([], "a=1", False),
        ([], "a", False),
        (["a", "b c"], "a=1&b%20c=2&b+c&a", True),
        (["a"], "%61=1", True),
        (["a"], "a=1&A=1", False),
        (["a"], "a=1;b=2", False),
        (["a"], "=1", False),
    ],
)
def test_only_listed_query_parameters_pass(allowed: list[str], query: str, passes: bool) -> None:
    rules = [rule("r", "/", match={"query_allowlist": allowed})]
    assert taken(rules, "/x", query=query) == ("r" if passes else errors.QUERY_NOT_ALLOWED)


def test_a_refused_parameter_is_named() -> None:
    with pytest.raises(GatewayError, match="'page'.*allowed: limit, sort") as caught:
        Routes([rule("r", "/", match={"query_allowlist": ["sort", "limit"]})]).find("GET", b"/", b"page=2")
    assert caught.value.param == "page"


def test_the_deadlines_of_a_route_are_its_upstreams_where_it_has_none() -> None:
    own = rule("r", "/", timeouts=Own(first_byte=9, total=8))
    assert own.timeouts == Timeouts(1, 9, 3, 8)
    assert rule("s", "/").timeouts == DEFAULT
