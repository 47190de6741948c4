# Written by scripts/unasync.py from tests/client/_async/test_transport.py; change that instead.
"""What only a socket shows: connections made, kept, refused and broken, and proxies."""

import ssl
import time
from collections.abc import Iterator

import httpcore2
import pytest
import trustme

from dragoman.client import Client, ClientConfig, Request, Timeouts
from dragoman.client._sync.transport import Timed
from dragoman.client.errors import (
    CallTimeout,
    ConnectError,
    ConnectionClosed,
    ProtocolError,
    StreamInterrupted,
    TLSError,
)
from dragoman.client.timeouts import Wait
from tests.client.sockets import EVENTS, OK, Peer, answering, chunk, dropping, serving, silent

GET = Request.get("/x")


def test_a_connection_is_kept_for_the_next_call() -> None:
    with serving(answering(OK, OK, OK)) as server:
        with Client(server.url) as client:
            for _ in range(3):
                response = client.execute("a", GET)
                assert (response.status, response.content) == (200, b"ok")
    assert (server.connections, len(server.requests)) == (1, 3)


def test_nobody_there_is_a_connect_error() -> None:
    with serving() as gone:
        pass
    with Client(gone.url) as client:
        with pytest.raises(ConnectError, match="no connection"):
            client.execute("a", GET)


def test_a_connection_that_breaks_before_the_answer() -> None:
    with serving(dropping) as server:
        with Client(server.url) as client:
            with pytest.raises(ConnectionClosed, match="before the answer began"):
                client.execute("a", GET)


def test_an_answer_that_is_not_http() -> None:
    with serving(answering(b"SSH-2.0-OpenSSH_9.6\r\n\r\n")) as server:
        with Client(server.url) as client:
            with pytest.raises(ProtocolError, match="not HTTP"):
                client.execute("a", GET)


def test_an_answer_that_stops_being_http_is_interrupted() -> None:
    with serving(answering(EVENTS + chunk(b"id: 1\ndata: a\n\n") + b"no size\r\n")) as server:
        with Client(server.url) as client, client.stream("a", GET) as answer:
            with pytest.raises(StreamInterrupted) as raised:
                for _ in answer.sse():
                    pass
    assert raised.value.last_event_id == "1"


def test_a_server_that_cannot_prove_who_it_is() -> None:
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)
    with serving(answering(OK), answering(OK), tls=context) as server:
        url = server.url.replace("http:", "https:")
        with Client(url) as client:
            with pytest.raises(TLSError, match="prove"):
                client.execute("a", GET)
        with Client(ClientConfig(url, tls=trusting)) as client:
            assert (client.execute("a", GET)).content == b"ok"


def test_a_server_that_does_not_greet_is_not_waited_for() -> None:
    with serving(silent) as server:
        with Client(server.url.replace("http:", "https:")) as client:
            with pytest.raises(CallTimeout) as raised:
                client.execute("a", GET.timeout(connect=0.1))
    assert raised.value.phase == "connect"


def test_a_connection_whose_time_is_up_before_its_tls_is_closed() -> None:
    stream = httpcore2.MockStream([b"never read"])
    with pytest.raises(httpcore2.ConnectTimeout):
        Timed(stream).start_tls(ssl.create_default_context(), timeout=Wait(1.0, lambda: 0.0))
    with pytest.raises(httpcore2.ReadError, match="closed"):
        stream.read(1)


def test_silence_of_each_phase_is_told_apart() -> None:
    timeouts = Timeouts(first_byte=0.1, idle=0.1)

    def begins(peer: Peer) -> None:
        peer.request()
        peer.send(EVENTS + chunk(b"data: a\n\n"))
        peer.wait()

    with serving(silent, begins) as server:
        with Client(ClientConfig(server.url, timeouts=timeouts)) as client:
            with pytest.raises(CallTimeout) as raised:
                client.execute("a", GET)
            assert raised.value.phase == "first_byte"
            with pytest.raises(CallTimeout) as raised:
                client.execute("a", GET)
            assert raised.value.phase == "idle"


def test_a_head_that_dribbles_is_no_head_in_time() -> None:
    def dribbles(peer: Peer) -> None:
        peer.request()
        for byte in OK * 100:
            peer.send(bytes([byte]))
            time.sleep(0.02)

    with serving(dribbles) as server:
        with Client(server.url) as client:
            with pytest.raises(CallTimeout) as raised:
                client.execute("a", GET.timeout(first_byte=0.2))
    assert raised.value.phase == "first_byte"


def test_the_total_holds_to_the_end_of_a_dribbled_body() -> None:
    def dribbles(peer: Peer) -> None:
        peer.request()
        peer.send(EVENTS)
        for _ in range(1000):
            peer.send(chunk(b": comment\n"))
            time.sleep(0.02)

    with serving(dribbles) as server:
        with Client(server.url) as client:
            started = time.monotonic()
            with pytest.raises(CallTimeout) as raised:
                client.execute("a", GET.timeout(total=0.3))
    assert raised.value.phase == "total"
    assert time.monotonic() - started < 2


def test_the_total_ends_a_silence_that_idle_would_allow() -> None:
    def falls_silent(peer: Peer) -> None:
        peer.request()
        peer.send(OK)
        silent(peer)

    with serving(falls_silent) as server:
        with Client(server.url) as client:
            client.execute("a", GET)
            started = time.monotonic()
            with pytest.raises(CallTimeout) as raised:
                client.execute("a", GET.timeout(total=0.2))
    assert raised.value.phase == "total"
    assert time.monotonic() - started < 2


def test_a_full_pool_is_waited_for_no_longer_than_for_a_connection() -> None:
    def holds(peer: Peer) -> None:
        peer.request()
        peer.send(EVENTS + chunk(b"data: a\n\n"))
        peer.wait()

    with serving(holds) as server:
        config = ClientConfig(server.url, max_connections=1, timeouts=Timeouts(connect=0.1))
        with Client(config) as client, client.stream("a", GET):
            with pytest.raises(CallTimeout) as raised:
                client.execute("a", GET)
    assert raised.value.phase == "connect"


def test_an_upload_is_streamed() -> None:
    def parts() -> Iterator[bytes]:
        yield b"one "
        yield b"two"

    with serving(answering(OK)) as server:
        with Client(server.url) as client:
            client.execute("a", Request.post("/x").body(parts(), "text/plain"))
    head, _, body = server.requests[0].partition(b"\r\n\r\n")
    assert b"Transfer-Encoding: chunked" in head
    assert body == chunk(b"one ") + chunk(b"two") + b"0\r\n\r\n"


def test_what_travels_is_what_was_asked_and_the_key() -> None:
    with serving(answering(OK)) as server:
        with Client(server.url + "/below/", "drg_k") as client:
            client.execute("git hub", Request.get("/a%2Fb//c?q=1").header("X-Mine", "2"))
    lines = server.requests[0].split(b"\r\n")
    assert lines[0] == b"GET /below/api/oagw/v1/proxy/git%20hub/a%2Fb//c?q=1 HTTP/1.1"
    assert {b"X-Mine: 2", b"Authorization: Bearer drg_k"} <= set(lines)
    assert any(line.startswith(b"User-Agent: dragoman-client/") for line in lines)


def test_neither_redirects_are_followed_nor_cookies_kept() -> None:
    moved = b"HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nSet-Cookie: session=1\r\nContent-Length: 0\r\n\r\n"
    with serving(answering(moved, OK)) as server:
        with Client(server.url) as client:
            response = client.execute("a", GET)
            assert (response.status, response.headers["location"]) == (302, "/elsewhere")
            assert response.headers.all("set-cookie") == ("session=1",)
            client.execute("a", GET)
    assert b"cookie" not in server.requests[1].lower()


def test_a_proxy_is_gone_through(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("no_proxy", "NO_PROXY", "HTTP_PROXY"):
        monkeypatch.delenv(name, raising=False)
    with serving(answering(OK)) as proxy:
        monkeypatch.setenv("http_proxy", proxy.url.replace("//", "//user:p%40ss@"))
        with Client("http://gateway.invalid") as client:
            assert (client.execute("a", GET)).content == b"ok"
    assert proxy.requests[0].startswith(b"GET http://gateway.invalid/api/oagw/v1/proxy/a/x HTTP/1.1\r\n")
    assert b"Proxy-Authorization: Basic dXNlcjpwQHNz" in proxy.requests[0]
