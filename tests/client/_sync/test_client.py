# Written by scripts/unasync.py from tests/client/_async/test_client.py; change that instead.
"""Calls as a whole: keys, errors, repeats, deadlines over all of them."""

import time

import pytest

from dragoman.client import Client, ClientConfig, Request, RetryPolicy, Timeouts
from dragoman.client.errors import (
    AliasNotFound,
    AuthenticationFailed,
    BuildError,
    CallTimeout,
    ConnectError,
    ConnectionClosed,
    PermissionDenied,
    StreamInterrupted,
)
from dragoman.mocks.app import app
from tests.client.sockets import EVENTS, OK, answering, chunk, dropping, serving
from tests.support.live import Live

GET = Request.get("/x")
BUSY = b"HTTP/1.1 503 Busy\r\nContent-Length: 4\r\n\r\nbusy"
LIMITED = b"HTTP/1.1 429 Slow Down\r\nRetry-After: 0.2\r\nContent-Length: 0\r\n\r\n"
PATIENT = b"HTTP/1.1 429 Slow Down\r\nRetry-After: 3600\r\nContent-Length: 0\r\n\r\n"
QUICK = RetryPolicy(initial=0.01)


def retrying(url: str, policy: RetryPolicy = QUICK, timeouts: Timeouts | None = None) -> Client:
    return Client(ClientConfig(url, retry=policy, timeouts=timeouts or Timeouts()))


def test_a_client_is_made_in_any_of_four_ways() -> None:
    mock = app(timing="instant", token="t")
    for made in (
        Client.from_config(ClientConfig.in_process(mock, "t")),
        Client(ClientConfig.in_process(mock, "t")),
        Client.in_process(mock, "t"),
    ):
        with made as client:
            assert (client.execute("github", Request.get("/users/octocat"))).status == 200
    with Client.from_env({"OAGW_BASE_URL": "http://gateway", "OAGW_AUTH_TOKEN": "t"}) as client:
        assert (client.config.base_url, client.config.key) == ("http://gateway", "t")
    with Client("http://gateway", "k") as client:
        assert client.config == ClientConfig("http://gateway", "k")


def test_by_default_a_call_may_take_for_ever_but_not_be_silent_for_ever() -> None:
    with Client() as client:
        timeouts = client.config.timeouts
    assert timeouts.total is None
    assert None not in (timeouts.connect, timeouts.send, timeouts.first_byte, timeouts.idle)
    assert client.config.retry is None


def test_a_wrong_key_a_missing_key_and_a_key_without_the_alias(live: Live) -> None:
    request = Request.get("/users/octocat")
    for key in ("drg_wrong", None):
        with Client(live.url, key) as client:
            answer = client.execute("github", request)
            assert (answer.status, answer.error_source) == (403 if key else 401, "gateway")
            with pytest.raises(AuthenticationFailed):
                answer.raise_for_status()
            with pytest.raises(AuthenticationFailed):
                client.status()
    with Client(live.url, live.issue(aliases=["weather"])) as client:
        with pytest.raises(AliasNotFound, match="Unknown alias") as raised:
            (client.execute("github", request)).raise_for_status()
        assert client.aliases() == ("weather",)
    assert (raised.value.code, raised.value.source, raised.value.status) == ("route_not_found", "gateway", 404)
    assert raised.value.problem is not None
    assert raised.value.problem.alias == "github"
    assert not isinstance(raised.value, PermissionDenied)


def test_the_upstream_sees_the_request_and_not_the_key(live: Live) -> None:
    before = live.received
    with Client(live.url, live.key) as client:
        request = Request.put("/a%2Fb//c?x=S%C3%A3o").header("X-Mine", "1").body(b"body", "text/plain")
        response = client.execute("weather", request)
    entry = live.entries(before)[-1]
    assert (entry.method, entry.path, entry.query) == ("PUT", "/weather/a%2Fb//c", "x=S%C3%A3o")
    headers = dict(entry.headers)
    assert (headers["x-mine"], headers["content-type"]) == ("1", "text/plain")
    assert live.key not in str(headers)
    assert headers["x-request-id"] == response.request_id


def test_a_request_may_bring_a_credential_of_its_own_beside_the_key(client: Client) -> None:
    response = client.execute("github", Request.get("/users/octocat").header("Authorization", "token theirs"))
    assert (response.status, response.json()["login"]) == (200, "octocat")


def test_what_cannot_be_sent_is_refused_before_anything_is(live: Live) -> None:
    before = live.received
    with Client(live.url, live.key) as client:
        with pytest.raises(BuildError, match="no alias"):
            client.execute("..", GET)
    assert live.received == before


def test_without_a_policy_a_call_is_made_once() -> None:
    with serving(answering(BUSY)) as server:
        with Client(server.url) as client:
            response = client.execute("a", GET)
    assert (response.status, response.content, len(server.requests)) == (503, b"busy", 1)


def test_a_call_is_repeated_until_it_succeeds_or_the_policy_ends() -> None:
    with serving(dropping, answering(BUSY, OK)) as server:
        with retrying(server.url) as client:
            assert (client.execute("a", GET)).content == b"ok"
    assert len(server.requests) == 3
    with serving(answering(BUSY, BUSY, BUSY)) as server:
        with retrying(server.url) as client:
            assert (client.execute("a", GET)).status == 503
    with serving(dropping, dropping) as server:
        with retrying(server.url, RetryPolicy(attempts=2, initial=0.01)) as client:
            with pytest.raises(ConnectionClosed):
                client.execute("a", GET)
    assert len(server.requests) == 2


def test_a_request_may_bring_a_policy_of_its_own() -> None:
    with serving(answering(BUSY, OK)) as server:
        with Client(server.url) as client:
            assert (client.execute("a", GET.retrying(QUICK))).content == b"ok"


def test_a_method_that_must_not_be_repeated_is_not_unless_told() -> None:
    post = Request.post("/x").json({"order": 1})
    with serving(answering(BUSY), answering(BUSY, OK)) as server:
        with retrying(server.url) as client:
            assert (client.execute("a", post)).status == 503
        with retrying(server.url, RetryPolicy(initial=0.01, methods=frozenset({"POST"}))) as client:
            assert (client.execute("a", post)).content == b"ok"
    assert [request.partition(b"\r\n\r\n")[2] for request in server.requests] == [b'{"order":1}'] * 3


def test_retry_after_is_waited_for_within_reason() -> None:
    with serving(answering(LIMITED, OK), answering(PATIENT)) as server:
        with retrying(server.url) as client:
            started = time.monotonic()
            assert (client.execute("a", GET)).content == b"ok"
            assert time.monotonic() - started >= 0.2
        with retrying(server.url) as client:
            assert (client.execute("a", GET)).status == 429
    assert len(server.requests) == 3


def test_an_answer_that_has_begun_is_not_asked_for_again() -> None:
    broken = answering(EVENTS + chunk(b"data: a\n\n"))
    with serving(broken, broken) as server:
        with retrying(server.url) as client:
            with pytest.raises(StreamInterrupted):
                client.execute("a", GET)
            with client.stream("a", GET) as answer:
                with pytest.raises(StreamInterrupted):
                    answer.bytes()
    assert len(server.requests) == 2


def test_a_total_spans_all_attempts() -> None:
    slow = RetryPolicy(attempts=100, initial=0.1, ceiling=0.1, budget=1)
    with serving() as gone:
        pass
    started = time.monotonic()
    with retrying(gone.url, slow, Timeouts(total=0.3)) as client:
        with pytest.raises((ConnectError, CallTimeout)):
            client.execute("a", GET)
    assert time.monotonic() - started < 2


def test_a_retry_of_a_stream_is_one_before_its_head() -> None:
    with serving(answering(BUSY, EVENTS + chunk(b"data: a\n\n") + chunk(b""))) as server:
        with retrying(server.url) as client, client.stream("a", GET) as answer:
            assert [event.data for event in answer.sse()] == ["a"]
    assert len(server.requests) == 2


def test_leaving_a_stream_lets_the_upstream_go(live: Live) -> None:
    departed = live.mock.departed
    with Client(live.url, live.key) as client:
        request = Request.get("/events").header("X-Mock-Scenario", "instant,stall-after:2")
        with client.stream("stream-test", request) as answer:
            for _ in answer.sse():
                break
        live.until(lambda: live.mock.departed == departed + 1, "the upstream is let go")
    assert live.booked(answer.request_id).state == "cancelled"


def test_a_call_is_resolved_without_being_made(gateway: Client, live: Live) -> None:
    before = live.received
    found = gateway.resolve("weather", Request.put("/a%2Fb").query({"x": "1"}))
    assert (found.alias, found.upstream, found.method, found.path) == ("weather", "alias:weather", "PUT", "/a%2Fb?x=1")
    with pytest.raises(AliasNotFound):
        gateway.resolve("nobody", GET)
    assert live.received == before
