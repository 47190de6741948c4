"""How connections end: the client leaves or does not read, the application cuts, an answer comes early."""

import asyncio
import gc
import socket
import threading
import time
import weakref
from collections.abc import Callable

import pytest

from dragoman.gateway.connection import ConnectionLimits
from tests.gateway.edge_server import (
    SHORT,
    WAIT,
    App,
    Client,
    Gate,
    Receive,
    Scope,
    Send,
    eventually,
    get,
    post,
    read_body,
    respond,
    serving,
    wait_for_ever,
)


@pytest.fixture(params=["uvloop", "asyncio"])
def loop(request: pytest.FixtureRequest) -> str:
    """Both event loops, where their transports differ."""
    name: str = request.param
    return name


# the client leaves


def leave(client: Client) -> None:
    client.close()


def half_close(client: Client) -> None:
    client.socket.shutdown(socket.SHUT_WR)


def reset(client: Client) -> None:
    client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
    client.close()


@pytest.mark.parametrize("departure", [leave, half_close, reset])
@pytest.mark.parametrize(
    "request_bytes",
    [get(), post("/", b"x" * 10), post("/", b"x" * 1_000_000), get("/", "Content-Length: 10", method="POST") + b"x"],
    ids=["get", "post", "large post", "half a body"],
)
def test_a_client_that_leaves_cancels_its_call(
    loop: str, departure: Callable[[Client], None], request_bytes: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    reading = threading.Event()

    async def route(scope: Scope, receive: Receive, send: Send) -> None:
        reading.set()
        if b"half" not in request_bytes:
            await read_body(receive)
        await asyncio.Event().wait()

    app = App({"/": route})
    with serving(app, loop=loop) as server, server.client() as client:
        client.send(request_bytes)
        assert reading.wait(WAIT)
        eventually(lambda: not server.connections[0].flow.read_paused, "a call does not stop its connection's reading")
        departure(client)
        assert app.cancelled.wait(2)
        eventually(lambda: not server.connections, "the connection is gone")
    assert app.disconnected_when_cancelled
    assert caplog.records == []


def test_a_client_that_leaves_in_a_stream_cancels_it(loop: str, caplog: pytest.LogCaptureFixture) -> None:
    async def stream(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        while True:
            await send({"type": "http.response.body", "body": b"event" * 1000, "more_body": True})
            await asyncio.sleep(0)

    app = App({"/": stream})
    with serving(app, loop=loop) as server, server.client() as client:
        client.send(get())
        assert client.head()[0] == 200
        client.chunk()
        client.close()
        assert app.cancelled.wait(2)
    assert app.disconnected_when_cancelled
    assert caplog.records == []


async def flood(scope: Scope, receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    while True:
        await send({"type": "http.response.body", "body": b"x" * 100_000, "more_body": True})


def test_a_client_that_leaves_while_its_side_is_full_cancels_its_call(loop: str) -> None:
    app = App({"/": flood})
    with serving(app, loop=loop) as server, Client(server.server.port, receive_buffer=4096) as client:
        client.send(get())
        eventually(lambda: any(item.flow.write_paused for item in server.connections), "its side is full")
        client.socket.shutdown(socket.SHUT_WR)
        assert app.cancelled.wait(2)
    assert app.disconnected_when_cancelled


@pytest.mark.parametrize("departure", [leave, half_close, reset])
def test_a_client_that_leaves_is_noticed_though_nobody_reads_its_body(
    loop: str, departure: Callable[[Client], None]
) -> None:
    async def route(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await asyncio.Event().wait()

    app = App({"/": route})
    with serving(app, loop=loop) as server, server.client() as client:
        client.send(get("/", "Content-Length: 1000000", method="POST") + b"x" * 400_000)
        eventually(lambda: any(item.flow.read_paused for item in server.connections), "reading is paused")
        departure(client)
        assert app.cancelled.wait(2)
        eventually(lambda: not server.connections, "the connection is gone")
    assert app.disconnected_when_cancelled


def test_a_request_behind_one_whose_client_left_never_starts(loop: str) -> None:
    app = App({"/wait": wait_for_ever})
    with serving(app, loop=loop) as server, server.client() as client:
        client.send(get("/wait") + get("/1") + post("/2", b"abc"))
        eventually(lambda: app.begun == 1, "the first call has begun")
        client.close()
        assert app.cancelled.wait(WAIT)
        eventually(lambda: not server.connections, "the connection is gone")
    assert app.begun == 1


def test_a_call_whose_answer_is_complete_is_not_cancelled(loop: str) -> None:
    gate = Gate()
    settled = threading.Event()

    async def route(scope: Scope, receive: Receive, send: Send) -> None:
        await respond(send, b"ok")
        await gate.wait()
        settled.set()

    app = App({"/": route})
    with serving(app, loop=loop) as server:
        with server.client() as client:
            client.send(get("/", "Connection: close"))
            assert client.answer().status == 200
        eventually(lambda: not server.connections, "the connection is gone")
        gate.open()
        assert settled.wait(WAIT)
    assert not app.cancelled.is_set()


def test_a_closed_connection_is_freed_without_the_garbage_collector() -> None:
    async def route(scope: Scope, receive: Receive, send: Send) -> None:
        references.append(weakref.ref(scope["dragoman.connection"]))
        await respond(send, await read_body(receive))

    references: list[weakref.ref[object]] = []
    gc.collect()
    gc.disable()
    try:
        with serving(App({"/": route})) as server:
            for request, count in ((get(), 1), (get() * 2, 2), (post("/", b"abc", "Connection: close"), 1)):
                with server.client() as client:
                    client.send(request)
                    assert [client.answer().status for _ in range(count)] == [200] * count
            eventually(lambda: all(reference() is None for reference in references), "all connections are freed")
            assert len(references) == 4
    finally:
        gc.enable()


# the application ends the connection


async def cut(scope: Scope, receive: Receive, send: Send) -> None:
    """Sends part of its answer, drops the connection, then has something to do."""
    await send({"type": "http.response.start", "status": 200, "headers": scope["state"]["headers"]})
    await send({"type": "http.response.body", "body": b"part", "more_body": True})
    scope["dragoman.connection"].abort()
    await asyncio.sleep(0.05)
    await send({"type": "http.response.body", "body": b"lost", "more_body": True})
    scope["state"]["settled"].set()


def cutting(settled: threading.Event, *headers: tuple[bytes, bytes]) -> App:
    async def route(scope: Scope, receive: Receive, send: Send) -> None:
        await cut(scope | {"state": {"settled": settled, "headers": list(headers)}}, receive, send)

    return App({"/cut": route})


def test_an_aborted_chunked_answer_is_truncated_after_what_was_sent(
    loop: str, caplog: pytest.LogCaptureFixture
) -> None:
    settled = threading.Event()
    app = cutting(settled)
    with serving(app, loop=loop) as server, server.client() as client:
        client.send(get("/cut") + get("/never"))
        assert client.head()[0] == 200
        assert client.chunk() == b"part"
        assert client.rest() == b""
        assert settled.wait(WAIT)
    assert not app.cancelled.is_set()
    assert app.begun == 1
    assert caplog.records == []


def test_an_aborted_answer_with_a_length_is_short(loop: str) -> None:
    settled = threading.Event()
    with serving(cutting(settled, (b"content-length", b"100")), loop=loop) as server, server.client() as client:
        client.send(get("/cut"))
        assert client.head()[1]["content-length"] == "100"
        assert client.rest() == b"part"
        assert settled.wait(WAIT)


def test_an_aborted_answer_to_http_1_0_is_reset(loop: str) -> None:
    settled = threading.Event()
    with serving(cutting(settled), loop=loop) as server, server.client() as client:
        client.send(b"GET /cut HTTP/1.0\r\n\r\n")
        with pytest.raises(ConnectionResetError):
            client.answer()
        assert settled.wait(WAIT)


def test_an_abort_from_outside_the_call_cancels_it(loop: str) -> None:
    async def route(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        asyncio.get_running_loop().call_later(0.05, scope["dragoman.connection"].abort)
        await asyncio.Event().wait()

    app = App({"/": route})
    with serving(app, loop=loop) as server, server.client() as client:
        client.send(get())
        assert client.head()[0] == 200
        assert client.rest() == b""
        assert app.cancelled.wait(WAIT)
    assert app.disconnected_when_cancelled


def test_an_abort_of_a_caller_that_does_not_read_is_immediate(loop: str) -> None:
    async def route(scope: Scope, receive: Receive, send: Send) -> None:
        asyncio.get_running_loop().call_later(0.1, scope["dragoman.connection"].abort)
        await flood(scope, receive, send)

    app = App({"/": route})
    with serving(app, loop=loop) as server, Client(server.server.port, receive_buffer=4096) as client:
        client.send(get())
        assert app.cancelled.wait(2)
        eventually(lambda: not server.connections, "the connection is dropped")


def test_a_caller_that_reads_again_is_no_longer_timed(loop: str) -> None:
    async def route(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for _ in range(80):
            await send({"type": "http.response.body", "body": b"x" * 100_000, "more_body": True})
        await gate.wait()
        await send({"type": "http.response.body", "body": b"end", "more_body": False})

    gate = Gate()
    with (
        serving(App({"/": route}), loop=loop, limits=ConnectionLimits(stall=1.0)) as server,
        Client(server.server.port, receive_buffer=4096) as client,
    ):
        client.send(get())
        eventually(lambda: any(item.flow.write_paused for item in server.connections), "its side is full")
        client.head()
        assert sum(len(client.chunk()) for _ in range(80)) == 8_000_000
        assert gate.begun.wait(WAIT)
        assert server.connections[0].deadline == float("inf")
        gate.open()
        assert client.chunk() == b"end"


SIZE = 3_000_000


async def large(scope: Scope, receive: Receive, send: Send) -> None:
    await respond(send, b"x" * SIZE)


@pytest.mark.parametrize("extra", [(), ("Connection: close",)], ids=["keep-alive", "close"])
def test_a_client_that_leaves_an_answer_unread_is_dropped(loop: str, extra: tuple[str, ...]) -> None:
    with (
        serving(App({"/": large}), loop=loop, limits=SHORT) as server,
        Client(server.server.port, receive_buffer=4096) as client,
    ):
        client.send(get("/", *extra))
        assert client.head()[0] == 200
        eventually(lambda: not server.connections, "the client is dropped")


@pytest.mark.parametrize("extra", [(), ("Connection: close",)], ids=["keep-alive", "close"])
def test_a_client_that_reads_slowly_gets_its_answer(loop: str, extra: tuple[str, ...]) -> None:
    with (
        serving(App({"/": large}), loop=loop, limits=SHORT) as server,
        Client(server.server.port, receive_buffer=4096) as client,
    ):
        client.send(get("/", *extra))
        assert client.head()[0] == 200
        for _ in range(SIZE // 100_000):
            assert len(client.read(100_000)) == 100_000
            time.sleep(0.05)  # 1.5 s in all: several stall periods


def test_a_streaming_call_whose_client_does_not_read_is_cancelled(loop: str) -> None:
    app = App({"/": flood})
    with (
        serving(app, loop=loop, limits=SHORT) as server,
        Client(server.server.port, receive_buffer=4096) as client,
    ):
        client.send(get())
        assert app.cancelled.wait(WAIT)
    assert app.disconnected_when_cancelled


# answers that come before the body does


async def too_large(scope: Scope, receive: Receive, send: Send) -> None:
    await respond(send, b"no", 413, [(b"connection", b"close")] if scope["path"] == "/close" else [])


@pytest.mark.parametrize("extra", [(), ("Connection: close",)], ids=["keep-alive", "close"])
@pytest.mark.parametrize("path", ["/keep", "/close"])
def test_an_early_answer_is_not_lost_in_a_reset(loop: str, path: str, extra: tuple[str, ...]) -> None:
    app = App({"/keep": too_large, "/close": too_large})
    with serving(app, loop=loop) as server, server.client() as client:
        client.send(post(path, b"x" * 20_000_000, *extra))
        answer = client.answer()
        assert (answer.status, answer.body) == (413, b"no")


def test_after_an_early_answer_the_next_request_is_read_from_the_right_place(loop: str) -> None:
    app = App({"/keep": too_large})
    with serving(app, loop=loop) as server, server.client() as client:
        client.send(post("/keep", b"x" * 1_000_000) + get("/next"))
        assert [client.answer().status, client.answer().status] == [413, 200]
    assert [seen.target for seen in app.seen] == [b"/next"]


def test_a_connection_whose_early_answered_body_has_come_is_idle_and_not_ending() -> None:
    limits = ConnectionLimits(linger=0.2, head_timeout=0.2)
    with serving(App({"/keep": too_large}), limits=limits) as server, server.client() as client:
        client.send(get("/keep", "Content-Length: 3", method="POST") + b"a")
        assert client.answer().status == 413
        client.send(b"bc")
        time.sleep(0.6)  # passing time is what is tested
        client.send(get())
        assert client.answer().status == 200


def test_a_body_that_never_ends_after_an_early_answer_is_cut_off() -> None:
    with serving(App({"/keep": too_large}), limits=SHORT) as server, server.client() as client:
        client.send(get("/keep", "Content-Length: 1000000", method="POST") + b"x")
        assert client.answer().status == 413
        eventually(lambda: not server.connections, "the connection is closed")
