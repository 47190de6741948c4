"""Every error that a caller of an alias can meet, each provoked once: scenarios 24.1 to 24.5."""

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import httpx2
import pytest

from dragoman import errors
from dragoman.errors import PROBLEM_TYPE, ErrorKind
from tests.support.live import Live, running

PROXY = "/api/oagw/v1/proxy"
PAGE = "https://app.example.com"
LISTED = {"Origin": PAGE}
PREFLIGHT = {"Origin": PAGE, "Access-Control-Request-Method": "GET"}


class Faulty:
    """An upstream whose path says what it does wrong."""

    ANSWERS = {
        "/garbage": b"nonsense\r\n\r\n",
        "/cut": b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhalf",
        "/idle": b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhalf",
        "/silent": b"",
        "/events": b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
                   b"Transfer-Encoding: chunked\r\n\r\n9\r\ndata: a\n\n\r\n",
    }  # fmt: skip
    HELD = ("/idle", "/silent")

    def __init__(self, stack: ExitStack) -> None:
        self._listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        self.port = int(self._listener.getsockname()[1])
        thread = threading.Thread(target=self._serve, name="faulty")
        thread.start()
        stack.callback(thread.join, 10)
        stack.callback(self._listener.shutdown, socket.SHUT_RDWR)

    def _serve(self) -> None:
        held = []
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:  # shut down
                break
            target = connection.recv(65536).split(b" ")[1].decode()
            connection.sendall(self.ANSWERS[target])
            if target in self.HELD:
                held.append(connection)
            else:
                connection.close()
        for connection in held:
            connection.close()


def deaf(stack: ExitStack) -> int:
    """A port whose queue is full: nothing that is new is accepted."""
    listener = stack.enter_context(socket.socket())
    listener.bind(("127.0.0.1", 0))
    listener.listen(0)
    for _ in range(2):
        waiting = stack.enter_context(socket.socket())
        waiting.setblocking(False)
        waiting.connect_ex(listener.getsockname())
    return int(listener.getsockname()[1])


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    state = tmp_path_factory.mktemp("errors")
    (state / "secret").write_text("s3cret")
    with ExitStack() as stack:
        faulty, full = Faulty(stack), deaf(stack)

        def change(values: dict[str, Any], mock_url: str) -> None:
            values["server"] |= {"body_timeout": 0.2}
            echo = f"{mock_url}/echo"
            short = {"connect": 0.2, "first_byte": 0.2, "idle": 0.2}
            oauth = {
                "type": "oauth2", "token_endpoint": f"{mock_url}/status/401", "client_id_ref": "env:ID",
                "client_secret_ref": f"file:{state}/secret",
            }  # fmt: skip
            routes = [{"match": {"methods": ["GET"], "path": "/one", "suffix": "disabled", "query_allowlist": ["a"]}}]
            pair = [{"scheme": "http", "host": f"{name}.localhost", "port": 1} for name in ("a", "b")]
            cors = {"enabled": True, "origins": [PAGE], "methods": ["GET"]}
            values["aliases"] = {
                "echo": {"base_url": echo, "max_body": 10},
                "off": {"base_url": echo, "enabled": False},
                "routed": {"base_url": echo, "routes": routes},
                "paged": {"base_url": echo, "cors": cors},
                "denied": {"base_url": echo, "auth": oauth},
                "lost": {"base_url": echo, "auth": {**oauth, "client_secret_ref": f"file:{state}/lost"}},
                "inside": {"base_url": f"http://localhost:{faulty.port}", "network": "public"},
                "faulty": {"base_url": f"http://127.0.0.1:{faulty.port}", "timeouts": short},
                "deaf": {"base_url": f"http://127.0.0.1:{full}", "timeouts": {"connect": 0.2}},
                "refusing": {"base_url": f"{mock_url}/status/503"},
                "gone": {"base_url": "http://127.0.0.1:1"},
                "tripped": {"base_url": "http://127.0.0.1:1", "breaker": {"failures": 1}},
                "pair": {"endpoints": pair},
            }  # fmt: skip

        (state / "lost").write_text("s3cret")
        with running(state, change, timing="instant", environ={"ID": "me"}) as live:
            (state / "lost").unlink()
            yield live


def call(live: Live, path: str, method: str = "GET", **options: Any) -> httpx2.Response:
    headers = options.pop("headers", {})
    if headers is not None and "Access-Control-Request-Method" not in headers:
        headers = {**live.headers(), **headers}
    return httpx2.request(method, f"{live.url}{PROXY}{path}", headers=headers, timeout=20, **options)


def check(answer: httpx2.Response, kind: ErrorKind) -> None:
    """24.1, 24.2 and 24.3: a problem document, who says so, and when to come back."""
    problem = answer.json()
    assert problem["code"] == kind.code, problem
    assert answer.status_code == problem["status"] == (kind.outbound_status or kind.status)
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["x-oagw-error-source"] == problem["source"] == "gateway"
    assert problem["type"] == PROBLEM_TYPE.format(slug=kind.slug)
    assert problem["title"] == kind.title
    assert problem["detail"] == problem["error"] != ""
    assert problem["request_id"] == answer.headers["x-request-id"]
    assert problem["retriable"] is kind.retriable
    assert ("retry-after" in answer.headers) is kind.retriable
    if kind.retriable:
        assert int(answer.headers["retry-after"]) == problem["retry_after_seconds"] > 0


CALLS: dict[ErrorKind, tuple[str, str, dict[str, Any]]] = {
    errors.INVALID_REQUEST: ("GET", "/echo/a/%2e%2e/b", {}),
    errors.MISSING_API_KEY: ("GET", "/echo/x", {"headers": None}),
    errors.INVALID_API_KEY: ("GET", "/echo/x", {"headers": {"Authorization": "Bearer wrong"}}),
    errors.AUTH_FAILED: ("GET", "/denied/x", {}),
    errors.SECRET_NOT_FOUND: ("GET", "/lost/x", {}),
    errors.CORS_ORIGIN_NOT_ALLOWED: ("GET", "/paged/x", {"headers": {"Origin": "https://evil.example.com"}}),
    errors.CORS_METHOD_NOT_ALLOWED: ("DELETE", "/paged/x", {"headers": LISTED}),
    errors.CORS_HEADER_NOT_ALLOWED: (
        "OPTIONS", "/paged/x", {"headers": {**PREFLIGHT, "Access-Control-Request-Headers": "x-other"}},
    ),
    errors.ROUTE_NOT_FOUND: ("GET", "/nowhere/x", {}),
    errors.QUERY_NOT_ALLOWED: ("GET", "/routed/one?b=1", {}),
    errors.PATH_SUFFIX_NOT_ALLOWED: ("GET", "/routed/one/two", {}),
    errors.PAYLOAD_TOO_LARGE: ("POST", "/echo/x", {"content": b"x" * 11}),
    errors.INVALID_TARGET_HOST: ("GET", "/pair/x", {"headers": {"X-OAGW-Target-Host": "a/b"}}),
    errors.UNKNOWN_TARGET_HOST: ("GET", "/pair/x", {"headers": {"X-OAGW-Target-Host": "c.localhost"}}),
    errors.PROTOCOL_ERROR: ("GET", "/faulty/garbage", {}),
    errors.STREAM_ABORTED: ("GET", "/faulty/cut", {}),
    errors.IDLE_TIMEOUT: ("GET", "/faulty/idle", {}),
    errors.REQUEST_TIMEOUT: ("GET", "/faulty/silent", {}),
    errors.CONNECTION_TIMEOUT: ("GET", "/deaf/x", {}),
    errors.DOWNSTREAM_ERROR: ("GET", "/gone/x", {}),
    errors.EGRESS_DENIED: ("GET", "/inside/x", {}),
    errors.UPSTREAM_DISABLED: ("GET", "/off/x", {}),
}  # fmt: skip


@pytest.mark.parametrize("kind", CALLS, ids=lambda kind: kind.code)
def test_24_5_each_error_can_be_provoked(live: Live, kind: ErrorKind) -> None:
    method, path, options = CALLS[kind]
    check(call(live, path, method, **options), kind)


def test_24_5_an_open_breaker(live: Live) -> None:
    check(call(live, "/tripped/x"), errors.DOWNSTREAM_ERROR)
    answer = call(live, "/tripped/x")
    check(answer, errors.CIRCUIT_BREAKER_OPEN)
    assert answer.headers["x-circuit-state"] == "OPEN"


def test_24_5_a_request_that_came_back(live: Live) -> None:
    via = live.gateway._composer.via
    check(call(live, "/echo/x", headers={"Via": f"1.1 {via}"}), errors.LOOP_DETECTED)


def test_24_5_a_path_and_a_method_that_are_not_there(live: Live) -> None:
    check(httpx2.get(f"{live.url}/api/oagw/v1/nothing", headers=live.headers(), timeout=20), errors.NOT_FOUND)
    answer = httpx2.post(f"{live.url}/api/oagw/v1/status", headers=live.headers(), timeout=20)
    check(answer, errors.METHOD_NOT_ALLOWED)
    assert answer.headers["allow"] == "GET, HEAD"


@pytest.mark.parametrize(
    ("fields", "kind"),
    [("Content-Length: 5\r\n", errors.BODY_TIMEOUT), ("X-Request-ID: a\r\nX-Request-ID: b\r\n", errors.BAD_HTTP)],
    ids=lambda value: getattr(value, "code", ""),
)
def test_24_5_what_a_well_behaved_client_does_not_send(live: Live, fields: str, kind: ErrorKind) -> None:
    received = live.raw(
        f"POST {PROXY}/echo/x HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {live.key}\r\n{fields}\r\n".encode()
    )
    head, _, body = received.partition(b"\r\n\r\n")
    status, *lines = head.decode().split("\r\n")
    headers = dict(line.split(": ", 1) for line in lines)
    check(httpx2.Response(int(status.split()[1]), headers=headers, content=body), kind)


def test_24_2_an_upstreams_own_error_says_that_it_is_one(live: Live) -> None:
    answer = call(live, "/refusing")
    assert (answer.status_code, answer.headers["x-oagw-error-source"]) == (503, "upstream")
    assert answer.headers["content-type"] == "application/json"
    assert call(live, "/echo/x").headers["x-oagw-error-source"] == "upstream"


def test_24_4_a_stream_that_breaks_off_says_so_in_band_and_does_not_look_complete(live: Live) -> None:
    received = b""
    with httpx2.stream("GET", f"{live.url}{PROXY}/faulty/events", headers=live.headers(), timeout=20) as answer:
        assert (answer.status_code, answer.headers["x-oagw-error-source"]) == (200, "upstream")
        with pytest.raises(httpx2.RemoteProtocolError):
            for part in answer.iter_raw():
                received += part
    content, _, error = received.partition(b"event: error\ndata: ")
    assert content == b"data: a\n\n"
    problem = json.loads(error)
    assert (problem["code"], problem["source"], problem["retriable"]) == ("stream_aborted", "gateway", False)
