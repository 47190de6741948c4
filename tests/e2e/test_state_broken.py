"""Kept responses where something breaks: the store, the upstream's manners, the patience of deadlines."""

import json
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import openai
import pytest

from tests.support.live import Live, running
from tests.support.scripted import scripted

MODELS = pytest.mark.parametrize("model", ["mock-chat/gpt-4", "mock-responses/gpt-4"])
MODEL = "mock-chat/gpt-4"
HELD = 0.7  # seconds; longer than any deadline of the upstreams here
ODD_EVENTS: list[dict[str, Any]] = [
    {"type": "response.created"},
    {"type": "response.output_text.delta", "delta": "a", "item_id": "m", "output_index": 0, "content_index": 0},
    {"type": "response.output_text.delta", "delta": "b", "item_id": "m", "output_index": 0, "content_index": 0},
    {"type": "response.completed", "response": {"id": "r", "object": "response", "status": "completed", "output": []}},
]


def odd(numbers: list[int | None]) -> bytes:
    """The stream of a Responses upstream that numbers its events as it likes."""
    events = [
        event if number is None else {**event, "sequence_number": number}
        for event, number in zip(ODD_EVENTS, numbers, strict=True)
    ]
    return b"".join(b"data: %b\n\n" % json.dumps(event).encode() for event in events)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("broken")


@pytest.fixture(scope="module")
def live(place: Path) -> Iterator[Live]:
    with scripted(odd([None] * 4)) as unnumbered, scripted(odd([7, 7, 9, 8])) as misnumbered:

        def change(values: dict[str, Any], mock_url: str) -> None:
            upstreams = values["upstreams"]
            values["server"] |= {"body_timeout": 0.3, "ping_interval": 0.1}
            for name, url in (("unnumbered", unnumbered), ("misnumbered", misnumbered)):
                upstreams[name] = {"base_url": url, "direct": True, "dialects": ["responses"]}
            for name in ("mock-chat", "mock-responses"):
                upstreams[name]["timeouts"] = {"idle": 0.3, "total": 0.5}
            upstreams["slow"] = {"base_url": f"{mock_url}/scenario/slow-first:600/v1", "direct": True}
            upstreams["slow-refusal"] = {
                "base_url": f"{mock_url}/scenario/slow-first:400,status:400/v1", "direct": True,
            }  # fmt: skip

        with running(place, change, timing="instant") as live:
            yield live


@pytest.fixture
def sdk(live: Live) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{live.url}/v1", api_key=live.key, max_retries=0) as client:
        yield client


@contextmanager
def without_items(place: Path) -> Iterator[None]:
    """A store that fails at once whenever items are written or read."""
    with sqlite3.connect(place / "dragoman.db") as connection:
        connection.execute("ALTER TABLE response_items RENAME TO elsewhere")
    try:
        yield
    finally:
        with sqlite3.connect(place / "dragoman.db") as connection:
            connection.execute("ALTER TABLE elsewhere RENAME TO response_items")


def events(live: Live, path: str = "/responses", **fields: Any) -> list[dict[str, Any]]:
    """The events of a stream, as they came."""
    body = {"model": MODEL, "stream": True, **fields}
    answer = httpx2.post(f"{live.url}/v1{path}", json=body, headers=live.headers(), timeout=20)
    assert answer.status_code == 200, answer.text
    return [
        json.loads(line.removeprefix("data: "))
        for line in answer.text.split("\n")
        if line.startswith("data: ") and line != "data: [DONE]"
    ]


def settled(sdk: openai.OpenAI, identity: str) -> Any:
    end = time.monotonic() + 20
    while (response := sdk.responses.retrieve(identity)).status in ("queued", "in_progress"):
        assert time.monotonic() < end, "in vain"
        time.sleep(0.02)
    return response


@MODELS
def test_a_stream_that_cannot_be_kept_fails_as_the_stream_it_is(live: Live, place: Path, model: str) -> None:
    with without_items(place):
        told = events(live, model=model, input="hello")
    assert [event["sequence_number"] for event in told] == list(range(len(told)))
    kinds = [event["type"] for event in told]
    assert (kinds.count("response.created"), kinds[-2:]) == (1, ["error", "response.failed"])
    assert told[-2]["code"] == "store_unavailable"
    failed = told[-1]["response"]
    assert (failed["id"], failed["status"], failed["error"]["code"]) == (
        told[0]["response"]["id"], "failed", "server_error",
    )  # fmt: skip


def test_an_answer_that_cannot_be_kept_is_a_503(live: Live, place: Path) -> None:
    with without_items(place):
        body = {"model": MODEL, "input": "hello"}
        answer = httpx2.post(f"{live.url}/v1/responses", json=body, headers=live.headers())
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "store_unavailable")
    row = live.booked(answer.headers["x-request-id"])
    assert row.settlement is not None
    assert (row.state, row.settlement.error, row.settlement.usage is not None) == ("failed", "store_unavailable", True)


def test_a_streamed_chat_answer_that_cannot_be_kept_ends_in_an_error(
    live: Live, sdk: openai.OpenAI, place: Path
) -> None:
    talk = sdk.conversations.create()
    with without_items(place):
        told = events(live, f"/chat/completions?conversation_id={talk.id}", messages=[{"role": "user", "content": "x"}])
    assert told[-1]["error"]["code"] == "store_unavailable"
    assert [event for event in told if "error" in event] == told[-1:]


@pytest.mark.parametrize(("model", "stream"), [("mock-responses/gpt-4", False), (MODEL, True)])
def test_a_busy_store_is_waited_for_longer_than_an_upstream(
    live: Live, sdk: openai.OpenAI, place: Path, model: str, stream: bool
) -> None:
    before = live.received
    with sqlite3.connect(place / "dragoman.db", isolation_level=None, check_same_thread=False) as connection:
        connection.execute("BEGIN IMMEDIATE")
        live.call_later(HELD, lambda: connection.execute("COMMIT"))
        if stream:
            last = events(live, model=model, input="hello")[-1]
            assert last["type"] == "response.completed"
            identity = last["response"]["id"]
        else:
            identity = sdk.responses.create(model=model, input="hello").id
    assert sdk.responses.retrieve(identity).status == "completed"
    assert live.received == before + 1


@pytest.mark.parametrize("model", ["unnumbered/m", "misnumbered/m"])
def test_a_background_stream_is_numbered_whatever_its_upstream_does(sdk: openai.OpenAI, live: Live, model: str) -> None:
    told = events(live, model=model, input="hello", background=True)
    assert [event["sequence_number"] for event in told] == [0, 1, 2, 3]
    identity = told[-1]["response"]["id"]
    again = list(sdk.responses.retrieve(identity, stream=True, starting_after=1))
    assert [event.type for event in again] == ["response.output_text.delta", "response.completed"]
    assert list(sdk.responses.retrieve(identity, stream=True, starting_after=1000)) == []


def test_a_background_stream_is_followed_longer_than_a_body_may_take(live: Live) -> None:
    told = events(live, model="slow/gpt-4", input="hello", background=True)
    assert told[-1]["type"] == "response.completed"


@pytest.mark.parametrize("background", [False, True])
def test_a_refusal_after_a_ping_is_kept_under_the_id_it_was_told(
    live: Live, sdk: openai.OpenAI, background: bool
) -> None:
    told = events(live, model="slow-refusal/gpt-4", input="hello", background=background)
    assert [event["sequence_number"] for event in told] == list(range(len(told)))
    failed = told[-1]["response"]
    assert failed["status"] == "failed"
    kept = settled(sdk, failed["id"])
    assert (kept.status, kept.error.message, kept.background) == ("failed", failed["error"]["message"], background)


def test_a_chat_answer_that_begins_with_a_ping_names_what_is_kept(live: Live, sdk: openai.OpenAI) -> None:
    talk = sdk.conversations.create()
    body = {"model": "slow/gpt-4", "stream": True, "messages": [{"role": "user", "content": "x"}]}
    url = f"{live.url}/v1/chat/completions?conversation_id={talk.id}"
    answer = httpx2.post(url, json=body, headers=live.headers())
    assert ": ping" in answer.text
    assert sdk.responses.retrieve(answer.headers["x-dragoman-response-id"]).status == "completed"


def test_many_references_to_one_item_do_not_add_up(live: Live, sdk: openai.OpenAI) -> None:
    large: Any = [{"role": "user", "content": "x" * 2**20, "id": "msg_large"}]
    first = sdk.responses.create(model=MODEL, input=large)
    assert first.status == "completed"
    for count, status in ((40, 413), (1001, 400)):
        body = {"model": MODEL, "input": [{"type": "item_reference", "id": "msg_large"}] * count, "store": False}
        answer = httpx2.post(f"{live.url}/v1/responses", json=body, headers=live.headers())
        assert (answer.status_code, answer.json()["error"]["param"]) == (status, "input"), answer.text


def test_nothing_follows_on_a_response_that_has_not_ended(sdk: openai.OpenAI) -> None:
    made = sdk.responses.create(model="slow/gpt-4", input="hello", background=True)
    with pytest.raises(openai.BadRequestError) as caught:
        sdk.responses.create(model=MODEL, input="more", previous_response_id=made.id)
    assert caught.value.param == "previous_response_id"
    settled(sdk, made.id)
    assert sdk.responses.create(model=MODEL, input="more", previous_response_id=made.id).status == "completed"


def test_a_summary_that_was_cut_off_is_none(tmp_path: Path) -> None:
    part = {"type": "output_text", "text": "It beg", "annotations": []}
    cut = {
        "id": "resp_1", "object": "response", "created_at": 1, "model": "m", "status": "incomplete",
        "incomplete_details": {"reason": "max_output_tokens"},
        "output": [
            {"id": "msg_1", "type": "message", "role": "assistant", "status": "incomplete", "content": [part]}
        ],
    }  # fmt: skip
    with scripted(json.dumps(cut).encode(), "application/json") as url:

        def change(values: dict[str, Any], mock_url: str) -> None:
            values["upstreams"]["cut"] = {"base_url": url, "direct": True, "dialects": ["responses"]}

        with running(tmp_path, change) as live:
            body = {"model": "cut/m", "input": "a long story"}
            answer = httpx2.post(f"{live.url}/v1/responses/compact", json=body, headers=live.headers())
    assert answer.status_code == 502
    assert "8192 tokens" in answer.json()["error"]["message"]
