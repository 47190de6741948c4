"""`dragoman.upstreams.in_process`."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from dragoman import errors
from dragoman.errors import GatewayError
from dragoman.ports import Access, Asked, Timeouts
from dragoman.turn import Event, Failed, Message, Stop, Stopped, Text, TextDelta, Turn
from dragoman.upstreams.in_process import MAX_DEPTH, InProcessUpstream
from tests.support.agents import EchoAgent

ASKED = Asked("key", "req_1", "req_1")


@contextmanager
def shut(asked: Asked) -> Iterator[Access]:
    """Access to nothing."""
    yield Access(nothing, "none")


async def nothing(scope: object, receive: object, send: object) -> None:
    return


def turn(text: str) -> Turn:
    return Turn("echo", items=(Message("user", (Text(text),)),))


async def everything(upstream: InProcessUpstream, text: str) -> list[Event]:
    reply = await upstream.prepare(turn(text), "echo").open(ASKED)
    events: list[Event] = []
    while some := await reply.read():
        events += some
    assert await reply.read() == []
    return events


async def test_its_events_come_in_order_and_then_nothing() -> None:
    events = await everything(InProcessUpstream("echo", EchoAgent(), Timeouts(), shut), "a b")

    assert [event.text for event in events if isinstance(event, TextDelta)] == ["a", " b"]
    assert events[-1] == Stopped(Stop.END)


async def test_more_than_fits_into_the_queue_comes_through() -> None:
    words = " ".join(["word"] * 2000)
    events = await everything(InProcessUpstream("echo", EchoAgent(), Timeouts(), shut), words)

    assert "".join(event.text for event in events if isinstance(event, TextDelta)) == words


async def test_a_failure_is_raised_before_content_and_told_after_it() -> None:
    upstream = InProcessUpstream("echo", EchoAgent(), Timeouts(), shut)
    with pytest.raises(GatewayError) as caught:
        await everything(upstream, "fail")
    assert caught.value.kind is errors.LINK_UNAVAILABLE

    events = await everything(upstream, "then fall")
    assert events[-1] == Failed("The echo fell.", "link_unavailable", "server_error")


async def test_a_wait_that_is_cancelled_loses_nothing() -> None:
    reply = await InProcessUpstream("echo", EchoAgent(), Timeouts(), shut).prepare(turn("a"), "echo").open(ASKED)
    first = asyncio.create_task(reply.read())
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    events: list[Event] = []
    while some := await reply.read():
        events += some

    assert events[-1] == Stopped(Stop.END)
    assert TextDelta("a") in events


async def test_closing_ends_the_run_and_its_finalisers_run() -> None:
    agent = EchoAgent()
    upstream = InProcessUpstream("echo", agent, Timeouts(), shut)
    replies = [await upstream.prepare(turn("wait"), "echo").open(ASKED) for _ in range(3)]
    for reply in replies:
        await reply.read()
    replies[0].close()
    replies[0].close()
    await upstream.close()

    assert agent.finished == 3


async def test_agents_that_ask_one_another_are_stopped() -> None:
    prepared = InProcessUpstream("echo", EchoAgent(), Timeouts(), shut).prepare(turn("a"), "echo")
    with pytest.raises(GatewayError) as caught:
        await prepared.open(Asked("key", "req_1", "req_1", depth=MAX_DEPTH))

    assert caught.value.kind is errors.LOOP_DETECTED
