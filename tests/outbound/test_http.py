"""What a call carries and how it fails: scenarios 5.1, 6.4, 7.2 to 8.3, 10.1, 12.1 to 12.7 and 26.1."""

import json
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx2
import pytest
import trustme

from tests.outbound.api import problem
from tests.outbound.faults import Faulty
from tests.support.live import Live, running

PROXY = "/api/oagw/v1/proxy"
WAIT = 20.0
CAP = 104_857_600
"""Bytes of a request's body that pass by default."""


class Pieces:
    """An upstream that tells of each part of a request as it comes, and answers once it has the last."""

    def __init__(self, stack: ExitStack, tls: ssl.SSLContext | None = None) -> None:
        self._listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        self.port = int(self._listener.getsockname()[1])
        self._tls = tls
        self.received = b""
        self.begun = threading.Event()
        self.protocol: str | None = ""
        """What TLS has agreed on; None if on nothing."""
        thread = threading.Thread(target=self._serve, name="pieces")
        thread.start()
        stack.callback(thread.join, WAIT)
        stack.callback(self._listener.shutdown, socket.SHUT_RDWR)

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:  # shut down
                return
            with connection, suppress(ssl.SSLError, ConnectionError):  # whoever has called speaks something else
                if self._tls is None:
                    self._answer(connection)
                else:
                    with self._tls.wrap_socket(connection, server_side=True) as over_tls:
                        self.protocol = over_tls.selected_alpn_protocol()
                        self._answer(over_tls)

    def _answer(self, connection: socket.socket) -> None:
        received = b""
        while not received.endswith(b"0\r\n\r\n" if b"chunked" in received.lower() else b"\r\n\r\n"):
            data = connection.recv(65536)
            if not data:
                return
            received += data
            if b"part one" in received:
                self.begun.set()
        self.received = received
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok")


@contextmanager
def authority(state: Path) -> Iterator[ssl.SSLContext]:
    """A server's side of TLS that offers HTTP/2 before HTTP/1.1; whom to trust is in `ca.pem`."""
    ca = trustme.CA()
    ca.cert_pem.write_to_path(state / "ca.pem")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca.issue_cert("localhost").configure_cert(context)
    context.set_alpn_protocols(["h2", "http/1.1"])
    yield context


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Live, Pieces, Pieces]]:
    state = tmp_path_factory.mktemp("http")
    with ExitStack() as stack:
        faulty, plain = Faulty(stack), Pieces(stack)
        tls = Pieces(stack, stack.enter_context(authority(state)))

        def change(values: dict[str, Any], mock_url: str) -> None:
            everything = {"headers": {"request": {"passthrough": "all"}}}
            values["aliases"] |= {
                "echo": {"base_url": f"{mock_url}/echo", **everything},
                "failing": {"base_url": f"{mock_url}/status"},
                "silent": {"base_url": f"http://127.0.0.1:{faulty.port}", "timeouts": {"first_byte": 0.2}},
                "pieces": {"base_url": f"http://127.0.0.1:{plain.port}"},
                "modern": {"base_url": f"https://localhost:{tls.port}", "ca_bundle": str(state / "ca.pem")},
                "tls-at-plain": {"base_url": mock_url.replace("http://", "https://")},
                "plain-at-tls": {"base_url": f"http://localhost:{tls.port}"},
            }  # fmt: skip

        live = stack.enter_context(running(state, change, timing="instant"))
        yield live, plain, tls


@pytest.fixture(scope="module")
def live(parts: tuple[Live, Pieces, Pieces]) -> Live:
    return parts[0]


def call(live: Live, path: str, method: str = "GET", **options: Any) -> httpx2.Response:
    headers = {**live.headers(options.pop("key", None)), **options.pop("headers", {})}
    return httpx2.request(method, f"{live.url}{PROXY}{path}", headers=headers, timeout=WAIT, **options)


def raw(live: Live, *fields: str, body: str = "", target: str = f"{PROXY}/echo/x") -> tuple[int, dict[str, Any]]:
    """Status and body of the answer to a request that is sent as it stands."""
    lines = [f"POST {target} HTTP/1.1", f"Authorization: Bearer {live.key}", *fields, "", body]
    received = live.raw("\r\n".join(lines).encode())
    head, _, content = received.partition(b"\r\n\r\n")
    return int(head.split()[1]), json.loads(content)


def test_n5_1_a_key_that_may_call_nothing_is_told_so(live: Live) -> None:
    before = live.received
    for path in ("/echo/x", "/nobody/x"):
        assert problem(call(live, path, key=live.issue(aliases=[]))) == (403, "permission_denied")
    assert live.received == before


def test_n6_4_an_unknown_alias_is_a_404(live: Live) -> None:
    answer = call(live, "/nobody/x")
    assert problem(answer) == (404, "route_not_found")
    assert answer.json()["error"] == "Unknown alias: nobody"


def test_p7_2_what_ends_at_a_hop_ends_here(live: Live) -> None:
    hop = {
        "Connection": "close, X-Named", "X-Named": "1", "Keep-Alive": "1", "TE": "trailers", "Upgrade": "h2c",
        "Proxy-Authorization": "p",
    }  # fmt: skip
    answer = call(live, "/echo/x", headers={**hop, "X-Kept": "1"})
    names = {name.lower() for name, _ in answer.json()["headers"]}
    assert "x-kept" in names
    assert not names & {name.lower() for name in hop}
    assert not {"transfer-encoding", "keep-alive", "connection"} & set(answer.headers) - {"connection"}


def test_p7_3_and_26_1_host_is_the_endpoints_whatever_the_caller_says(live: Live) -> None:
    endpoint = live.mock_url.removeprefix("http://")
    absolute = f"http://evil.example.com{PROXY}/echo/x"
    for fields, target in (
        (["Host: evil.example.com"], f"{PROXY}/echo/x"),
        (["Host: evil.example.com", "X-Forwarded-Host: evil.example.com"], absolute),
    ):
        status, said = raw(live, *fields, "Content-Length: 0", target=target)
        assert status == 200
        headers = {name.lower(): value for name, value in said["headers"]}
        assert headers["host"] == endpoint
        assert "evil" not in str(said)


@pytest.mark.parametrize("length", ["abc", "-1", "1 0", "3, 4"])
def test_n7_4_a_length_that_is_none_is_a_400(live: Live, length: str) -> None:
    before = live.received
    status, said = raw(live, "Host: x", f"Content-Length: {length}", body="abc")
    assert (status, said["code"], said["source"]) == (400, "bad_http", "gateway")
    assert live.received == before


def test_n7_4_a_body_that_is_shorter_than_its_length_never_goes_out(live: Live) -> None:
    before = live.received
    with socket.create_connection(("127.0.0.1", live.port), timeout=WAIT) as connection:
        head = f"POST {PROXY}/echo/x HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {live.key}\r\n"
        connection.sendall(f"{head}X-Request-ID: short\r\nContent-Length: 9\r\n\r\nabc".encode())
        connection.shutdown(socket.SHUT_WR)
        while connection.recv(65536):
            pass
    live.until(lambda: any(b'"short"' in line for line in live.log), "the call is over")
    assert live.received == before


def test_n8_1_a_body_over_the_cap_is_refused_before_it_is_read(live: Live) -> None:
    before = live.received
    status, said = raw(live, "Host: x", f"Content-Length: {CAP + 1}")
    assert (status, said["code"], said["source"]) == (413, "payload_too_large", "gateway")
    assert live.received == before


@pytest.mark.parametrize("coding", ["gzip", "gzip, chunked", "chunked, chunked", "identity"])
def test_n8_2_no_coding_but_chunked_is_taken(live: Live, coding: str) -> None:
    before = live.received
    status, said = raw(live, "Host: x", f"Transfer-Encoding: {coding}", body="0\r\n\r\n")
    assert (status, said["code"]) == (400, "bad_http")
    assert live.received == before


def test_p8_3_a_body_goes_out_while_it_still_comes_in(parts: tuple[Live, Pieces, Pieces]) -> None:
    live, upstream, _ = parts

    def body() -> Iterator[bytes]:
        yield b"part one"
        assert upstream.begun.wait(WAIT), "nothing has gone out yet"
        yield b"part two"

    answer = call(live, "/pieces/x", "POST", content=body())
    assert (answer.status_code, answer.text) == (200, "ok")
    assert b"part one" in upstream.received and b"part two" in upstream.received


def test_n10_1_an_upstream_that_does_not_answer_is_a_504(live: Live) -> None:
    answer = call(live, "/silent/silent")
    assert problem(answer) == (504, "request_timeout")
    assert int(answer.headers["retry-after"]) > 0


def test_p12_1_and_p_ex_01_a_call_passes_and_so_does_its_answer(live: Live) -> None:
    answer = call(live, "/echo/v1/things?a=1", "PUT", content=b"\x00\xff", headers={"Content-Type": "x/y"})
    assert (answer.status_code, answer.headers["x-oagw-error-source"]) == (200, "upstream")
    said = answer.json()
    assert (said["method"], said["path"], said["query"]) == ("PUT", "/echo/v1/things", "a=1")
    assert (said["body_base64"], ["content-type", "x/y"] in said["headers"]) == ("AP8=", True)


def test_n12_2_an_upstreams_error_is_left_as_it_is(live: Live) -> None:
    answer = call(live, "/failing/500")
    assert (answer.status_code, answer.headers["x-oagw-error-source"]) == (500, "upstream")
    assert (answer.headers["content-type"], answer.json()) == ("application/json", {"status": 500})


def test_n12_3_an_error_of_the_gateways_is_a_problem_document(live: Live) -> None:
    answer = call(live, "/echo/%2e%2e/x")
    assert problem(answer) == (400, "invalid_request")
    assert {"type", "title", "status", "detail", "instance"} <= answer.json().keys()


def test_p12_4_an_upstream_that_speaks_http_2_as_well_is_called_by_http_1_1(parts: tuple[Live, Pieces, Pieces]) -> None:
    live, _, upstream = parts
    assert call(live, "/modern/x").text == "ok"
    assert upstream.protocol in (None, "http/1.1")


@pytest.mark.parametrize("alias", ["tls-at-plain", "plain-at-tls"])
def test_n12_7_and_26_3_an_endpoint_that_speaks_another_scheme_is_a_502(live: Live, alias: str) -> None:
    status, code = problem(call(live, f"/{alias}/x"))
    assert status == 502
    assert code in ("downstream_error", "protocol_error", "stream_aborted")
