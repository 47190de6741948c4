"""Callers that leave, gateways that stop, upstreams that fall silent."""

import asyncio
import json
import random
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx2
import pytest

from dragoman.ports import LedgerRow
from tests.support.census import Census
from tests.support.live import Live, running

LEFT_WITHIN = 0.25  # seconds: design, "the stream contract"
GENEROUS = 5.0


def request(live: Live, path: str, model: str, *, stream: bool) -> bytes:
    body = json.dumps(
        {"model": model, "stream": stream, "messages": [{"role": "user", "content": "a b c d e f"}]}
    ).encode()
    return (
        f"POST {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {live.key}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    ).encode() + body


@contextmanager
def silent_upstream(first: bytes) -> Iterator[tuple[str, "list[float]", threading.Event, threading.Event]]:
    """Accepts one call, sends `first`, then waits; tells when the call came and when the gateway hung up."""
    listener = socket.create_server(("127.0.0.1", 0))
    came, left, at = threading.Event(), threading.Event(), list[float]()

    def serve() -> None:
        connection, _ = listener.accept()
        with connection:
            connection.settimeout(GENEROUS * 4)
            received = b""
            while b"}]" not in received:
                received += connection.recv(65536)
            connection.sendall(first)
            came.set()
            with suppress(ConnectionError):
                while connection.recv(65536):
                    continue
            at.append(time.monotonic())
            left.set()

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/v1", at, came, left
    finally:
        thread.join(GENEROUS * 4)
        listener.close()


CHUNK = b'data: {"id":"c","created":1,"model":"m","choices":[{"index":0,"delta":{"content":"hi"}}]}\n\n'
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
STARTED = HEAD + b"%x\r\n" % len(CHUNK) + CHUNK + b"\r\n"


@pytest.mark.parametrize("surface", ["v1", "alias"])
@pytest.mark.parametrize("first", [b"", HEAD, STARTED], ids=["before the head", "before content", "in the stream"])
def test_a_caller_that_leaves_ends_the_upstream_call(tmp_path: Path, surface: str, first: bytes) -> None:
    with silent_upstream(first) as (base, at, came, left):

        def change(values: dict[str, Any], mock_url: str) -> None:
            values["upstreams"]["silent"] = {"base_url": base, "direct": True}
            values["aliases"]["silent-alias"] = {"base_url": base}

        with running(tmp_path, change) as live:
            census = Census(live)
            path = "/v1/chat/completions" if surface == "v1" else "/api/oagw/v1/proxy/silent-alias/chat/completions"
            with socket.create_connection(("127.0.0.1", live.port)) as caller:
                caller.sendall(request(live, path, "silent/m", stream=True))
                assert came.wait(GENEROUS)
                if first == STARTED:
                    caller.settimeout(GENEROUS)
                    assert caller.recv(65536)
                gone = time.monotonic()
            assert left.wait(GENEROUS)
            assert at[0] - gone < LEFT_WITHIN * 4  # four times the contract's bound, for a busy machine
            census.check()
            row = newest(live, 1)[0]
            assert row.state == "cancelled"
            assert row.settlement is not None and row.settlement.status == 499


def newest(live: Live, count: int) -> list[LedgerRow]:
    live.run(live.gateway.ledger.durable)
    return list(live.run(lambda: live.gateway.ledger.rows(limit=count)))


@pytest.mark.timeout(180)
def test_a_thousand_random_aborts_leave_nothing_behind(tmp_path: Path) -> None:
    def slow(values: dict[str, Any], mock_url: str) -> None:
        values["upstreams"]["slow"] = {"base_url": f"{mock_url}/scenario/ttft:10,delay:3/v1", "direct": True}
        values["aliases"]["slow-alias"] = {"base_url": f"{mock_url}/scenario/ttft:10,delay:3/v1"}

    chance = random.Random(7)

    async def abort_one(live: Live, gate: asyncio.Semaphore) -> None:
        async with gate:
            path = chance.choice(["/v1/chat/completions", "/api/oagw/v1/proxy/slow-alias/chat/completions"])
            data = request(live, path, "slow/gpt-4", stream=chance.random() < 0.7)
            cut = chance.choice([len(data), len(data), chance.randrange(1, len(data))])
            reader, writer = await asyncio.open_connection("127.0.0.1", live.port)
            writer.write(data[:cut])
            await writer.drain()
            with suppress(TimeoutError):
                async with asyncio.timeout(chance.random() * 0.06):
                    await reader.read(chance.randrange(1, 4000))
            if chance.random() < 0.5:
                writer.transport.abort()
            else:
                writer.close()

    async def abort_all(live: Live) -> None:
        gate = asyncio.Semaphore(40)
        async with asyncio.TaskGroup() as tasks:
            for _ in range(1000):
                tasks.create_task(abort_one(live, gate))

    with running(tmp_path, slow) as live:
        census = Census(live)
        asyncio.run(abort_all(live))
        census.check()
        assert httpx2.get(f"{live.url}/healthz").status_code == 200


def test_silence_is_broken_by_comments_and_commits_to_a_stream(tmp_path: Path) -> None:
    def silent(values: dict[str, Any], mock_url: str) -> None:
        values["server"]["ping_interval"] = 0.1
        values["upstreams"]["late"] = {"base_url": f"{mock_url}/scenario/slow-first:600/v1", "direct": True}
        values["upstreams"]["never"] = {
            "base_url": f"{mock_url}/scenario/stall/v1", "direct": True, "timeouts": {"first_byte": 0.6},
        }  # fmt: skip
        values["models"]["late-in-the-end"] = {"upstream": "never", "model": "gpt-4", "fallback": ["late/gpt-4"]}

    with running(tmp_path, silent) as live:
        late = stream_text(live, "late/gpt-4")
        assert late.startswith(": ping\n\n") and late.count(": ping") >= 3
        assert late.endswith("data: [DONE]\n\n") and "error" not in late

        never = stream_text(live, "never/gpt-4")
        assert never.startswith(": ping\n\n")
        assert '"code":"request_timeout"' in never and never.endswith("data: [DONE]\n\n")

        fallen_back = stream_text(live, "late-in-the-end")
        assert fallen_back.startswith(": ping\n\n") and fallen_back.endswith("data: [DONE]\n\n")
        assert "error" not in fallen_back and '"finish_reason":"stop"' in fallen_back


def stream_text(live: Live, model: str) -> str:
    body = {"model": model, "stream": True, "messages": [{"role": "user", "content": "a"}]}
    response = httpx2.post(f"{live.url}/v1/chat/completions", json=body, headers=live.headers(), timeout=GENEROUS)
    assert response.status_code == 200
    return response.text


def test_a_drain_deadline_ends_streams_in_an_error_event(tmp_path: Path) -> None:
    def slow(values: dict[str, Any], mock_url: str) -> None:
        values["upstreams"]["slow"] = {"base_url": f"{mock_url}/scenario/stall-after:3/v1", "direct": True}

    with running(tmp_path, slow, drain=0.3) as live:
        body = {"model": "slow/gpt-4", "stream": True, "messages": [{"role": "user", "content": "a b c d"}]}
        with (
            httpx2.Client(timeout=GENEROUS) as client,
            client.stream("POST", f"{live.url}/v1/chat/completions", json=body, headers=live.headers()) as response,
        ):
            lines = response.iter_lines()
            assert "data: " in next(lines)
            live.stop()
            rest = "\n".join(lines)
    assert '"code":"shutting_down"' in rest
    assert rest.rstrip().endswith("data: [DONE]")


def test_a_drain_lets_a_stream_finish(tmp_path: Path) -> None:
    def slow(values: dict[str, Any], mock_url: str) -> None:
        values["upstreams"]["slow"] = {"base_url": f"{mock_url}/scenario/delay:50/v1", "direct": True}

    with running(tmp_path, slow, drain=20.0) as live:
        body = {"model": "slow/gpt-4", "stream": True, "messages": [{"role": "user", "content": "a b c d"}]}
        with (
            httpx2.Client(timeout=GENEROUS) as client,
            client.stream("POST", f"{live.url}/v1/chat/completions", json=body, headers=live.headers()) as response,
        ):
            lines = response.iter_lines()
            next(lines)
            live.stop()
            rest = "\n".join(lines)
    assert '"finish_reason":"stop"' in rest and rest.rstrip().endswith("data: [DONE]")
