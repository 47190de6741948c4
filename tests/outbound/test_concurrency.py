"""How many calls to an alias may be under way: scenarios 19.1 to 19.3."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import pytest

from tests.outbound.door import Door, door
from tests.support.live import Live, running

PROXY = "/api/oagw/v1/proxy"


@pytest.fixture(scope="module")
def upstream() -> Iterator[Door]:
    with door() as upstream:
        yield upstream


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory, upstream: Door) -> Iterator[Live]:
    def change(values: dict[str, Any], mock_url: str) -> None:
        rules: dict[str, dict[str, Any]] = {
            "two": {"max": 2},
            "line": {"max": 1, "max_queue": 2, "queue_timeout": 30},
            "hasty": {"max": 1, "max_queue": 1, "queue_timeout": 0.2},
            "fair": {"max": 5, "per_tenant": 1},
            "twenty": {"max": 20},
            "crowd": {"max": 20, "max_queue": 200, "queue_timeout": 60},
        }
        for name, rule in rules.items():
            values["aliases"][name] = {"base_url": upstream.url, "concurrency": rule, "sharing": "inherit"}
        values["tenants"] = {"other": {}}
        values["aliases"]["broken"] = {"base_url": f"{mock_url}/scenario/drop/echo", "concurrency": {"max": 1}}
        values["aliases"]["cut"] = {
            "base_url": f"{mock_url}/scenario/cut-after:1/stream-test",
            "concurrency": {"max": 1},
        }

    with running(tmp_path_factory.mktemp("concurrency"), change, timing="instant") as live:
        yield live


@pytest.fixture
async def client(live: Live, upstream: Door) -> AsyncIterator[httpx2.AsyncClient]:
    """A client of the gateway, over an upstream whose door is shut."""
    live.until(lambda: upstream.inside == 0 and live.gateway.in_flight == 0, "all calls before have ended")
    upstream.close()
    options: dict[str, Any] = {"headers": live.headers(), "timeout": 60, "limits": httpx2.Limits(max_connections=250)}
    async with httpx2.AsyncClient(base_url=f"{live.url}{PROXY}", **options) as client:
        yield client
    upstream.open()


@asynccontextmanager
async def under_way(client: httpx2.AsyncClient, path: str, **headers: str) -> AsyncIterator[httpx2.Response]:
    async with client.stream("GET", path, headers=headers) as response:
        yield response


def waiting(live: Live, alias: str) -> float:
    registry = live.gateway._observer.registry
    return registry.get_sample_value("oagw_queue_depth", {"kind": "alias", "name": alias}) or 0.0


async def until_waiting(live: Live, alias: str, count: int) -> None:
    await asyncio.to_thread(live.until, lambda: waiting(live, alias) == count, f"{count} calls wait")


async def test_i19_1_beyond_the_cap_a_call_is_refused(live: Live, upstream: Door, client: httpx2.AsyncClient) -> None:
    async with under_way(client, "/two/a"), under_way(client, "/two/b"):
        refused = await client.get("/two/c")
        assert (refused.status_code, refused.json()["code"]) == (503, "concurrency_limit_exceeded")
        assert refused.json()["type"] == "gts.cf.core.errors.err.v1~cf.oagw.concurrency_limit.exceeded.v1"
        assert refused.headers["retry-after"] == "1" and refused.json()["retriable"]
        assert refused.headers["x-oagw-error-source"] == "gateway"
    assert len(upstream.seen) == 2
    counted = live.gateway._observer.registry.get_sample_value(
        "oagw_concurrency_limit_exceeded_total", {"kind": "alias", "name": "two"}
    )
    assert counted == 1


async def test_i19_1_a_tenant_has_its_own_cap(live: Live, client: httpx2.AsyncClient) -> None:
    other = await asyncio.to_thread(live.issue, tenant="other")
    async with under_way(client, "/fair/a"):
        assert (await client.get("/fair/b")).status_code == 503
        async with under_way(client, "/fair/c", Authorization=f"Bearer {other}") as response:
            assert response.status_code == 200


async def test_i19_2_those_beyond_wait_in_the_order_of_coming(
    live: Live, upstream: Door, client: httpx2.AsyncClient
) -> None:
    async with asyncio.TaskGroup() as tasks:
        async with under_way(client, "/line/0"):
            first = tasks.create_task(client.get("/line/1"))
            await until_waiting(live, "line", 1)
            second = tasks.create_task(client.get("/line/2"))
            await until_waiting(live, "line", 2)
            refused = await client.get("/line/3")
            assert (refused.status_code, refused.json()["code"]) == (503, "queue_full")
            assert refused.headers["retry-after"] == "1"
            upstream.open()
    assert [(await task).status_code for task in (first, second)] == [200, 200]
    assert [line.split()[1] for line in upstream.seen] == ["/0", "/1", "/2"]
    assert upstream.peak == 1


async def test_i19_2_who_has_waited_too_long_is_told(live: Live, upstream: Door, client: httpx2.AsyncClient) -> None:
    async with under_way(client, "/hasty/0"):
        refused = await client.get("/hasty/1")
        assert (refused.status_code, refused.json()["code"]) == (503, "queue_timeout")
        assert refused.headers["retry-after"] == "1"
        assert waiting(live, "hasty") == 0
    assert len(upstream.seen) == 1


async def test_i19_2_a_caller_that_leaves_the_line_is_passed_over(
    live: Live, upstream: Door, client: httpx2.AsyncClient
) -> None:
    async with asyncio.TaskGroup() as tasks:
        async with under_way(client, "/line/0"):
            leaving = tasks.create_task(client.get("/line/1"))
            await until_waiting(live, "line", 1)
            staying = tasks.create_task(client.get("/line/2"))
            await until_waiting(live, "line", 2)
            leaving.cancel()
            await until_waiting(live, "line", 1)
            upstream.open()
    assert (await staying).status_code == 200
    assert [line.split()[1] for line in upstream.seen] == ["/0", "/2"]


async def test_i19_3_a_place_is_held_to_the_end_of_a_stream(
    live: Live, upstream: Door, client: httpx2.AsyncClient
) -> None:
    async with under_way(client, "/hasty/0") as response:
        parts = response.aiter_bytes()
        assert await anext(parts) == b"data: come\n\n"
        assert (await client.get("/hasty/1")).status_code == 503, "the head and the first event are not the end"
        upstream.open()
        assert b"".join([part async for part in parts]) == b"data: go\n\n"
    assert (await client.get("/hasty/2")).status_code == 200


async def test_i19_3_a_caller_that_leaves_gives_its_place_back(
    live: Live, upstream: Door, client: httpx2.AsyncClient
) -> None:
    for number in range(3):
        async with under_way(client, f"/hasty/{number}") as response:
            assert response.status_code == 200
        await asyncio.to_thread(live.until, lambda: live.gateway.in_flight == 0, "the call is gone")
    assert upstream.peak == 1


@pytest.mark.parametrize(("alias", "ends"), [("broken", 502), ("cut", None)])
async def test_i19_3_a_failed_call_gives_its_place_back(
    client: httpx2.AsyncClient, alias: str, ends: int | None
) -> None:
    for _ in range(3):
        if ends is None:
            with pytest.raises(httpx2.RemoteProtocolError):
                await client.get(f"/{alias}/events")
        else:
            assert (await client.get(f"/{alias}/x")).status_code == ends


async def test_two_hundred_callers_never_pass_a_cap(upstream: Door, client: httpx2.AsyncClient) -> None:
    calls = [asyncio.create_task(client.get(f"/twenty/{number}")) for number in range(200)]
    refused = 0
    for done in asyncio.as_completed(calls):
        if (await done).status_code == 503:
            refused += 1
        if refused == 180:
            upstream.open()
    assert refused == 180
    assert (upstream.peak, len(upstream.seen)) == (20, 20)


async def test_two_hundred_callers_all_get_their_turn(upstream: Door, client: httpx2.AsyncClient) -> None:
    upstream.open()
    seen = await asyncio.gather(*(client.get(f"/crowd/{number}") for number in range(200)))
    assert {response.status_code for response in seen} == {200}
    assert len(upstream.seen) == 200
    assert upstream.peak <= 20


async def test_nothing_is_kept_of_a_gate_that_nobody_uses(live: Live, client: httpx2.AsyncClient) -> None:
    async with under_way(client, "/line/0"):
        assert live.gateway._services.admission._gates
    await asyncio.to_thread(live.until, lambda: live.gateway.in_flight == 0, "the call is gone")
    assert not live.gateway._services.admission._gates
