"""What may be written of an upstream and its routes, and what its parts cannot say together."""

from typing import Any

import msgspec
import pytest

from dragoman.errors import GatewayError
from dragoman.policy import resources
from dragoman.policy.resources import Route, Upstream


def upstream(**members: Any) -> Upstream:
    return msgspec.convert({"endpoints": [{"host": "api.example.com"}], **members}, Upstream)


def test_an_upstream_needs_no_more_than_a_host() -> None:
    made = upstream()
    assert (made.enabled, made.auth.type, made.breaker is not None, resources.port(made.endpoints[0])) == (
        True, "none", True, 443
    )  # fmt: skip
    resources.check_upstream(made)


@pytest.mark.parametrize(
    "members",
    [
        {"endpoints": []},
        {"endpoints": [{"host": ""}]},
        {"endpoints": [{"host": "a", "port": 70000}]},
        {"endpoints": [{"host": "a", "scheme": "ftp"}]},
        {"alais": "a"},
        {"tags": ["UPPER"]},
        {"headers": {"request": {"set": {"bad name": "x"}}}},
        {"headers": {"request": {"set": {"x": "a\r\nb"}}}},
        {"rate_limit": {}},
        {"rate_limit": {"sustained": {"rate": 0}}},
        {"rate_limit": {"sustained": {"rate": 1}, "strategy": "degrade"}},
        {"concurrency": {"max": 0}},
        {"auth": {"type": "magic"}},
    ],
)
def test_what_is_no_upstream_is_refused(members: dict[str, Any]) -> None:
    with pytest.raises(msgspec.ValidationError):
        upstream(**members)


@pytest.mark.parametrize(
    ("members", "param"),
    [
        ({"endpoints": [{"host": "a"}, {"host": "b", "port": 8443}]}, "endpoints[1]"),
        ({"endpoints": [{"host": "a"}, {"host": "b", "scheme": "http"}]}, "endpoints[1]"),
        ({"alias": "Not An Alias"}, "alias"),
        ({"alias": "-a"}, "alias"),
        ({"cors": {"enabled": True, "origins": ["*"], "credentials": True}}, "cors.origins"),
    ],
)
def test_parts_that_contradict_one_another_are_named(members: dict[str, Any], param: str) -> None:
    with pytest.raises(GatewayError) as caught:
        resources.check_upstream(upstream(**members))
    assert caught.value.param == param


def test_a_route_is_checked_too() -> None:
    cors = {"enabled": True, "origins": ["*"], "credentials": True}
    made = msgspec.convert({"upstream_id": "u", "match": {"methods": ["GET"]}, "cors": cors}, Route)
    with pytest.raises(GatewayError):
        resources.check_route(made)
    resources.check_route(msgspec.convert({"upstream_id": "u", "match": {"methods": ["GET"], "path": "/v1"}}, Route))


@pytest.mark.parametrize("match", [{"methods": []}, {"methods": ["TRACE"]}, {"methods": ["GET"], "path": "v1"}])
def test_a_match_that_matches_nothing_is_refused(match: dict[str, Any]) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"upstream_id": "u", "match": match}, Route)
