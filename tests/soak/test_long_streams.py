"""Streams for as long as people wait for them, with the configuration that a client has by default.

`DRAGOMAN_SOAK_MINUTES` makes them shorter or longer than the twenty minutes they last.
"""

import asyncio
import os
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from dragoman.client import AsyncClient, Client, Request
from dragoman.client.errors import CallTimeout
from tests.client.sockets import EVENTS, Peer, chunk, serving
from tests.support.census import Census
from tests.support.live import Live

MINUTES = float(os.environ.get("DRAGOMAN_SOAK_MINUTES", "20"))
PACE = 1.0
WORDS = max(int(MINUTES * 60 / PACE), 5)


def speech(words: int) -> dict[str, object]:
    text = " ".join(f"word{number}" for number in range(words))
    return {"model": "gpt-4", "messages": [{"role": "user", "content": text}], "stream": True}


def request() -> Request:
    return (
        Request.post("/v1/chat/completions").json(speech(WORDS)).header("X-Mock-Scenario", f"delay:{PACE * 1000:.0f}")
    )


async def listen(live: Live, alias: str) -> str:
    async with AsyncClient(live.url, live.key) as client, client.stream(alias, request()) as answer:
        events = [event async for event in answer.sse()]
    assert events[-1].done
    return "".join(event.json()["choices"][0]["delta"].get("content") or "" for event in events[:-1])


def listen_blocking(live: Live, alias: str) -> str:
    with Client(live.url, live.key) as client, client.stream(alias, request()) as answer:
        events = list(answer.sse())
    assert events[-1].done
    return "".join(event.json()["choices"][0]["delta"].get("content") or "" for event in events[:-1])


async def test_streams_of_twenty_minutes_come_whole(live: Live) -> None:
    census, started = Census(live), time.monotonic()
    loop = asyncio.get_running_loop()
    with ThreadPoolExecutor(2) as threads:
        heard = await asyncio.gather(
            *(listen(live, "openai") for _ in range(3)),
            loop.run_in_executor(threads, listen_blocking, live, "openai"),
        )
    assert time.monotonic() - started >= WORDS * PACE * 0.9
    assert len(set(heard)) == 1
    assert f"word{WORDS - 1}" in heard[0]
    census.check()


def paced(peer: Peer) -> None:
    """Five seconds of events 0.2 s apart, then 0.7 s of silence."""
    peer.request()
    peer.send(EVENTS)
    for number in range(25):
        peer.send(chunk(b"data: %d\n\n" % number))
        time.sleep(0.2)
    time.sleep(0.5)
    peer.send(chunk(b"data: too late\n\n") + chunk(b""))


async def test_half_a_second_of_idle_bears_events_and_no_longer_gap() -> None:
    seen = []
    with serving(paced) as server:
        async with AsyncClient(server.url) as client:
            async with client.stream("a", Request.get("/x").timeout(idle=0.5)) as answer:
                with pytest.raises(CallTimeout) as raised:
                    async for event in answer.sse():
                        seen.append(event.data)
    assert (seen, raised.value.phase) == ([str(number) for number in range(25)], "idle")
