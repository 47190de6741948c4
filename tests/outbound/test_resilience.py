"""Endpoints, breakers and the target host, by the ids of the outbound contract's scenarios."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from time import monotonic
from typing import Any

import httpx2
import pytest

from tests.outbound.endpoints import HOSTS, Endpoint, endpoints
from tests.support.live import Live, running

PROXY = "/api/oagw/v1/proxy"
DEADLINE = 20.0
ONE, TWO = HOSTS
TARGET = "X-OAGW-Target-Host"


@pytest.fixture(scope="module")
def servers() -> Iterator[tuple[Endpoint, Endpoint]]:
    with endpoints() as both:
        yield both


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory, servers: tuple[Endpoint, Endpoint]) -> Iterator[Live]:
    port = servers[0].port

    def change(values: dict[str, Any], mock_url: str) -> None:
        quick = {"failures": 2, "open_for": 0.2, "probes": 1}

        def at(*hosts: str, port: int = port, path: str = "") -> list[dict[str, object]]:
            return [{"scheme": "http", "host": host, "port": port, "path": path} for host in hosts]

        pool = {"endpoints": at(ONE, TWO, path="/base")}
        for name in ("round", "named", "cursor", "halves"):
            values["aliases"][name] = dict(pool)
        check = {"path": "/ready", "interval": 0.05, "unhealthy_after": 2, "healthy_after": 2}
        values["aliases"]["checked"] = {**pool, "health": check, "breaker": False}
        values["aliases"]["watched"] = {**pool, "breaker": {"failures": 1}}
        values["aliases"]["halves"]["breaker"] = {**quick, "open_for": 60}
        for name in ("crowded", "probed"):
            values["aliases"][name] = {"base_url": f"http://{ONE}:{port}", "breaker": {**quick, "probes": 3}}
        values["aliases"]["crowded"]["breaker"]["open_for"] = 60
        values["aliases"]["single"] = {"base_url": f"http://localhost:{port}"}
        values["aliases"]["quick"] = {"base_url": f"http://{ONE}:{port}", "breaker": quick}
        again = {"attempts": 3, "statuses": [503], "max_wait": 1}
        values["aliases"]["again"] = {"base_url": f"http://{ONE}:{port}", "retry": again, "breaker": False}
        values["aliases"]["lame"] = {"endpoints": at(ONE, "127.0.0.3"), "retry": again}
        values["upstreams"]["sturdy"] = {"base_url": f"http://{ONE}:{port}", "retry": again, "direct": True}
        values["aliases"]["of-sturdy"] = {"upstream": "sturdy"}
        values["aliases"]["once"] = {"upstream": "sturdy", "retry": {"attempts": 1, "statuses": []}}
        values["upstreams"]["tended"] = {
            "base_url": f"http://{ONE}:{port}/base", "hosts": [TWO], "health": check, "breaker": False,
        }  # fmt: skip
        values["aliases"]["resting"] = {"base_url": f"http://{ONE}:{port}"}
        values["aliases"]["dead"] = {"endpoints": at(ONE, TWO, port=1)}
        limit = {"sustained": {"rate": 1, "window": "day"}}
        values["aliases"]["limited.localhost"] = {
            "endpoints": at("a.limited.localhost", "b.limited.localhost"), "rate_limit": limit,
        }  # fmt: skip
        values["aliases"]["0.1"] = {"endpoints": at("127.0.0.1", "127.1.0.1")}

    with running(tmp_path_factory.mktemp("resilience"), change, timing="instant") as live:
        yield live


@pytest.fixture(autouse=True)
def at_their_best(servers: tuple[Endpoint, Endpoint]) -> None:
    for endpoint in servers:
        endpoint.gate.set()
        endpoint.status = 200
        endpoint.headers = {}
        endpoint.upcoming = []
        endpoint.seen.clear()


def call(live: Live, path: str, host: str | None = None, method: str = "GET", **options: Any) -> httpx2.Response:
    headers = {**live.headers(), **({} if host is None else {TARGET: host}), **options.pop("headers", {})}
    return httpx2.request(method, f"{live.url}{PROXY}/{path}", headers=headers, timeout=DEADLINE, **options)


def refusal(response: httpx2.Response) -> str:
    """The code of an error of the gateway's own."""
    assert response.headers["x-oagw-error-source"] == "gateway"
    assert response.headers["content-type"] == "application/problem+json"
    problem = response.json()
    assert problem["status"] == response.status_code
    assert problem["type"].endswith(".v1")
    return str(problem["code"])


def eventually(look: Callable[[], bool]) -> None:
    end = monotonic() + DEADLINE
    while not look():
        assert monotonic() < end


def test_p2_10_calls_go_round_the_endpoints(live: Live, servers: tuple[Endpoint, Endpoint]) -> None:
    answers = [call(live, "round/x").text for _ in range(6)]
    assert Counter(answers) == {ONE: 3, TWO: 3}
    assert answers[:3] != answers[1:4], "by turns"
    assert servers[1].seen[0][1] == "/base/x" and servers[1].seen[0][2]["host"] == f"{TWO}:{servers[0].port}"


def test_n2_10_with_all_endpoints_dead_the_call_fails(live: Live) -> None:
    answer = call(live, "dead/x")
    assert answer.status_code == 502 and refusal(answer) == "downstream_error"
    assert answer.headers["retry-after"]


async def crowd(live: Live, path: str, count: int = 200) -> AsyncIterator[httpx2.Response]:
    """The answers to so many calls at once, as they come."""
    limits = httpx2.Limits(max_connections=count)
    async with httpx2.AsyncClient(base_url=f"{live.url}{PROXY}", headers=live.headers(), limits=limits) as client:
        calls = [client.get(f"/{path}/{number}", timeout=DEADLINE) for number in range(count)]
        for done in asyncio.as_completed(calls):
            yield await done


async def test_20_1_two_hundred_failures_at_once_open_a_breaker_once(
    live: Live, servers: tuple[Endpoint, Endpoint]
) -> None:
    servers[0].status = 500
    codes = Counter([answer.status_code async for answer in crowd(live, "crowded")])
    assert codes[500] == len(servers[0].seen) and codes[500] + codes[503] == 200
    (endpoint,) = live.gateway.runtime.upstreams["alias:crowded"].status()
    assert (endpoint.circuit, endpoint.transitions["open"]) == ("open", 1)
    assert endpoint.selected == len(servers[0].seen)


async def test_20_2_of_two_hundred_callers_no_more_probe_than_may(
    live: Live, servers: tuple[Endpoint, Endpoint]
) -> None:
    pool, gate = live.gateway.runtime.upstreams["alias:probed"], servers[0].gate
    servers[0].status = 500
    for _ in range(2):
        await asyncio.to_thread(call, live, "probed/x")
    await asyncio.to_thread(live.until, lambda: pool.status()[0].circuit == "half_open", "it is time for probes")
    servers[0].status = 200
    servers[0].seen.clear()
    gate.clear()
    codes: Counter[int] = Counter()
    async for answer in crowd(live, "probed"):
        codes[answer.status_code] += 1
        if codes[503] == 197:
            gate.set()
    assert codes == {503: 197, 200: 3}
    assert len(servers[0].seen) == 3
    assert pool.status()[0].circuit == "closed"


def test_target_host_p1_1_one_endpoint_needs_none(live: Live) -> None:
    assert call(live, "single/x").status_code == 200


def test_target_host_p1_2_one_endpoint_may_be_named(live: Live, servers: tuple[Endpoint, Endpoint]) -> None:
    assert call(live, "single/x", "localhost").status_code == 200
    assert TARGET.lower() not in servers[0].seen[-1][2], "it is for the gateway alone"


def test_target_host_p2_1_a_pool_named_freely_needs_none(live: Live) -> None:
    assert {call(live, "named/x").text for _ in range(2)} == {ONE, TWO}


def test_target_host_p2_2_it_chooses_the_endpoint(live: Live) -> None:
    assert [call(live, "named/x", TWO).text for _ in range(3)] == [TWO] * 3


def test_target_host_p3_1_a_common_suffix_goes_with_a_host(live: Live) -> None:
    assert call(live, "0.1/x", "127.0.0.1").text == ONE


def test_target_host_p3_2_its_case_does_not_matter(live: Live) -> None:
    assert call(live, "single/x", "LocalHost").status_code == 200
    assert call(live, "single/x", "localhost.").status_code == 200


def test_target_host_p3_3_it_leaves_the_turn_of_the_others(live: Live) -> None:
    assert call(live, "cursor/x").text == ONE
    assert [call(live, "cursor/x", ONE).text for _ in range(3)] == [ONE] * 3
    assert [call(live, "cursor/x").text for _ in range(2)] == [TWO, ONE]


def test_n6_3_and_target_host_n1_1_a_common_suffix_alone_is_refused(
    live: Live, servers: tuple[Endpoint, Endpoint]
) -> None:
    answer = call(live, "0.1/x")
    assert answer.status_code == 400 and refusal(answer) == "missing_target_host"
    assert not servers[0].seen


@pytest.mark.parametrize(
    ("host", "code"),
    [
        pytest.param("localhost:443", "invalid_target_host", id="n1_2_port"),
        pytest.param("localhost/x", "invalid_target_host", id="n1_3_path"),
        pytest.param("local_host", "invalid_target_host", id="n1_4_characters"),
        pytest.param("other.test", "unknown_target_host", id="n2_1_unknown"),
        pytest.param("127.0.0.9", "unknown_target_host", id="n2_2_address"),
        pytest.param("[::1]", "invalid_target_host", id="n2_2_address_6"),
    ],
)
def test_target_host_n1_2_n1_3_n1_4_n2_1_and_n2_2_what_is_no_endpoint_is_refused(
    live: Live, servers: tuple[Endpoint, Endpoint], host: str, code: str
) -> None:
    answer = call(live, "single/x", host)
    assert answer.status_code == 400 and refusal(answer) == code
    assert not servers[0].seen and str(servers[0].port) not in answer.text


@pytest.mark.parametrize("host", [None, "local_host", "other.test"])
def test_a_target_host_is_judged_before_the_limits(live: Live, host: str | None) -> None:
    answer = call(live, "limited.localhost/x", host)
    assert answer.status_code == 400 and refusal(answer).endswith("_target_host")
    assert "x-ratelimit-limit" not in answer.headers


def test_the_log_and_the_metrics_name_the_endpoint_that_was_called(
    live: Live, servers: tuple[Endpoint, Endpoint]
) -> None:
    for host in (ONE, TWO):
        call(live, "named/of/its/own", host, headers={"X-Request-ID": f"went-to-{host}"})
    call(live, "named/x", "127.0.0.9", headers={"X-Request-ID": "went-nowhere"})
    hosts = {}

    def written() -> bool:
        for line in b"".join(live.log).splitlines():
            entry = json.loads(line)
            if entry.get("request_id", "").startswith("went-"):
                hosts[entry["request_id"]] = entry["host"]
        return len(hosts) == 3

    live.until(written, "the calls are logged")
    assert hosts == {f"went-to-{ONE}": ONE, f"went-to-{TWO}": TWO, "went-nowhere": "named"}


def test_a_target_host_given_twice_is_refused(live: Live) -> None:
    lines = f"GET {PROXY}/single/x HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {live.key}\r\n"
    raw = live.raw(f"{lines}{TARGET}: localhost\r\n{TARGET}: localhost\r\n\r\n".encode())
    assert raw.startswith(b"HTTP/1.1 400 ")


def test_20_1_five_failures_in_a_row_are_followed_by_a_rest(live: Live, servers: tuple[Endpoint, Endpoint]) -> None:
    servers[0].status = 503
    for _ in range(5):
        answer = call(live, "resting/x")
        assert answer.status_code == 503 and answer.headers["x-oagw-error-source"] == "upstream"
    answer = call(live, "resting/x")
    assert answer.status_code == 503 and refusal(answer) == "circuit_breaker_open"
    assert answer.json()["type"] == "gts.cf.core.errors.err.v1~cf.oagw.circuit_breaker.open.v1"
    assert answer.json()["retriable"] is True
    assert answer.headers["x-circuit-state"] == "OPEN"
    assert 25 <= int(answer.headers["retry-after"]) <= 30
    assert len(servers[0].seen) == 5


def test_20_2_after_it_a_probe_decides(live: Live, servers: tuple[Endpoint, Endpoint]) -> None:
    servers[0].status = 500
    assert [call(live, "quick/x").status_code for _ in range(3)] == [500, 500, 503]
    eventually(lambda: call(live, "quick/x").status_code == 500)
    assert call(live, "quick/x").status_code == 503, "the probe has failed"
    servers[0].status = 200
    eventually(lambda: call(live, "quick/x").status_code == 200)
    assert [call(live, "quick/x").status_code for _ in range(3)] == [200] * 3


def test_20_3_each_endpoint_has_a_breaker_of_its_own(live: Live, servers: tuple[Endpoint, Endpoint]) -> None:
    servers[1].status = 502
    statuses = [call(live, "halves/x").status_code for _ in range(4)]
    assert sorted(statuses) == [200, 200, 502, 502]
    assert [call(live, "halves/x").status_code for _ in range(6)] == [200] * 6
    assert refusal(call(live, "halves/x", TWO)) == "circuit_breaker_open"


def test_n12_6_a_failure_is_not_repeated_by_itself(live: Live, servers: tuple[Endpoint, Endpoint]) -> None:
    servers[0].status = 503
    assert call(live, "single/x").status_code == 503
    assert len(servers[0].seen) == 1


@pytest.mark.parametrize(
    ("method", "headers"), [("GET", {}), ("PUT", {}), ("DELETE", {}), ("POST", {"Idempotency-Key": "1"})]
)
def test_a_call_that_may_be_repeated_is_where_the_alias_says_so(
    live: Live, servers: tuple[Endpoint, Endpoint], method: str, headers: dict[str, str]
) -> None:
    servers[0].upcoming = [503, 503]
    answer = call(live, "again/x", method=method, headers=headers, content=b"x" if method in ("PUT", "POST") else None)
    assert answer.status_code == 200
    assert [seen[0] for seen in servers[0].seen] == [method] * 3


def test_the_attempts_are_told_in_the_log(live: Live, servers: tuple[Endpoint, Endpoint]) -> None:
    servers[0].upcoming = [503]
    request_id = call(live, "again/x").headers["x-request-id"].encode()
    live.until(lambda: any(request_id in lines for lines in live.log), "the log line")
    line = next(line for lines in live.log for line in lines.splitlines() if request_id in line)
    assert json.loads(line)["attempts"] == 2


def test_an_upstream_has_repeats_for_its_models_and_its_aliases(live: Live, servers: tuple[Endpoint, Endpoint]) -> None:
    servers[0].upcoming = [503, 503]
    assert call(live, "of-sturdy/x").status_code == 200
    assert len(servers[0].seen) == 3
    servers[0].upcoming = [503]
    assert call(live, "once/x").status_code == 503
    body = {"model": "sturdy/m", "messages": [{"role": "user", "content": "hello"}]}
    servers[0].upcoming = [503, 401]
    headers = {**live.headers(), "X-Request-ID": "sturdy-model"}
    answer = httpx2.post(f"{live.url}/v1/chat/completions", json=body, headers=headers, timeout=DEADLINE)
    assert answer.status_code == 401
    assert [seen[:2] for seen in servers[0].seen[4:]] == [("POST", "/chat/completions")] * 2


def test_no_other_call_is_repeated(live: Live, servers: tuple[Endpoint, Endpoint]) -> None:
    servers[0].status = 503
    assert call(live, "again/x", method="POST", content=b"x").status_code == 503
    assert call(live, "again/x", method="PUT", content=iter([b"x"])).status_code == 503
    servers[0].status = 500
    assert call(live, "again/x").status_code == 500
    assert len(servers[0].seen) == 3


def test_the_last_answer_stands(live: Live, servers: tuple[Endpoint, Endpoint]) -> None:
    servers[0].status = 503
    answer = call(live, "again/x")
    assert (answer.status_code, answer.text) == (503, ONE) and len(servers[0].seen) == 3
    assert answer.headers["x-oagw-error-source"] == "upstream"


def test_a_pause_that_is_too_long_is_left_to_the_caller(live: Live, servers: tuple[Endpoint, Endpoint]) -> None:
    servers[0].status, servers[0].headers = 503, {"Retry-After": "2"}
    answer = call(live, "again/x")
    assert answer.headers["retry-after"] == "2" and len(servers[0].seen) == 1


def test_with_repeats_a_dead_endpoint_loses_no_call_at_all(live: Live) -> None:
    assert [call(live, "lame/x").status_code for _ in range(14)] == [200] * 14


def test_an_endpoint_whose_checks_fail_gets_no_call_until_they_are_good(
    live: Live, servers: tuple[Endpoint, Endpoint]
) -> None:
    pool = live.gateway.runtime.upstreams["alias:checked"]
    servers[1].status = 500
    live.until(lambda: [row.healthy for row in pool.status()] == [True, False], "the endpoint is out")
    assert [call(live, "checked/x").text for _ in range(4)] == [ONE] * 4
    assert refusal(call(live, "checked/x", TWO)) == "circuit_breaker_open"
    assert ("GET", "/base/ready") in [seen[:2] for seen in servers[1].checks]
    servers[1].status = 200
    live.until(lambda: all(row.healthy for row in pool.status()), "the endpoint is back")
    assert {call(live, "checked/x").text for _ in range(2)} == {ONE, TWO}


def test_an_upstreams_endpoints_are_checked_too(live: Live, servers: tuple[Endpoint, Endpoint]) -> None:
    pool = live.gateway.runtime.upstreams["tended"]
    servers[1].status = 500
    live.until(lambda: [row.healthy for row in pool.status()] == [True, False], "the endpoint is out")
    servers[1].status = 200
    live.until(lambda: all(row.healthy for row in pool.status()), "the endpoint is back")


def test_metrics_tell_how_endpoints_do(live: Live, servers: tuple[Endpoint, Endpoint]) -> None:
    servers[1].status = 500
    assert [call(live, "watched/x").status_code for _ in range(4)] == [200, 500, 200, 200]
    page = httpx2.get(f"{live.url}/metrics", headers=live.headers(live.admin_key), timeout=DEADLINE).text
    upstream = 'upstream="alias:watched"'
    lines = page.splitlines()
    for host, state, calls in ((ONE, 0, 3), (TWO, 2, 1)):
        assert f'oagw_circuit_breaker_state{{host="{host}",{upstream}}} {state}.0' in lines
        assert f'oagw_routing_endpoint_selected_total{{host="{host}",{upstream}}} {calls}.0' in lines
    assert f'oagw_circuit_breaker_transitions_total{{host="{TWO}",state="open",{upstream}}} 1.0' in lines
    assert f"oagw_upstream_available{{{upstream}}} 1.0" in lines
    assert call(live, "watched/x", TWO).status_code == 503
    assert call(live, "watched/x", ONE).status_code == 200
    page = httpx2.get(f"{live.url}/metrics", headers=live.headers(live.admin_key), timeout=DEADLINE).text
    for host, named in ((ONE, 1), (TWO, 0)):
        assert f'oagw_routing_target_host_used_total{{host="{host}",{upstream}}} {named}.0' in page.splitlines()
    shown = httpx2.get(f"{live.url}/admin/upstreams", headers=live.headers(live.admin_key), timeout=DEADLINE).json()
    (watched,) = (one for one in shown["upstreams"] if one["name"] == "alias:watched")
    assert watched["available"]
    assert [(one["host"], one["circuit"], one["healthy"]) for one in watched["endpoints"]] == [
        (ONE, "closed", True), (TWO, "open", True),
    ]  # fmt: skip


def test_a_model_upstream_at_rest_gives_way_to_its_fallback(tmp_path: Path, servers: tuple[Endpoint, Endpoint]) -> None:
    def change(values: dict[str, Any], mock_url: str) -> None:
        values["upstreams"]["failing"] = {
            "base_url": f"http://{ONE}:{servers[0].port}", "breaker": {"failures": 1, "open_for": 60}
        }  # fmt: skip
        values["models"]["m"] = {"upstream": "failing", "model": "x", "fallback": ["mock-chat/gpt-4o-mini"]}

    servers[0].status = 500
    with running(tmp_path, change, timing="instant") as live:
        body = {"model": "m", "messages": [{"role": "user", "content": "hello"}]}
        for _ in range(3):
            answer = httpx2.post(f"{live.url}/v1/chat/completions", json=body, headers=live.headers(), timeout=DEADLINE)
            assert answer.status_code == 200
    assert len(servers[0].seen) == 1
