"""The tests of seed 001 in a harder form: the same calls, held to the byte and to what reached the upstream."""

import base64
import hashlib
import itertools
import json
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import httpx2
import pytest

from tests.seeds.conftest import RANDOM, ZIPPED
from tests.seeds.relay import Relay
from tests.support.live import Live

PROXY = "/api/oagw/v1/proxy"
SOURCE = "x-oagw-error-source"
CHAT = f"{PROXY}/openai/v1/chat/completions"


@pytest.fixture(scope="module")
def live(rich: Live) -> Live:
    return rich


def chat(text: str, **members: object) -> dict[str, object]:
    return {"model": "gpt-4", "messages": [{"role": "user", "content": text}], **members}


def both_ways(live: Live, http: httpx2.Client, method: str, alias: str, path: str, **request: object) -> bytes:
    """One call to the mock itself and one through the gateway: they must give the same status, type and body."""
    answers = []
    for url in (f"{live.mock_url}/{alias}/{path}", f"{PROXY}/{alias}/{path}"):
        http.post(f"{live.mock_url}/reset-counters")
        with http.stream(method, url, **request) as response:  # type: ignore[arg-type]
            body = b"".join(response.iter_raw())
        answers.append((response.status_code, response.headers.get("content-type"), body))
    assert answers[1] == answers[0]
    assert response.headers[SOURCE] == "upstream"
    return body


# 1 openai_chat_completion


def test_a_chat_call_through_an_alias_is_untouched_in_both_directions(live: Live, http: httpx2.Client) -> None:
    body = b' {"model" : "gpt-4",\n "messages":[{"role":"user","content":"hello \\u00e9 \xc3\xa9"}], "x_unknown": 1.0 }'
    answer = both_ways(
        live, http, "POST", "openai", "v1/chat/completions", content=body, headers={"Content-Type": "application/json"}
    )
    entry = live.entries()[-1]
    assert entry.body_sha256 == hashlib.sha256(body).hexdigest()
    assert (entry.method, entry.path) == ("POST", "/openai/v1/chat/completions")
    said = json.loads(answer)
    assert said["usage"]["total_tokens"] == said["usage"]["prompt_tokens"] + said["usage"]["completion_tokens"]
    assert said["choices"][0]["finish_reason"] == "stop"


def test_a_callers_request_id_goes_both_ways_and_into_the_ledger(live: Live, http: httpx2.Client) -> None:
    response = http.post(CHAT, json=chat("hello"), headers={"X-Request-ID": "seed-001.a/b"})
    assert response.headers["x-request-id"] == "seed-001.a/b"
    assert dict(live.entries()[-1].headers)["x-request-id"] == "seed-001.a/b"
    row = live.booked("seed-001.a/b")
    assert (row.state, row.reservation.kind, row.reservation.name) == ("settled", "alias", "openai")


# 2 openai_streaming


@pytest.mark.parametrize("shape", ["", "crlf", "cr", "dribble:1", "dribble:7", "split-utf8", "comments:3", "bad-json"])
def test_a_stream_passes_byte_for_byte_however_it_was_cut(live: Live, http: httpx2.Client, shape: str) -> None:
    headers = {"X-Mock-Scenario": f"instant,{shape}"}
    body = chat("na\u00efve \u20ac \U0001f600", stream=True)
    raw = both_ways(live, http, "POST", "openai", "v1/chat/completions", json=body, headers=headers)
    assert raw.rstrip().endswith(b"data: [DONE]")


def test_a_stream_arrives_while_its_upstream_still_speaks(live: Live, http: httpx2.Client, relay: Relay) -> None:
    """The second word is held back until the first has been read here: nothing on the way may wait for it."""
    live.run(lambda: relay.hold(b'"content":"response "}'))
    path = f"{PROXY}/relayed/v1/chat/completions"
    with http.stream("POST", path, json=chat("one two", stream=True)) as response:
        assert response.headers["content-type"].startswith("text/event-stream")
        lines = response.iter_lines()
        first = list(itertools.takewhile(lambda line: '"Streaming "' not in line, lines))
        assert "[DONE]" not in "".join(first)
        assert live.gateway.in_flight == 1
        live.run(relay.release)
        rest = list(lines)
    assert [line for line in rest if line][-1] == "data: [DONE]"


def test_leaving_in_the_middle_of_a_stream_frees_the_upstream(live: Live, http: httpx2.Client) -> None:
    before = live.mock.departed
    headers = {"X-Mock-Scenario": "instant,stall-after:2"}
    with http.stream("POST", CHAT, json=chat("one two", stream=True), headers=headers) as response:
        lines = response.iter_lines()
        next(lines)
        request_id = response.headers["x-request-id"]
        assert live.mock.active == 1
    live.until(lambda: live.mock.departed == before + 1 and live.mock.active == 0, "the upstream is let go")
    assert live.booked(request_id).state == "cancelled"


# 3 github_api


@pytest.mark.parametrize(
    "path",
    [
        "users/octocat",
        "repos/owner/name",
        "repos/a%2Fb/c%20d",
        "repos/o/%E2%82%AC",
        "users/octo%63at",
        "repos/a//b/",
        "a;b=c",
    ],
)
def test_a_path_reaches_the_upstream_as_it_was_sent(live: Live, http: httpx2.Client, path: str) -> None:
    both_ways(live, http, "GET", "github", path)
    assert live.entries()[-1].path == f"/github/{path}"


@pytest.mark.parametrize("path", ["../weather/current", "users/%2e%2e/x", "users/..%2fx", "a/%252e%252e/b", "./users"])
def test_a_path_cannot_leave_its_alias(live: Live, path: str) -> None:
    before = live.received
    answer = raw_call(live, f"GET {PROXY}/github/{path} HTTP/1.1")
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b"x-oagw-error-source: gateway" in answer
    assert live.received == before


# 4 github_not_found


def test_an_upstreams_404_is_its_own_and_ours_is_ours(live: Live, http: httpx2.Client) -> None:
    before = live.received
    body = both_ways(live, http, "GET", "github", "users/nobody")
    assert json.loads(body) == {"message": "Not Found"}
    assert live.received == before + 2
    ours = http.get(f"{PROXY}/nobody/users/nobody")
    assert ours.headers["content-type"] == "application/problem+json"
    assert live.received == before + 2


def test_head_asks_the_upstream_and_brings_no_body(live: Live, http: httpx2.Client) -> None:
    for path, status in (("users/octocat", 200), ("users/nobody", 404)):
        response = http.head(f"{PROXY}/github/{path}")
        assert (response.status_code, response.content) == (status, b"")
        assert response.headers[SOURCE] == "upstream"
        assert live.entries()[-1].method == "HEAD"


# 5 weather_api


def test_a_query_reaches_the_upstream_as_it_was_sent(live: Live, http: httpx2.Client) -> None:
    query = "city=S%C3%A3o+Paulo&city=Rome&empty=&flag&x=a%2Bb&y=%26"
    body = both_ways(live, http, "GET", "weather", f"current?{query}")
    assert live.entries()[-1].query == query
    assert json.loads(body)["location"] == "S\u00e3o Paulo"


# 6 calculator_api


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_every_method_carries_its_body(live: Live, http: httpx2.Client, method: str) -> None:
    order = {"operation": "multiply", "a": 0.1, "b": 3}
    body = both_ways(live, http, method, "calculator", "any/path", json=order)
    assert json.loads(body)["result"] == 0.1 * 3
    assert live.entries()[-1].method == method


def test_a_body_of_unknown_length_is_streamed_on(live: Live, http: httpx2.Client) -> None:
    def parts() -> Iterator[bytes]:
        yield from (b'{"operation": "add", ', b'"a": 1, ', b'"b": 2}')

    response = http.post(f"{PROXY}/calculator/calculate", content=parts())
    assert response.json()["result"] == 3
    assert live.entries()[-1].body == '{"operation": "add", "a": 1, "b": 2}'


# 7 calculator_error


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (b'{"operation":"divide","a":1,"b":0}', "Division by zero"),
        (b'{"operation":"power","a":1,"b":2}', "Unknown operation: power"),
        (b'{"operation":"add","a":"1"}', "a must be a number"),
        (b"no json", "The body must be a JSON object"),
    ],
)
def test_an_upstreams_400_passes_word_for_word(live: Live, http: httpx2.Client, body: bytes, error: str) -> None:
    answer = both_ways(live, http, "POST", "calculator", "calculate", content=body)
    assert json.loads(answer) == {"error": error}


# 8 sse_events


@pytest.mark.parametrize("shape", ["", "crlf", "cr", "dribble:1", "dribble:5", "split-utf8"])
def test_the_four_events_pass_byte_for_byte_however_they_were_cut(live: Live, http: httpx2.Client, shape: str) -> None:
    raw = both_ways(live, http, "GET", "stream-test", "events", headers={"X-Mock-Scenario": f"instant,{shape}"})
    blank = {"crlf": b"\r\n\r\n", "cr": b"\r\r"}.get(shape, b"\n\n")
    events = raw.split(blank)
    assert events.pop() == b""
    # `split-utf8` puts an event of its own among them.
    assert len(events) == (5 if shape == "split-utf8" else 4)


def test_events_arrive_one_by_one_and_last_event_id_goes_out(live: Live, http: httpx2.Client, relay: Relay) -> None:
    live.run(lambda: relay.hold(b"data: Second event\n\n"))
    headers = {"Last-Event-ID": "0"}
    with http.stream("GET", f"{PROXY}/relayed/stream-test/events", headers=headers) as response:
        seen = b""
        pieces = response.iter_raw()
        while not seen.endswith(b"data: Second event\n\n"):
            seen += next(pieces)
        assert b"Third" not in seen
        live.run(relay.release)
        seen += b"".join(pieces)
    assert seen.count(b"\n\n") == 4
    assert dict(live.entries()[-1].headers)["last-event-id"] == "0"


# 9 gateway_error


@pytest.mark.parametrize(
    ("headers", "path", "status", "code"),
    [
        ({}, "openai/v1/models", 401, "missing_api_key"),
        ({"Authorization": "Basic dTpw"}, "openai/v1/models", 401, "missing_api_key"),
        ({"Authorization": "Bearer"}, "openai/v1/models", 401, "missing_api_key"),
        ({"Authorization": "Bearer wrong-token"}, "openai/v1/models", 403, "invalid_api_key"),
        ({"Authorization": "Bearer wrong-token"}, "unknown/path", 403, "invalid_api_key"),
        ({"Authorization": "KEY"}, "unknown/path", 404, "route_not_found"),
        ({"Authorization": "KEY"}, "open-ai/v1/models", 404, "route_not_found"),
        ({"Authorization": "KEY"}, "alias:openai/v1/models", 404, "route_not_found"),
        ({"Authorization": "KEY"}, "", 404, "route_not_found"),
        ({"Authorization": "KEY"}, "dead/anything", 502, "downstream_error"),
    ],
)
def test_our_own_errors_are_problems_and_reach_no_upstream(
    live: Live, anonymous: httpx2.Client, headers: dict[str, str], path: str, status: int, code: str
) -> None:
    before = live.received
    sent = {name: value.replace("KEY", f"Bearer {live.key}") for name, value in headers.items()}
    response = anonymous.get(f"{PROXY}/{path}", headers=sent)
    assert response.status_code == status
    assert response.headers[SOURCE] == "gateway"
    assert response.headers["content-type"] == "application/problem+json"
    problem = response.json()
    assert (problem["status"], problem["code"], problem["source"]) == (status, code, "gateway")
    assert isinstance(problem["error"], str)
    assert problem["error"]
    assert problem["request_id"] == response.headers["x-request-id"]
    assert response.headers.get("www-authenticate") == ("Bearer" if status == 401 else None)
    assert (response.headers.get("retry-after") is not None) == problem["retriable"]
    assert live.received == before


def test_an_alias_outside_a_keys_scope_looks_like_one_that_there_is_not(live: Live, http: httpx2.Client) -> None:
    key = live.issue(aliases=("git*",))
    assert http.get(f"{PROXY}/github/users/octocat", headers=live.headers(key)).status_code == 200
    hidden = http.get(f"{PROXY}/weather/current", headers=live.headers(key))
    unknown = http.get(f"{PROXY}/nowhere/current", headers=live.headers(key))
    assert hidden.status_code == unknown.status_code == 404
    differing = {"detail", "error", "instance", "request_id", "trace_id", "alias"}
    assert [
        name for name in unknown.json() if unknown.json()[name] != hidden.json()[name] and name not in differing
    ] == []


# 10 upstream_error


def test_an_upstreams_429_comes_with_its_own_retry_after(live: Live, http: httpx2.Client) -> None:
    for stream in (False, True):
        body = both_ways(live, http, "POST", "openai", "v1/chat/completions", json=chat("error", stream=stream))
        assert json.loads(body)["error"]["code"] == "rate_limit_exceeded"
    response = http.post(CHAT, json=chat("error"))
    assert response.headers["retry-after"] == "1"
    assert live.booked(response.headers["x-request-id"]).state == "failed"


@pytest.mark.parametrize(
    "status", [201, 202, 204, 304, 400, 401, 403, 404, 409, 418, 422, 429, 500, 502, 503, 504, 599]
)
def test_any_status_of_an_upstream_passes_as_said(live: Live, http: httpx2.Client, status: int) -> None:
    response = http.get(f"{PROXY}/root/status/{status}")
    assert (response.status_code, response.headers[SOURCE]) == (status, "upstream")
    assert response.content == (b"" if status in (204, 304) else b'{"status":%d}' % status)


def test_a_redirect_is_handed_on_and_never_followed(live: Live, http: httpx2.Client) -> None:
    before = live.received
    spec = f"redirect:{live.mock_url}/github/users/octocat"
    response = http.get(f"{PROXY}/github/users/octocat", headers={"X-Mock-Scenario": spec})
    assert response.status_code == 307
    assert response.headers["location"] == f"{live.mock_url}/github/users/octocat"
    assert live.received == before + 1


# 11 gateway_status


def test_the_status_names_just_the_aliases_of_the_key(live: Live, http: httpx2.Client) -> None:
    for key, names in (
        (live.issue(aliases=("git*", "weather")), {"github", "weather"}),
        (live.issue(aliases=()), set()),
    ):
        body = http.get("/api/oagw/v1/status", headers=live.headers(key)).json()
        assert set(body["registered_aliases"]) == names
    first, second = (http.get("/api/oagw/v1/status").json() for _ in range(2))
    assert 0 <= first["uptime"] <= second["uptime"] < 600
    assert first["version"]


def test_the_status_takes_a_key(anonymous: httpx2.Client) -> None:
    for headers, status in (({}, 401), ({"Authorization": "Bearer wrong"}, 403)):
        response = anonymous.get("/api/oagw/v1/status", headers=headers)
        assert response.status_code == status
        assert "registered_aliases" not in response.text


# 12 multiple_requests


def test_requests_in_a_row_share_one_connection_on_each_side(live: Live, relay: Relay) -> None:
    before = relay.connections
    with httpx2.Client(base_url=live.url, headers=live.headers(), trust_env=False) as client:
        ports = set()
        for number in range(20):
            method, path = ("GET", "github/users/octocat") if number % 2 else ("POST", "v1/chat/completions")
            body = None if number % 2 else chat("one two", stream=number % 4 == 0)
            with client.stream(method, f"{PROXY}/relayed/{path}", json=body) as response:
                assert response.status_code == 200
                response.read()
                ports.add(response.extensions["network_stream"].get_extra_info("client_addr")[1])
    assert relay.connections - before <= 1
    assert len(ports) == 1


def test_no_answer_on_a_kept_connection_waits_for_an_acknowledgement(live: Live, http: httpx2.Client) -> None:
    """Nagle's algorithm would hold the second write of an answer for the 40 ms of a delayed acknowledgement."""
    assert http.get(f"{PROXY}/github/users/octocat").status_code == 200
    assert live.server is not None
    held = [
        connection
        for connection in live.server.server_state.connections
        if not connection.transport.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
    ]
    assert held == []


def test_answers_to_many_callers_at_once_are_never_mixed_up(live: Live, http: httpx2.Client) -> None:
    barrier = threading.Barrier(16)

    def call(number: int) -> tuple[int, object]:
        if number < 16:
            barrier.wait(30)
        response = http.post(f"{PROXY}/calculator/x", json={"operation": "add", "a": number, "b": 0})
        return number, response.json()["result"]

    with ThreadPoolExecutor(16) as pool:
        assert all(number == result for number, result in pool.map(call, range(160)))


# 13 binary_response


def test_a_megabyte_of_random_bytes_goes_out_unchanged(live: Live, http: httpx2.Client) -> None:
    for sent in ({"content": RANDOM}, {"content": iter([RANDOM[:5], RANDOM[5:]])}):
        response = http.post(f"{PROXY}/root/echo", **sent)
        assert base64.b64decode(response.json()["body_base64"]) == RANDOM
        assert live.entries()[-1].body_sha256 == hashlib.sha256(RANDOM).hexdigest()


def test_a_megabyte_of_random_bytes_comes_back_unchanged(http: httpx2.Client) -> None:
    response = http.get(f"{PROXY}/canned/random")
    assert response.content == RANDOM
    assert response.headers["content-type"] == "application/octet-stream"
    assert response.headers["content-length"] == str(len(RANDOM))
    assert response.headers["etag"] == '"one"'


def test_an_encoded_answer_stays_encoded(http: httpx2.Client) -> None:
    with http.stream("GET", f"{PROXY}/canned/zipped") as response:
        assert b"".join(response.iter_raw()) == ZIPPED
    assert response.headers["content-encoding"] == "gzip"
    assert http.get(f"{PROXY}/canned/zipped").text.startswith("a text that repeats itself")


# What the seed says of every reply


def test_nothing_that_is_the_callers_own_reaches_an_upstream(live: Live, http: httpx2.Client) -> None:
    private = {
        "Cookie": "session=caller",
        "X-Api-Key": "callers-key",
        "Api-Key": "callers-key",
        "Proxy-Authorization": "Basic dTpw",
        "X-OAGW-Anything": "x",
        "X-Dragoman-Anything": "x",
        "X-Forwarded-For": "10.0.0.1",
        "X-Real-IP": "10.0.0.1",
        "Forwarded": "for=10.0.0.1",
        "TE": "trailers",
        "Keep-Alive": "timeout=5",
        "Connection": "keep-alive, X-Per-Hop",
        "X-Per-Hop": "x",
        "X-Kept": "kept",
        "Accept": "application/json",
    }
    for alias in ("root", "plain"):
        http.get(f"{PROXY}/{alias}/echo", headers=private)
        headers = dict(live.entries()[-1].headers)
        gone = {name.lower() for name in private} - {"x-kept", "accept"} | {"authorization"}
        assert gone & headers.keys() == set()
        assert headers["host"] == urlsplit(live.mock_url).netloc
        assert headers["accept"] == "application/json"
        assert headers.get("x-kept") == ("kept" if alias == "root" else None)
        assert live.key not in str(live.entries()[-1])


def test_an_upstream_cannot_speak_as_the_gateway(http: httpx2.Client) -> None:
    response = http.get(f"{PROXY}/canned/forged")
    assert response.text == "said by an upstream"
    assert response.headers["x-custom"] == "kept"
    assert response.headers.get_list(SOURCE) == ["upstream"]
    assert response.headers["x-request-id"] != "theirs"
    forbidden = {
        "x-oagw-anything", "x-dragoman-loss", "x-ratelimit-remaining", "set-cookie", "proxy-authenticate",
        "keep-alive", "trailer", "upgrade",
    }  # fmt: skip
    assert forbidden & set(response.headers) == set()


def raw_call(live: Live, line: str, *fields: str) -> bytes:
    """A request that no client library would send; its whole answer."""
    head = [line, *(fields or (f"Host: 127.0.0.1:{live.port}",)), f"Authorization: Bearer {live.key}"]
    with socket.create_connection(("127.0.0.1", live.port), timeout=30) as connection:
        connection.sendall("\r\n".join([*head, "Connection: close", "", ""]).encode())
        return b"".join(iter(lambda: connection.recv(1 << 16), b""))


@pytest.mark.parametrize(
    ("line", "status", "source"),
    [
        ("GET /health HTTP/1.1", 200, "gateway"),
        ("GET /healthz HTTP/1.1", 200, "gateway"),
        ("GET /readyz HTTP/1.1", 200, "gateway"),
        ("GET /status HTTP/1.1", 200, "gateway"),
        ("GET /version HTTP/1.1", 200, "gateway"),
        ("GET /api/oagw/v1/status HTTP/1.1", 200, "gateway"),
        ("GET /metrics HTTP/1.1", 403, "gateway"),
        ("GET /admin/keys HTTP/1.1", 403, "gateway"),
        ("GET /nowhere HTTP/1.1", 404, "gateway"),
        ("GET /v1/nowhere HTTP/1.1", 404, "gateway"),
        ("POST /health HTTP/1.1", 405, "gateway"),
        ("GET /v1/chat/completions HTTP/1.1", 405, "gateway"),
        ("GET /v1/models HTTP/1.1", 200, "gateway"),
        (f"GET {PROXY}/openai HTTP/1.1", 404, "upstream"),
        (f"GET {PROXY}/openai/ HTTP/1.1", 404, "upstream"),
        (f"PATCH {PROXY}/openai/v1/chat/completions HTTP/1.1", 405, "upstream"),
        (f"OPTIONS {PROXY}/github/users/octocat HTTP/1.1", 200, "upstream"),
        (f"HEAD {PROXY}/github/users/octocat HTTP/1.1", 200, "upstream"),
        ("CONNECT elsewhere:443 HTTP/1.1", 405, "gateway"),
        ("GET / HTTP/1.9", 400, "gateway"),
        ("GET nonsense HTTP/1.1", 400, "gateway"),
        ("NONSENSE", 400, "gateway"),
    ],
)
def test_every_reply_says_who_speaks_and_has_an_id(live: Live, line: str, status: int, source: str) -> None:
    head = raw_call(live, line).partition(b"\r\n\r\n")[0].lower()
    assert head.startswith(b"http/1.1 %d " % status)
    names = [field.partition(b":")[0] for field in head.split(b"\r\n")[1:]]
    assert names.count(b"x-request-id") == names.count(b"x-oagw-error-source") == 1
    assert f"x-oagw-error-source: {source}".encode() in head
