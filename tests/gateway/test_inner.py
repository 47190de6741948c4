"""Calls of the gateway's own: booked like any other, ended by whoever asked, by their deadlines or by a drain."""

import asyncio
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx2
import pytest

from dragoman import errors
from dragoman.dialects.chat.dialect import CHAT
from dragoman.errors import GatewayError
from dragoman.gateway.inner import Collected
from tests.support.live import Live, running

MODEL = "mock-chat/gpt-4"


def change(values: dict[str, Any], mock_url: str) -> None:
    stalled = {"base_url": f"{mock_url}/scenario/stall/v1", "direct": True}
    values["upstreams"]["stalled"] = stalled
    values["upstreams"]["impatient"] = {**stalled, "timeouts": {"first_byte": 0.2}}
    values["upstreams"]["fails"] = {"base_url": f"{mock_url}/scenario/status:429/v1", "direct": True}


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with running(tmp_path_factory.mktemp("inner"), change, timing="instant") as live:
        yield live


def body(model: str) -> bytes:
    return json.dumps({"model": model, "messages": [{"role": "user", "content": "Hi"}]}).encode()


async def made(live: Live, model: str, request_id: str, sink: Collected) -> None:
    key = await live.gateway.keyring.identify(live.key)
    await live.gateway.inner.make(key, CHAT, body(model), sink, request_id=request_id)


def test_an_inner_call_is_answered_and_booked_like_any_other(live: Live) -> None:
    answer = Collected()
    live.run(lambda: made(live, MODEL, "asker", answer))
    assert (answer.status, json.loads(answer.body)["object"]) == (200, "chat.completion")
    row = live.booked("asker")
    assert (row.state, row.reservation.name) == ("settled", MODEL)
    assert row.reservation.call_id != "asker"
    assert row.settlement is not None and row.settlement.usage is not None
    assert live.gateway.in_flight == 0


def test_what_an_upstream_refuses_is_an_answer(live: Live) -> None:
    answer = Collected()
    live.run(lambda: made(live, "fails/gpt-4", "refused", answer))
    assert (answer.status, "error" in json.loads(answer.body)) == (429, True)
    assert live.booked("refused").state == "failed"


def test_what_goes_wrong_before_an_answer_is_raised(live: Live) -> None:
    answer = Collected()
    with pytest.raises(GatewayError) as caught:
        live.run(lambda: made(live, "nobody/knows", "unknown", answer))
    assert (caught.value.kind, answer.status) == (errors.MODEL_NOT_FOUND, 0)


def test_its_deadline_ends_it_and_not_whoever_asked(live: Live) -> None:
    async def ask() -> int:
        with pytest.raises(GatewayError) as caught:
            await made(live, "impatient/gpt-4", "impatient", Collected())
        assert caught.value.kind is errors.REQUEST_TIMEOUT
        task = asyncio.current_task()
        assert task is not None
        return task.cancelling()

    assert live.run(ask) == 0
    assert live.booked("impatient").state == "failed"


def test_whoever_asked_takes_it_along(live: Live) -> None:
    mark = live.received

    asking: list[asyncio.Future[None]] = []

    async def begin() -> None:
        asking.append(asyncio.ensure_future(made(live, "stalled/gpt-4", "left", Collected())))

    async def leave() -> None:
        asking[0].cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking[0]

    live.run(begin)
    live.until(lambda: live.received > mark, "the call is at its upstream")
    live.run(leave)
    assert live.booked("left").state == "cancelled"
    assert live.gateway.in_flight == 0


def test_a_drain_ends_it_and_its_asker_says_so(live: Live) -> None:
    async def end() -> None:
        live.gateway.end_streams()

    mark = live.received
    asked = {"model": "stalled/gpt-4", "input": "a long story"}
    with ThreadPoolExecutor() as pool:
        asking = pool.submit(httpx2.post, f"{live.url}/v1/responses/compact", json=asked, headers=live.headers())
        live.until(lambda: live.received > mark, "the call is at its upstream")
        live.run(end)
        answer = asking.result()
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "shutting_down")
    live.until(lambda: live.gateway.in_flight == 0, "both have ended")
