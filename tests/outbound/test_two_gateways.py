"""Two gateways on one PostgreSQL: what the API makes at one of them holds at the other."""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import httpx2
import pytest

from tests.outbound.api import Api, problem
from tests.outbound.conftest import change
from tests.outbound.door import Door, door
from tests.outbound.endpoints import Endpoint, endpoints
from tests.postgres import PostgresServer, postgres_server
from tests.support.live import running

__all__ = ["postgres_server"]

pytestmark = pytest.mark.postgres

SOON = 3.0
"""Seconds: the other gateway asks twice in one, and this machine may be busy."""
PAGE = "https://app.example.com"


@dataclass(frozen=True)
class Pair:
    here: Api
    """Where changes are made."""
    there: Api
    door: Door
    endpoint: Endpoint

    def upstream(self, alias: str, url: str = "", **members: Any) -> dict[str, Any]:
        """A new upstream, by default the mock, once it is known at the other gateway."""
        place = self.here.endpoint() if not url else {**self.here.endpoint(), "port": int(url.rpartition(":")[2])}
        made = self.here.upstream(alias, endpoints=[place], **members)
        self.soon(lambda: alias in self.there.live.gateway.runtime.views.named)
        return made

    def soon(self, holds: Callable[[], bool]) -> None:
        """Waits until the other gateway knows."""
        began = time.monotonic()
        while not holds():
            assert time.monotonic() - began < SOON
            time.sleep(0.02)


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory, postgres_server: PostgresServer) -> Iterator[Pair]:
    store = {"url": postgres_server.create_database(), "secret": "env:DRAGOMAN_SECRET"}

    def shared(values: dict[str, Any], mock_url: str) -> None:
        change(values, mock_url)
        values["store"] |= store

    with ExitStack() as stack:
        apis = []
        for name in ("here", "there"):
            environ = {"DRAGOMAN_SECRET": "a secret that both gateways know, 0123456789", "OUTBOUND_KEY": "k1"}
            state = tmp_path_factory.mktemp(name)
            api = Api(stack.enter_context(running(state, shared, timing="instant", environ=environ)))
            stack.enter_context(api.client)
            apis.append(api)
        first, _ = stack.enter_context(endpoints())
        yield Pair(apis[0], apis[1], stack.enter_context(door()), first)


def test_what_is_made_changed_and_removed_here_is_so_there(pair: Pair) -> None:
    assert problem(pair.there.proxy("/known/echo")) == (404, "route_not_found")
    made = pair.upstream("known")
    assert pair.there.proxy("/known/echo").status_code == 200
    assert pair.there.request("GET", f"/upstreams/{made['id']}").json() == made
    route = pair.here.route(made, "/echo")
    pair.soon(lambda: pair.there.proxy("/known/status/200").status_code == 404)
    assert pair.there.proxy("/known/echo").status_code == 200
    changed = pair.here.replace("upstreams", made, enabled=False)
    pair.soon(lambda: pair.there.proxy("/known/echo").status_code == 503)
    stale = pair.there.request("PUT", f"/upstreams/{made['id']}", json=made, headers={"If-Match": '"1"'})
    assert (problem(stale), changed["version"]) == ((412, "precondition_failed"), 2)
    assert pair.there.request("DELETE", f"/upstreams/{made['id']}").status_code == 204
    assert problem(pair.here.request("GET", f"/routes/{route['id']}")) == (404, "resource_not_found")
    assert problem(pair.here.proxy("/known/echo")) == (404, "route_not_found")


def test_whoever_is_asked_about_the_resources_knows_at_once(pair: Pair) -> None:
    for number in range(5):
        made = pair.here.upstream(f"asked-{number}")
        assert pair.there.request("GET", f"/upstreams/{made['id']}").status_code == 200
        assert pair.there.proxy(f"/asked-{number}/echo").status_code == 200


def test_a_rate_limit_of_the_api_holds(pair: Pair) -> None:
    pair.upstream("limited", rate_limit={"sustained": {"rate": 2, "window": "day"}})
    answers = [pair.there.proxy("/limited/echo") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert (answers[0].headers["x-ratelimit-limit"], answers[0].headers["x-ratelimit-remaining"]) == ("2", "1")
    assert problem(answers[2]) == (429, "rate_limit_exceeded")
    assert int(answers[2].headers["retry-after"]) > 0


def test_a_cap_of_the_api_holds(pair: Pair) -> None:
    pair.upstream("capped", pair.door.url, concurrency={"max": 1})
    live = pair.there.live
    url = f"{live.url}/api/oagw/v1/proxy/capped/x"
    with httpx2.stream("GET", url, headers=live.headers(), timeout=20) as held:
        assert held.status_code == 200
        assert problem(pair.there.proxy("/capped/x")) == (503, "concurrency_limit_exceeded")
        pair.door.open()
        held.read()
    assert pair.there.proxy("/capped/x").status_code == 200
    pair.door.close()


def test_repeats_of_the_api_hold(pair: Pair) -> None:
    retry = {"attempts": 3, "statuses": [503], "max_wait": 1}
    pair.upstream("repeated", f"http://127.0.0.1:{pair.endpoint.port}", retry=retry, breaker=False)
    pair.endpoint.upcoming = [503, 503]
    assert pair.there.proxy("/repeated/x").status_code == 200
    assert [seen[0] for seen in pair.endpoint.seen] == ["GET"] * 3
    pair.endpoint.upcoming = [503]
    assert pair.there.proxy("/repeated/x", "POST", content=b"x").status_code == 503


def test_a_breaker_of_the_api_holds(pair: Pair) -> None:
    pair.upstream("resting", "http://127.0.0.1:1", breaker={"failures": 2})
    codes = [problem(pair.there.proxy("/resting/x")) for _ in range(3)]
    assert codes == [(502, "downstream_error")] * 2 + [(503, "circuit_breaker_open")]


def test_health_checks_of_the_api_are_made(pair: Pair) -> None:
    check = {"path": "/ready", "interval": 0.05, "unhealthy_after": 1, "healthy_after": 1}
    pair.endpoint.status = 500
    pair.upstream("checked", f"http://127.0.0.1:{pair.endpoint.port}", health=check)
    pair.soon(lambda: not pair.there.live.gateway.runtime.upstreams["alias:checked"].available())
    pair.endpoint.status = 200
    pair.soon(lambda: pair.there.proxy("/checked/x").status_code == 200)


def test_cors_of_the_api_holds(pair: Pair) -> None:
    pair.upstream("paged", cors={"enabled": True, "origins": [PAGE], "methods": ["GET"]})
    url = f"{pair.there.live.url}/api/oagw/v1/proxy/paged/echo"
    asks = {"Origin": PAGE, "Access-Control-Request-Method": "GET"}
    preflight = httpx2.request("OPTIONS", url, headers=asks, timeout=20)
    assert (preflight.status_code, preflight.headers["access-control-allow-origin"]) == (204, PAGE)
    answer = pair.there.proxy("/paged/echo", headers={"Origin": PAGE})
    assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (200, PAGE)
    elsewhere = pair.there.proxy("/paged/echo", headers={"Origin": "https://evil.example.com"})
    assert problem(elsewhere) == (403, "cors_origin_not_allowed")
