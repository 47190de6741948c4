"""The server's life: binding, readiness, the stop in all its steps, and signals to a real process."""

import asyncio
import errno
import logging
import signal
import socket
import ssl
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme

from dragoman.gateway.connection import ConnectionLimits
from dragoman.gateway.server import GatewayServer, open_listeners
from tests.gateway.edge_server import (
    WAIT,
    App,
    Client,
    Gate,
    Receive,
    Running,
    Scope,
    Send,
    eventually,
    get,
    post,
    render,
    respond,
    serving,
    wait_for_ever,
)

ROOT = Path(__file__).parents[2]


@pytest.fixture(params=["uvloop", "asyncio"])
def loop(request: pytest.FixtureRequest) -> str:
    """Both event loops, where their servers differ."""
    name: str = request.param
    return name


# listening


def test_the_port_is_told_once_it_answers() -> None:
    told: list[int] = []
    ready = threading.Event()

    def on_ready(port: int) -> None:
        told.append(port)
        ready.set()

    server = GatewayServer(
        App(), host="127.0.0.1", port=0, render=render, new_id=lambda: "id", drain=0, on_ready=on_ready
    )
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        assert ready.wait(WAIT)
        assert told == [server.port] != [0]
        with Client(server.port) as client:
            client.send(get())
            assert client.answer().status == 200
    finally:
        server.request_stop()
        thread.join(WAIT)
    assert not thread.is_alive()


def test_every_address_of_a_name_listens_on_one_port() -> None:
    listeners = open_listeners("localhost", 0)
    try:
        assert len({listener.getsockname()[1] for listener in listeners}) == 1
    finally:
        for listener in listeners:
            listener.close()


@pytest.mark.parametrize("loop_factory", [None, asyncio.new_event_loop])
async def test_a_port_in_use_is_an_error_that_names_it(loop_factory: object) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        app = App()
        server = GatewayServer(app, host="127.0.0.1", port=port, render=render, new_id=lambda: "id")
        with pytest.raises(OSError, match=f"cannot listen on 127.0.0.1:{port}: Address already in use") as caught:
            await server.serve()
        assert caught.value.errno == errno.EADDRINUSE
        assert not app.closed.is_set()


async def test_a_host_that_is_none_is_an_error_that_names_it() -> None:
    server = GatewayServer(App(), host="no.such.invalid", port=0, render=render, new_id=lambda: "id")
    with pytest.raises(OSError, match="cannot listen on no.such.invalid:0"):
        await server.serve()


# the application's lifespan


class Broken(Exception):
    pass


@pytest.mark.parametrize("message", ["startup", "shutdown"])
def test_what_the_application_raises_in_its_lifespan_comes_out(
    message: str, loop: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        assert (await receive())["type"] == "lifespan.startup"
        if message == "startup":
            raise Broken("no store")
        await send({"type": "lifespan.startup.complete"})
        assert (await receive())["type"] == "lifespan.shutdown"
        raise Broken("not flushed")

    server = GatewayServer(app, host="127.0.0.1", port=0, render=render, new_id=lambda: "id")
    running = Running(server, loop)
    server.request_stop()
    running.start()
    with pytest.raises(Broken):
        running.join()
    assert caplog.records == []


def test_a_startup_that_the_application_calls_failed_comes_out() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "lifespan.startup.failed", "message": "no store"})
        await receive()

    running = Running(GatewayServer(app, host="127.0.0.1", port=0, render=render, new_id=lambda: "id"), "uvloop")
    running.start()
    with pytest.raises(RuntimeError, match="no store"):
        running.join()


def test_an_application_that_ends_its_lifespan_early_is_an_error() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()

    running = Running(GatewayServer(app, host="127.0.0.1", port=0, render=render, new_id=lambda: "id"), "uvloop")
    running.start()
    with pytest.raises(RuntimeError, match="before startup was complete"):
        running.join()


def test_the_state_of_the_lifespan_reaches_each_call() -> None:
    states: list[object] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await receive()
            scope["state"]["store"] = "the store"
            await send({"type": "lifespan.startup.complete"})
            await receive()
            await send({"type": "lifespan.shutdown.complete"})
            return
        states.append(scope["state"]["store"])
        await respond(send, b"ok")

    with serving(app) as server, server.client() as client:
        client.send(get())
        assert client.answer().status == 200
    assert states == ["the store"]


# stopping


def test_a_stop_asked_for_before_the_start_is_kept(loop: str) -> None:
    app = App()
    server = GatewayServer(app, host="127.0.0.1", port=0, render=render, new_id=lambda: "id")
    server.request_stop()
    running = Running(server, loop)
    running.start()
    running.join()
    assert app.closed.is_set()


def test_while_it_delays_its_shutdown_it_is_not_ready_and_still_accepts(loop: str) -> None:
    drains: list[str] = []
    app = App()
    options = {"shutdown_delay": 0.5, "on_drain_begin": lambda: drains.append("begin")}
    with serving(app, loop=loop, **options) as server, server.client() as idle:
        idle.send(get())
        assert "connection" not in idle.answer().headers
        server.server.request_stop()
        eventually(lambda: bool(drains), "the application is told at once")
        assert server.server.draining
        with server.client() as client:
            client.send(get())
            answer = client.answer()
            assert (answer.status, answer.headers["connection"]) == (200, "close")
            assert client.rest() == b""
        idle.send(get())
        assert idle.answer().headers["connection"] == "close"
        server.join()
    assert drains == ["begin"]
    assert app.closed.is_set()


def test_idle_connections_are_closed_and_new_ones_refused(loop: str) -> None:
    gate = Gate()
    with serving(App({"/gate": gate}), loop=loop, drain=WAIT) as server, server.client() as busy:
        busy.send(get("/gate"))
        with server.client() as idle, server.client() as silent:
            idle.send(get())
            assert idle.answer().status == 200
            server.server.request_stop()
            assert idle.rest() == b""
            assert silent.rest() == b""
        with pytest.raises(ConnectionRefusedError):
            server.client()
        gate.open()
        answer = busy.answer()
        assert (answer.body, answer.headers["connection"]) == (b"/gate", "close")


def test_a_half_head_may_still_become_a_request_while_it_drains() -> None:
    gate = Gate()
    with (
        serving(App({"/gate": gate}), drain=WAIT) as server,
        server.client() as busy,
        server.client() as late,
        server.client() as silent,
    ):
        busy.send(get("/gate"))
        assert gate.begun.wait(WAIT)
        late.send(get()[:20])
        eventually(lambda: sum(item.url != b"" for item in server.connections) == 2, "the half head is in")
        server.server.request_stop()
        assert silent.rest() == b""  # the listeners and the idle are closed
        late.send(get()[20:])
        answer = late.answer()
        assert (answer.status, answer.headers["connection"]) == (200, "close")
        gate.open()
        assert busy.answer().status == 200


def test_a_stream_and_the_calls_queued_behind_it_finish_while_it_drains(loop: str) -> None:
    async def stream(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"one", "more_body": True})
        await gate.wait()
        await send({"type": "http.response.body", "body": b"two", "more_body": False})

    gate = Gate()
    app = App({"/": stream})
    with serving(app, loop=loop, drain=WAIT) as server, server.client() as client:
        client.send(get() + get("/next"))
        client.head()
        assert client.chunk() == b"one"
        server.server.request_stop()
        eventually(lambda: server.server.draining, "it drains")
        time.sleep(0.3)  # passing time is what is tested
        assert not app.closed.is_set()
        gate.open()
        assert [client.chunk(), client.chunk()] == [b"two", b""]
        assert client.answer().headers["connection"] == "close"
        server.join()
    assert app.closed.is_set()
    assert not app.cancelled.is_set()


def test_after_the_drain_deadline_the_application_may_end_its_streams(loop: str) -> None:
    async def stream(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"one", "more_body": True})
        ends.append(asyncio.Event())
        await ends[0].wait()
        await send({"type": "http.response.body", "body": b"error event", "more_body": False})

    ends: list[asyncio.Event] = []
    app = App({"/": stream})
    options = {"drain": 0.1, "grace": WAIT, "on_drain_deadline": lambda: ends[0].set()}
    with serving(app, loop=loop, **options) as server, server.client() as client:
        client.send(get())
        client.head()
        assert client.chunk() == b"one"
        server.server.request_stop()
        assert [client.chunk(), client.chunk(), client.rest()] == [b"error event", b"", b""]
        server.join()
    assert not app.cancelled.is_set()
    assert app.closed.is_set()


def test_what_is_left_after_the_grace_is_cut(loop: str) -> None:
    async def stubborn(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await asyncio.Event().wait()

    deadline = threading.Event()
    app = App({"/": stubborn})
    options = {"drain": 0.1, "grace": 0.1, "on_drain_deadline": deadline.set}
    with serving(app, loop=loop, **options) as server, server.client() as client:
        client.send(get())
        client.head()
        server.server.request_stop()
        assert client.rest() == b""
        server.join()
    assert deadline.is_set()
    assert app.cancelled.is_set()
    assert app.disconnected_when_cancelled
    assert app.closed.is_set()


def test_a_callback_that_fails_does_not_keep_the_application_from_its_flush(caplog: pytest.LogCaptureFixture) -> None:
    def fail() -> None:
        raise Broken

    gate = Gate()
    app = App({"/": gate})
    with serving(app, drain=0.1, grace=0.1, on_drain_deadline=fail) as server, server.client() as client:
        client.send(get())
        assert gate.begun.wait(WAIT)
        server.stop()
    assert app.closed.is_set()
    assert [record.name for record in caplog.records] == ["asyncio"]


def test_a_call_that_outlives_its_answer_is_waited_for() -> None:
    async def route(scope: Scope, receive: Receive, send: Send) -> None:
        await respond(send, b"ok")
        await gate.wait()
        settled.set()

    gate = Gate()
    settled = threading.Event()
    app = App({"/": route})
    with serving(app, drain=WAIT) as server, server.client() as client:
        client.send(get("/", "Connection: close"))
        assert client.answer().status == 200
        server.server.request_stop()
        eventually(lambda: server.server.draining, "it drains")
        gate.open()
        server.join()
    assert settled.is_set()


def test_a_call_that_outlives_its_answer_too_long_is_cancelled_before_the_flush() -> None:
    async def route(scope: Scope, receive: Receive, send: Send) -> None:
        await respond(send, b"ok")
        try:
            await asyncio.Event().wait()
        finally:
            flushed.append(app.closed.is_set())

    flushed: list[bool] = []
    app = App({"/": route})
    with serving(app) as server, server.client() as client:
        client.send(get())
        assert client.answer().status == 200
        server.stop()
    assert flushed == [False]


async def test_a_cancelled_serve_closes_everything() -> None:
    ready = asyncio.Event()
    app = App({"/wait": wait_for_ever})
    server = GatewayServer(
        app, host="127.0.0.1", port=0, render=render, new_id=lambda: "id", on_ready=lambda port: ready.set()
    )
    async with asyncio.TaskGroup() as group:
        task = group.create_task(server.serve())
        await ready.wait()
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(get())
        assert (await reader.readline()).startswith(b"HTTP/1.1 200")
        writer.write(get("/wait"))
        await asyncio.to_thread(eventually, lambda: app.begun == 2, "the call has begun")
        task.cancel()
    assert app.cancelled.is_set()
    assert app.closed.is_set()
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", server.port)
    writer.close()


async def test_the_signal_handlers_of_the_process_are_put_back() -> None:
    before = [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)]
    server = GatewayServer(App(), host="127.0.0.1", port=0, render=render, new_id=lambda: "id", on_reload=lambda: None)
    server.request_stop()
    await server.serve()
    assert [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)] == before


# TLS


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def tls(authority: trustme.CA, tmp_path: Path, loop: str) -> Iterator[tuple[Running, App, ssl.SSLContext]]:
    certificate = authority.issue_cert("localhost")
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    certificate.cert_chain_pems[0].write_to_path(str(cert))
    certificate.private_key_pem.write_to_path(str(key))
    context = ssl.create_default_context()
    authority.configure_trust(context)

    async def hold(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await asyncio.Event().wait()

    async def cut(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"part", "more_body": True})
        scope["dragoman.connection"].abort()

    async def early(scope: Scope, receive: Receive, send: Send) -> None:
        await respond(send, b"no", 413, [(b"connection", b"close")])

    app = App({"/hold": hold, "/cut": cut, "/early": early})
    limits = ConnectionLimits(head_timeout=1.0, linger=30.0)
    with serving(app, loop=loop, limits=limits, ssl_cert=str(cert), ssl_key=str(key)) as server:
        yield server, app, context


class SecureClient(Client):
    def __init__(self, port: int, context: ssl.SSLContext) -> None:
        super().__init__(port)
        self._file.close()
        self.socket = context.wrap_socket(self.socket, server_hostname="localhost")
        self._file = self.socket.makefile("rb")


def test_tls_serves_refuses_cuts_and_notices_that_a_client_leaves(
    tls: tuple[Running, App, ssl.SSLContext], caplog: pytest.LogCaptureFixture
) -> None:
    server, app, context = tls
    port = server.server.port
    with SecureClient(port, context) as client:
        client.send(post("/", b"x" * 300_000))
        assert client.answer().status == 200
        client.send(get())
        assert client.answer().status == 200
    with SecureClient(port, context) as client:
        client.send(b"GET / HTTP/1.1\r\nA: " + b"a" * 1_000_000)
        assert client.answer().status == 431
    with SecureClient(port, context) as client:
        client.send(get("/cut"))
        client.head()
        assert (client.chunk(), client.rest()) == (b"part", b"")
    with SecureClient(port, context) as client:
        client.send(post("/early", b"x" * 3_000_000))
        assert client.answer().status == 413
    with SecureClient(port, context) as client:
        client.send(get("/hold"))
        client.head()
        client.close()
        assert app.cancelled.wait(2)
    with SecureClient(port, context) as client:
        client.send(b"GET ")
        assert client.answer().status == 408
    assert caplog.records == []


def test_a_tls_handshake_that_does_not_come_is_cut_off(tls: tuple[Running, App, ssl.SSLContext]) -> None:
    server, _, _ = tls
    with server.client() as client:
        client.send(b"\x16\x03\x01")
        assert client.rest() == b""


# signals, to a process of its own

PROGRAM = """
    import asyncio, logging, signal, sys
    from dragoman.gateway.server import GatewayServer
    from tests.gateway.edge_server import render, respond

    logging.basicConfig(level=logging.INFO, stream=sys.stderr)

    signal.signal(signal.SIGHUP, signal.SIG_DFL)  # whatever it was where the tests were started

    def say(word):
        print(word, flush=True)

    async def app(scope, receive, send):
        if scope["type"] == "lifespan":
            await receive()
            await send({"type": "lifespan.startup.complete"})
            await receive()
            say("flushed")
            await send({"type": "lifespan.shutdown.complete"})
            return
        say("call")
        try:
            await asyncio.sleep(float(scope["query_string"]))
        except asyncio.CancelledError:
            say("cancelled")
            return
        await respond(send, b"done")

    server = GatewayServer(
        app, host="127.0.0.1", port=0, render=render, new_id=lambda: "id", drain=60, grace=1,
        on_ready=say, on_drain_begin=lambda: say("draining"), on_drain_deadline=lambda: say("deadline"),
        on_reload=(lambda: say("reload")) if "reload" in sys.argv else None,
    )
    server.run()
    say("returned")
"""


class Process:
    """The program above, run for real."""

    def __init__(self, *arguments: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(PROGRAM), *arguments],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT,
        )  # fmt: skip
        self.port = int(self.line())

    def line(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()

    def signal(self, number: int) -> None:
        self._process.send_signal(number)

    def end(self) -> tuple[int, list[str], str]:
        """Exit status, what else it said, and what it logged."""
        try:
            out, err = self._process.communicate(timeout=WAIT * 2)
        finally:
            self._process.kill()
        return self._process.returncode, out.split(), err


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_lets_calls_finish_and_the_process_exits_0(number: int) -> None:
    process = Process()
    with Client(process.port) as client:
        client.send(get("/?0.5"))
        assert process.line() == "call"
        process.signal(number)
        assert client.answer().body == b"done"
    assert process.end() == (0, ["draining", "flushed", "returned"], "")


def test_a_second_sigint_forces_the_end_but_not_past_the_flush() -> None:
    process = Process()
    with Client(process.port) as client:
        client.send(get("/?60"))
        assert process.line() == "call"
        process.signal(signal.SIGINT)
        assert process.line() == "draining"
        process.signal(signal.SIGINT)
        assert client.rest() == b""
        assert process.end() == (0, ["cancelled", "flushed", "returned"], "")


def test_a_second_sigterm_changes_nothing() -> None:
    process = Process()
    with Client(process.port) as client:
        client.send(get("/?0.5"))
        assert process.line() == "call"
        process.signal(signal.SIGTERM)
        assert process.line() == "draining"
        process.signal(signal.SIGTERM)
        assert client.answer().body == b"done"
        assert process.end() == (0, ["flushed", "returned"], "")


def test_sighup_reloads_if_that_is_wanted() -> None:
    process = Process("reload")
    process.signal(signal.SIGHUP)
    assert process.line() == "reload"
    process.signal(signal.SIGTERM)
    assert process.end() == (0, ["draining", "flushed", "returned"], "")


def test_sighup_ends_the_process_if_nobody_reloads() -> None:
    process = Process()
    process.signal(signal.SIGHUP)
    assert process.end()[0] == -signal.SIGHUP


def test_uvicorn_says_nothing_of_its_own() -> None:
    for name in ("uvicorn.error", "uvicorn.access"):
        logging.getLogger(name)
    process = Process()
    with Client(process.port) as client:
        client.send(get("/?0"))
        assert client.answer().status == 200
    process.signal(signal.SIGTERM)
    assert process.end()[2] == ""
