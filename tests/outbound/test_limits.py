"""How often an alias may be called: scenarios 18.1 to 18.6."""

import asyncio
import time
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from tests.support.live import Live, running

PROXY = "/api/oagw/v1/proxy"
SHOWN = ("x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset")


def a_day(rate: int, **members: Any) -> dict[str, Any]:
    """A limit that nothing comes back to while a test runs."""
    return {"sustained": {"rate": rate, "window": "day"}, **members}


def change(values: dict[str, Any], mock_url: str) -> None:
    values["server"]["trusted_proxies"] = ["127.0.0.1"]
    values["server"]["metrics_public"] = True
    limits = {
        "burst": a_day(100, burst=3),
        "quiet": a_day(1, response_headers=False),
        "sliding": {"sustained": {"rate": 4, "window": "second"}, "algorithm": "sliding_window"},
        "everyone": a_day(2, scope="global"),
        "by-tenant": a_day(2, scope="tenant"),
        "by-user": a_day(2, scope="user"),
        "by-address": a_day(2, scope="ip"),
        "by-route": a_day(2, scope="route"),
        "dear": a_day(10, cost=4),
        "patient": {"sustained": {"rate": 20, "window": "second"}, "burst": 1, "strategy": "queue"},
        "hopeless": a_day(1, strategy="queue"),
        "crowd": a_day(50, scope="global"),
        "bad-path": a_day(1),
    }
    for name, limit in limits.items():
        values["aliases"][name] = {"base_url": f"{mock_url}/echo", "rate_limit": limit}
    values["aliases"]["narrow"] = {
        "base_url": f"{mock_url}/echo",
        "rate_limit": {"sustained": {"rate": 1}, "burst": 1, "strategy": "queue"},
        "concurrency": {"max": 10, "max_queue": 1, "queue_timeout": 20},
    }
    values["aliases"]["routed"] = {
        "base_url": f"{mock_url}/echo",
        "rate_limit": a_day(2, scope="route"),
        "routes": [
            {"match": {"methods": ["GET"], "path": "/a"}},
            {"match": {"methods": ["GET"], "path": "/b"}},
            {"match": {"methods": ["GET"], "path": "/b/tight"}, "rate_limit": a_day(1)},
        ],
    }
    values["upstreams"]["shared"] = {"base_url": f"{mock_url}/echo", "rate_limit": a_day(100, burst=3)}
    values["aliases"]["tight"] = {"upstream": "shared", "rate_limit": a_day(100, burst=2)}
    values["aliases"]["wide"] = {"upstream": "shared", "rate_limit": a_day(100, burst=50)}


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with running(tmp_path_factory.mktemp("limits"), change, timing="instant") as live:
        yield live


def get(http: httpx2.Client, path: str) -> int:
    return http.get(f"{PROXY}/{path}").status_code


def call(http: httpx2.Client, alias: str, key: str = "", **headers: str) -> httpx2.Response:
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    if key:
        given["Authorization"] = f"Bearer {key}"
    return http.get(f"{PROXY}/{alias}/x", headers=given)


def statuses(http: httpx2.Client, alias: str, count: int, **headers: str) -> list[int]:
    return [call(http, alias, **headers).status_code for _ in range(count)]


def counted(http: httpx2.Client, metric: str, alias: str, **labels: str) -> float:
    """What `/metrics` says of an alias."""
    given = ",".join(f'{label}="{value}"' for label, value in {"kind": "alias", "name": alias, **labels}.items())
    for line in http.get("/metrics").text.splitlines():
        if line.startswith(f"{metric}{{{given}}} "):
            return float(line.rpartition(" ")[2])
    return 0.0


async def until_waiting(live: Live, alias: str, count: int) -> None:
    registry = live.gateway._observer.registry
    labels = {"kind": "alias", "name": alias}

    def as_many() -> bool:
        return registry.get_sample_value("oagw_queue_depth", labels) == count

    await asyncio.to_thread(live.until, as_many, f"{count} calls wait")


def test_p18_1_burst_and_headers(live: Live, http: httpx2.Client) -> None:
    before = live.received
    seen = [call(http, "burst") for _ in range(4)]
    assert [response.status_code for response in seen] == [200, 200, 200, 429]
    assert [response.headers["x-ratelimit-limit"] for response in seen] == ["3"] * 4
    assert [response.headers["x-ratelimit-remaining"] for response in seen] == ["2", "1", "0", "0"]
    # A hundred a day: each call is given back after 864 s.
    resets = [int(response.headers["x-ratelimit-reset"]) - time.time() for response in seen]
    assert resets[:3] == pytest.approx([864, 1728, 2592], abs=5)
    refused = seen[3]
    assert refused.headers["x-oagw-error-source"] == "gateway"
    problem = refused.json()
    assert problem["code"] == "rate_limit_exceeded" and problem["retriable"] and problem["alias"] == "burst"
    assert problem["type"] == "gts.cf.core.errors.err.v1~cf.oagw.rate_limit.exceeded.v1"
    assert problem["retry_after_seconds"] == int(refused.headers["retry-after"]) == pytest.approx(864, abs=5)
    assert live.received - before == 3, "a refused call reaches nobody"
    assert counted(http, "oagw_rate_limit_exceeded_total", "burst") == 1
    assert counted(http, "oagw_rate_limit_usage_ratio", "burst") == 1


def test_p18_1_1_headers_off_keeps_retry_after(http: httpx2.Client) -> None:
    passed, refused = call(http, "quiet"), call(http, "quiet")
    assert (passed.status_code, refused.status_code) == (200, 429)
    for response in (passed, refused):
        assert not set(SHOWN) & set(response.headers)
    assert int(refused.headers["retry-after"]) == pytest.approx(86_400, abs=60)


def test_n18_2_a_sliding_window_has_no_second_burst_at_its_border(http: httpx2.Client) -> None:
    passed: list[tuple[float, float]] = []
    begin = time.monotonic()
    while len(passed) < 6 and time.monotonic() < begin + 30:
        asked = time.monotonic()
        if call(http, "sliding").status_code == 200:
            passed.append((asked, time.monotonic()))
    assert len(passed) == 6
    for (asked, _), (_, answered) in zip(passed, passed[4:], strict=False):
        assert answered - asked > 0.99  # a second, less the milliseconds that the limit reckons in


def test_p18_3_a_scope_says_who_shares_a_bucket(live: Live, http: httpx2.Client) -> None:
    other = live.issue()
    assert statuses(http, "everyone", 2) == [200, 200]
    assert call(http, "everyone", other).status_code == 429
    for alias, status in (("by-tenant", 429), ("by-user", 200)):
        assert statuses(http, alias, 3) == [200, 200, 429]
        assert call(http, alias, other).status_code == status
    assert statuses(http, "by-route", 3) == [200, 200, 429]


def test_p18_3_an_address_is_the_callers_as_far_as_our_own_proxies_say(http: httpx2.Client) -> None:
    first = {"X_Forwarded_For": "1.2.3.4, 203.0.113.1"}
    assert statuses(http, "by-address", 3, **first) == [200, 200, 429]
    forged = {"X_Forwarded_For": "5.6.7.8, 203.0.113.1"}
    assert call(http, "by-address", **forged).status_code == 429, "what a caller claims makes no new bucket"
    assert call(http, "by-address", X_Forwarded_For="203.0.113.2").status_code == 200
    assert statuses(http, "by-address", 2, X_Forwarded_For="2001:db8::1") == [200, 200]
    assert call(http, "by-address", X_Forwarded_For="2001:db8::2").status_code == 429, "one subscriber"


def test_p18_3_by_route_each_route_has_a_bucket_and_may_have_a_limit_of_its_own(http: httpx2.Client) -> None:
    assert [get(http, "routed/a/x") for _ in range(3)] == [200, 200, 429]
    assert [get(http, "routed/b/tight") for _ in range(2)] == [200, 429]
    assert [get(http, "routed/b/x") for _ in range(3)] == [200, 200, 429], "what a route refused it has not paid for"


def test_p18_4_a_call_costs_what_its_rule_says(http: httpx2.Client) -> None:
    seen = [call(http, "dear") for _ in range(3)]
    assert [response.status_code for response in seen] == [200, 200, 429]
    assert [response.headers["x-ratelimit-remaining"] for response in seen] == ["6", "2", "2"]


def test_n18_5_by_reject_a_call_is_refused_and_by_queue_it_waits_its_turn(http: httpx2.Client) -> None:
    begin = time.monotonic()
    assert statuses(http, "patient", 5) == [200] * 5
    assert time.monotonic() - begin > 0.15  # four of them 50 ms each, less what rounding may give
    waited = counted(http, "oagw_queue_wait_duration_seconds_count", "patient")
    assert waited >= 3
    assert counted(http, "oagw_queue_depth", "patient") == 0


def test_n18_5_a_call_whose_turn_comes_too_late_is_told_at_once(http: httpx2.Client) -> None:
    assert call(http, "hopeless").status_code == 200
    begin = time.monotonic()
    refused = call(http, "hopeless")
    assert time.monotonic() - begin < 4
    assert (refused.status_code, refused.json()["code"]) == (503, "queue_timeout")
    assert int(refused.headers["retry-after"]) > 80_000
    assert counted(http, "oagw_queue_rejected_total", "hopeless", reason="timeout") == 1


async def test_n18_5_a_line_is_bounded_and_in_the_order_of_coming(live: Live) -> None:
    async with httpx2.AsyncClient(headers=live.headers(), timeout=30) as client:

        async def ask() -> int:
            response = await client.get(f"{live.url}{PROXY}/narrow/x")
            return response.status_code

        assert await ask() == 200
        first = asyncio.create_task(ask())
        await until_waiting(live, "narrow", 1)
        refused = await client.get(f"{live.url}{PROXY}/narrow/x")
        assert (refused.status_code, refused.json()["code"]) == (503, "queue_full")
        assert refused.headers["retry-after"] == "1"
        assert await first == 200


async def test_n18_5_a_caller_that_leaves_the_line_is_out_of_it(live: Live) -> None:
    async with httpx2.AsyncClient(headers=live.headers()) as client:
        await client.get(f"{live.url}{PROXY}/narrow/x", timeout=30)
        with pytest.raises(httpx2.ReadTimeout):
            await client.get(f"{live.url}{PROXY}/narrow/x", timeout=0.2)
    await until_waiting(live, "narrow", 0)


def test_p18_6_of_the_limits_of_a_call_the_tightest_holds_and_none_is_spent_for_the_others(http: httpx2.Client) -> None:
    seen = [call(http, "tight") for _ in range(3)]
    assert [response.status_code for response in seen] == [200, 200, 429]
    assert [response.headers["x-ratelimit-limit"] for response in seen] == ["2"] * 3
    # The refused call has left the third token of the shared upstream to the other alias.
    seen = [call(http, "wide") for _ in range(2)]
    assert [response.status_code for response in seen] == [200, 429]
    assert [response.headers["x-ratelimit-limit"] for response in seen] == ["3"] * 2
    assert seen[1].json()["upstream"] == "shared"


def test_a_request_that_could_not_go_out_anyway_costs_nothing(live: Live, http: httpx2.Client) -> None:
    path = f"{PROXY}/bad-path/%2e%2e/x"
    raw = live.raw(f"GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {live.key}\r\n\r\n".encode())
    assert raw.startswith(b"HTTP/1.1 400 ")
    assert call(http, "bad-path").status_code == 200


async def test_two_hundred_callers_get_what_a_limit_has_and_no_more(live: Live) -> None:
    limits = httpx2.Limits(max_connections=200)
    async with httpx2.AsyncClient(headers=live.headers(), timeout=60, limits=limits) as client:
        seen = await asyncio.gather(*(client.get(f"{live.url}{PROXY}/crowd/x") for _ in range(200)))
    assert sorted(response.status_code for response in seen) == [200] * 50 + [429] * 150


def test_an_alias_without_limits_says_nothing_of_them(http: httpx2.Client) -> None:
    assert not set(SHOWN) & set(call(http, "weather/current").headers)
