"""One connection over a real socket: its deadlines, its bounds, its order, and what HTTP asks of it."""

import asyncio
import logging
import socket
import threading
import time
from contextlib import ExitStack

import pytest

from dragoman.gateway.connection import ConnectionLimits
from tests.gateway.edge_server import (
    SHORT,
    WAIT,
    App,
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


# deadlines


@pytest.mark.parametrize("sent", [b"G", b"GET / HTTP/1.1\r\nHost: gate", b"GET / HTTP/1.1\r\nHost: gateway\r\n"])
def test_a_half_head_is_answered_408(sent: bytes, loop: str) -> None:
    with serving(App(), loop=loop, limits=SHORT) as server, server.client() as client:
        client.send(sent)
        answer = client.answer()
        assert (answer.status, answer.code, answer.headers["retry-after"]) == (408, "head_timeout", "1")
        assert client.rest() == b""


def test_a_head_that_trickles_in_is_answered_408_all_the_same() -> None:
    with serving(App(), limits=SHORT) as server, server.client() as client:
        client.send(b"GET / HTTP/1.1\r\nHost: gateway\r\nA: ")
        stop = threading.Event()

        def trickle() -> None:
            while not stop.wait(0.02):
                client.send(b"a")

        thread = threading.Thread(target=trickle)
        thread.start()
        try:
            assert client.answer().status == 408
        finally:
            stop.set()
            thread.join()


@pytest.mark.parametrize("sent", [b"", b"\r\n", b"\r\n\r\n\r"])
def test_a_connection_that_says_nothing_is_closed_without_an_answer(sent: bytes, loop: str) -> None:
    with serving(App(), loop=loop, limits=SHORT) as server, server.client() as client:
        client.send(sent)
        assert client.rest() == b""


def test_a_later_half_head_is_answered_408() -> None:
    limits = ConnectionLimits(head_timeout=0.3, keep_alive=60)
    with serving(App(), limits=limits) as server, server.client() as client:
        client.send(get())
        assert client.answer().status == 200
        client.send(b"\r\nGET / HT")
        assert client.answer().status == 408
        assert client.rest() == b""


def test_a_half_head_behind_a_running_call_has_its_time_after_that_call() -> None:
    gate = Gate()
    with serving(App({"/gate": gate}), limits=SHORT) as server, server.client() as client:
        client.send(get())
        assert client.answer().status == 200
        client.send(get("/gate") + b"GET / HTTP/1.1\r\n")
        assert gate.begun.wait(WAIT)
        eventually(lambda: server.connections[0].deadline == float("inf"), "the call owns the connection")
        gate.open()
        assert client.answer().status == 200
        assert client.answer().status == 408


def test_an_idle_connection_is_closed_after_keep_alive(loop: str) -> None:
    with serving(App(), loop=loop, limits=SHORT) as server, server.client() as client:
        client.send(get())
        assert client.answer().status == 200
        client.send(b"\r\n")  # an empty line is no request and buys no time
        assert client.rest() == b""


def test_a_running_call_has_no_deadline_here() -> None:
    gate = Gate()
    with serving(App({"/gate": gate}), limits=SHORT) as server, server.client() as client:
        client.send(get("/gate"))
        assert gate.begun.wait(WAIT)
        time.sleep(SHORT.head_timeout * 2)  # passing time is what is tested
        gate.open()
        assert client.answer().body == b"/gate"


# bounds


def test_a_head_is_refused_at_its_limit_and_not_when_it_ends(loop: str) -> None:
    with serving(App(), loop=loop) as server, server.client() as client:
        client.send(b"GET / HTTP/1.1\r\nHost: gateway\r\nA: " + b"a" * 33 * 1024)  # and no more
        answer = client.answer()
        assert (answer.status, answer.code) == (431, "head_too_large")
        assert client.rest() == b""


def test_a_head_of_5_mb_is_answered_and_not_reset(loop: str) -> None:
    with serving(App(), loop=loop) as server, server.client() as client:
        client.send(b"GET / HTTP/1.1\r\nHost: gateway\r\nA: " + b"a" * 5_000_000)
        assert client.answer().status == 431


def test_a_target_of_5_mb_is_answered_and_not_reset() -> None:
    with serving(App()) as server, server.client() as client:
        client.send(b"GET /" + b"a" * 5_000_000)
        assert client.answer().status == 431


def test_empty_lines_without_end_are_refused() -> None:
    with serving(App()) as server, server.client() as client:
        client.send(b"\r\n" * 20_000)
        assert client.answer().status == 431


@pytest.mark.parametrize("count", [101, 5_000])
def test_too_many_header_fields_are_refused(count: int) -> None:
    app = App()
    with serving(app) as server, server.client() as client:
        client.send(get("/", *["A: b"] * (count - 1)))
        assert client.answer().status == 431
        assert client.rest() == b""
    assert app.begun == 0


def test_too_many_fields_of_an_unfinished_head_are_refused() -> None:
    with serving(App()) as server, server.client() as client:
        client.send(get("/", *["A: b"] * 110)[:-2])
        assert client.answer().status == 431


def padded(size: int) -> bytes:
    """A request whose head has `size` bytes."""
    empty = get("/", "A: ")
    return get("/", "A: " + "a" * (size - len(empty)))


def test_a_head_of_the_largest_size_and_count_is_served() -> None:
    app = App()
    with serving(app) as server, server.client() as client:
        for request in (padded(32 * 1024), get("/", *["A: b"] * 99), padded(32 * 1024)):
            client.send(request)
            assert client.answer().status == 200
    assert len(app.seen[1].headers) == 100


@pytest.mark.parametrize("size", [40_000, 200_000])
@pytest.mark.parametrize("before", [b"", get("/a"), post("/a", b"x" * 100_000)])
def test_a_later_head_is_bounded_as_well(before: bytes, size: int) -> None:
    with serving(App()) as server, server.client() as client:
        client.send(before + padded(size))
        if before:
            assert client.answer().status == 200
        assert client.answer().status == 431


def test_a_later_head_in_pieces_is_bounded_exactly() -> None:
    with serving(App()) as server, server.client() as client:
        for size, status in ((32 * 1024, 200), (32 * 1024 + 1, 431)):
            later = padded(size)
            client.send(get() + later[:20_000])
            assert client.answer().status == 200
            client.send(later[20_000:])
            assert client.answer().status == status


def test_no_more_of_a_head_is_parsed_than_its_limit() -> None:
    with serving(App()) as server, server.client() as client:
        client.send(get("/", *["A:"] * 50_000))
        assert client.answer().status == 431
        assert len(server.connections[0].headers) <= 32 * 1024 / 4


CHUNKED = get("/", "Transfer-Encoding: chunked", method="POST")


@pytest.mark.parametrize("flood", [b"3;" + b"a" * 300_000, b"3\r\nabc\r\n0\r\nA: " + b"a" * 300_000])
def test_chunk_extensions_and_trailers_are_bounded(flood: bytes) -> None:
    with serving(App()) as server, server.client() as client:
        client.send(CHUNKED + flood)
        assert client.answer().status == 431


def test_chunk_extensions_are_not_counted_as_part_of_the_head() -> None:
    app = App()
    request = get("/", "Transfer-Encoding: chunked", "A: " + "a" * 32_000, method="POST")
    with serving(app) as server, server.client() as client:
        client.send(request)
        eventually(lambda: app.begun == 1, "the head is complete")
        client.send(b"3;" + b"a" * 998)
        eventually(lambda: server.connections[0]._swallowed == 1_000, "the extension is in")
        client.send(b"\r\nabc\r\n0\r\n\r\n")
        assert client.answer().status == 200
    assert app.seen[0].body == b"abc"


def test_an_error_is_written_for_the_path_it_is_about() -> None:
    with serving(App()) as server:
        for request, path in (
            (get("/api/oagw/v1/proxy/x?q", "A b"), "/api/oagw/v1/proxy/x"),
            (get("http://gateway/api/x", "A b"), "/api/x"),
            (b"\x16\x03", ""),
        ):
            with server.client() as client:
                client.send(request)
                assert b'"path": "%b"' % path.encode() in client.answer().body


def test_the_refusal_of_a_head_request_has_no_body() -> None:
    with serving(App()) as server, server.client() as client:
        client.send(b"HEAD / HTTP/1.1\r\nHost: a b\r\n\r\n")
        status, headers = client.head()
        assert status == 400
        assert int(headers["content-length"]) > 0
        assert client.rest() == b""


def test_connections_over_the_cap_are_told_so(loop: str) -> None:
    limits = ConnectionLimits(connections=2)
    with serving(App(), loop=loop, limits=limits) as server:
        with server.client() as one, server.client() as two:
            for client in (one, two):
                client.send(get())
                assert client.answer().status == 200
            with server.client() as three:
                three.send(get())
                answer = three.answer()
                assert (answer.status, answer.code, answer.headers["retry-after"]) == (503, "overloaded", "1")
                assert answer.headers["connection"] == "close"
                assert three.rest() == b""
            one.send(get())
            assert one.answer().status == 200
        eventually(lambda: not server.connections, "closed connections are forgotten")
        with server.client() as client:
            client.send(get())
            assert client.answer().status == 200


def test_refusals_over_the_cap_are_bounded_too(loop: str) -> None:
    limits = ConnectionLimits(connections=1)
    with serving(App(), loop=loop, limits=limits) as server, server.client(), server.client() as refused:
        assert refused.answer().status == 503
        with server.client() as dropped, pytest.raises((AssertionError, ConnectionResetError)):
            dropped.answer()


def test_2000_half_heads_do_not_keep_a_request_from_being_answered() -> None:
    limits = ConnectionLimits(head_timeout=1.5)
    with serving(App(), limits=limits) as server, ExitStack() as stack:
        attackers = [
            stack.enter_context(socket.create_connection(("127.0.0.1", server.server.port))) for _ in range(2000)
        ]
        for attacker in attackers:
            attacker.sendall(b"GET / HTTP/1.1\r\nHost: gate")
        eventually(lambda: len(server.connections) == 2000, "all are connected")
        with server.client() as client:
            client.send(get())
            assert client.answer().status == 200
        for attacker in attackers:
            attacker.settimeout(WAIT * 2)
            assert attacker.recv(12) == b"HTTP/1.1 408"


# order


def test_a_connection_serves_one_request_after_the_other(loop: str) -> None:
    app = App()
    with serving(app, loop=loop) as server, server.client() as client:
        for number in range(5):
            client.send(post(f"/{number}", b"x" * number * 50_000))
            answer = client.answer()
            assert (answer.status, answer.body) == (200, b"ok")
            assert "connection" not in answer.headers
    assert [seen.target for seen in app.seen] == [b"/0", b"/1", b"/2", b"/3", b"/4"]
    assert [len(seen.body) for seen in app.seen] == [0, 50_000, 100_000, 150_000, 200_000]


def test_pipelined_requests_are_answered_in_order() -> None:
    gates = {f"/{number}": Gate() for number in range(8)}
    with serving(App(dict(gates))) as server, server.client() as client:
        client.send(b"".join(get(path) for path in gates))
        for path, gate in gates.items():
            gate.open()
            assert client.answer().body == path.encode()
            assert sum(gate.begun.is_set() for gate in gates.values()) <= list(gates).index(path) + 2


def test_pipelined_bodies_reach_the_right_call() -> None:
    app = App()
    with serving(app) as server, server.client() as client:
        client.send(
            post("/1", b"a" * 100_000) + CHUNKED + b"3\r\nbbb\r\n0\r\nX: y\r\n\r\n" + post("/3", b"c" * 100_000)
        )
        assert [client.answer().status for _ in range(3)] == [200, 200, 200]
    assert [(len(seen.body), seen.body[:1]) for seen in app.seen] == [(100_000, b"a"), (3, b"b"), (100_000, b"c")]


def test_more_pipelined_requests_than_may_wait_are_refused_in_their_turn() -> None:
    gate = Gate()
    with serving(App({"/gate": gate}), limits=ConnectionLimits(pipelined=3)) as server, server.client() as client:
        client.send(get("/gate") + get() * 5)
        gate.open()
        assert [client.answer().status for _ in range(5)] == [200, 200, 200, 200, 400]
        assert client.rest() == b""


def test_garbage_behind_a_running_call_is_refused_in_its_turn() -> None:
    async def stream(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"one", "more_body": True})
        await gate.wait()
        await send({"type": "http.response.body", "body": b"two", "more_body": False})

    gate = Gate()
    with serving(App({"/stream": stream})) as server, server.client() as client:
        client.send(get("/stream") + get() + b"garbage\r\n\r\n" + get())
        assert client.head()[0] == 200
        assert client.chunk() == b"one"
        gate.open()
        assert [client.chunk(), client.chunk()] == [b"two", b""]
        assert [client.answer().status, client.answer().status] == [200, 400]
        assert client.rest() == b""


def test_nothing_is_processed_after_connection_close() -> None:
    app = App()
    with serving(app) as server, server.client() as client:
        client.send(get("/1", "Connection: close") + get("/2"))
        assert client.answer().headers["connection"] == "close"
        assert client.rest() == b""
    assert [seen.target for seen in app.seen] == [b"/1"]


def test_a_broken_body_is_refused_and_its_call_cancelled() -> None:
    app = App({"/": wait_for_ever})
    with serving(app) as server, server.client() as client:
        client.send(CHUNKED + b"3\r\nabc\r\n")
        eventually(lambda: app.begun == 1, "the call has begun")
        client.send(b"nonsense\r\n")
        assert client.answer().code == "bad_http"
        assert client.rest() == b""
        assert app.cancelled.wait(WAIT)
    assert app.disconnected_when_cancelled


def test_a_broken_body_under_an_answer_in_progress_cuts_it() -> None:
    async def duplex(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"one", "more_body": True})
        await asyncio.Event().wait()

    app = App({"/": duplex})
    with serving(app) as server, server.client() as client:
        client.send(CHUNKED + b"3\r\nabc\r\n")
        assert client.head()[0] == 200
        assert client.chunk() == b"one"
        client.send(b"nonsense\r\n")
        assert client.rest() == b""  # no last chunk, and no second answer within the first
        assert app.cancelled.wait(WAIT)


def test_a_broken_body_of_a_queued_request_is_refused_in_its_turn() -> None:
    gate = Gate()
    app = App({"/gate": gate})
    with serving(app) as server, server.client() as client:
        client.send(get("/gate") + CHUNKED + b"nonsense\r\n")
        gate.open()
        assert [client.answer().status, client.answer().status] == [200, 400]
        assert client.rest() == b""
    assert app.begun == 1


# what HTTP asks for


def test_expect_is_answered_when_the_application_reads(loop: str) -> None:
    gate = Gate()

    async def route(scope: Scope, receive: Receive, send: Send) -> None:
        await gate.wait()
        await respond(send, await read_body(receive))

    with serving(App({"/": route}), loop=loop) as server, server.client() as client:
        client.send(get("/", "Content-Length: 3", "Expect: 100-Continue", method="POST"))
        gate.open()
        assert client.line() == b"HTTP/1.1 100 Continue\r\n"
        assert client.line() == b"\r\n"
        client.send(b"abc")
        assert client.answer().body == b"abc"


def test_expect_is_answered_with_the_final_status_if_nothing_is_read() -> None:
    async def refuse(scope: Scope, receive: Receive, send: Send) -> None:
        await respond(send, b"no", 413)

    with serving(App({"/": refuse})) as server, server.client() as client:
        client.send(get("/", "Content-Length: 3", "Expect: 100-continue", method="POST"))
        assert client.answer().status == 413


async def tell(scope: Scope, receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    for word in (b"one", b"two", b""):
        await send({"type": "http.response.body", "body": word, "more_body": bool(word)})


def test_http_1_0_gets_no_chunks() -> None:
    with serving(App({"/": tell})) as server, server.client() as client:
        client.send(b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
        answer = client.answer()
        assert answer.body == b"onetwo"
        assert "transfer-encoding" not in answer.headers
        assert answer.headers["connection"] == "close"


def test_http_1_0_gets_a_length_where_there_is_one() -> None:
    with serving(App()) as server, server.client() as client:
        client.send(b"GET / HTTP/1.0\r\n\r\n")
        answer = client.answer()
        assert (answer.body, answer.headers["content-length"]) == (b"ok", "2")


def test_an_upgrade_is_ignored_without_a_word_and_the_connection_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    app = App()
    upgrade = ("Connection: upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13")
    with serving(app) as server, server.client() as client:
        client.send(post("/1", b"a" * 200_000, *upgrade) + get("/2", *upgrade) + get("/3"))
        assert [client.answer().status for _ in range(3)] == [200, 200, 200]
        client.send(get("/4"))
        assert client.answer().status == 200
    assert [(seen.target, len(seen.body)) for seen in app.seen] == [
        (b"/1", 200_000),
        (b"/2", 0),
        (b"/3", 0),
        (b"/4", 0),
    ]
    assert caplog.records == []


def test_an_application_that_fails_is_answered_500_in_our_form(caplog: pytest.LogCaptureFixture) -> None:
    async def fail(scope: Scope, receive: Receive, send: Send) -> None:
        raise ValueError("secret")

    with serving(App({"/x": fail})) as server, server.client() as client:
        client.send(get("/x"))
        answer = client.answer()
        assert (answer.status, answer.code, answer.headers["connection"]) == (500, "internal_error", "close")
        assert answer.headers["x-request-id"]
        assert b"secret" not in answer.body
    assert [record.levelno for record in caplog.records] == [logging.ERROR]


def test_answers_have_a_date_and_name_no_server() -> None:
    with serving(App()) as server, server.client() as client:
        client.send(get())
        headers = client.answer().headers
    assert "date" in headers
    assert "server" not in headers
