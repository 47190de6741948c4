"""Background responses with the official SDK: made by jobs, read, followed, cancelled and survived."""

import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx2
import openai
import pytest

from tests.support.live import Live, running

MODELS = pytest.mark.parametrize(
    "model", ["mock-chat/gpt-4", "mock-responses/gpt-4", "mock-messages/claude-sonnet-4-5"]
)
MODEL = "mock-chat/gpt-4"
DEADLINE = 20.0


def broken(values: dict[str, Any], mock_url: str) -> None:
    for name, spec in (
        ("cut", "cut-after:3"),
        ("stalls", "stall-after:3"),
        ("fails", "status:500"),
        ("silent", "slow-first:60000"),
    ):
        values["upstreams"][name] = {"base_url": f"{mock_url}/scenario/{spec}/v1", "direct": True}
    values["upstreams"]["callers"] = {"base_url": f"{mock_url}/v1", "direct": True, "credential": "caller"}


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with running(tmp_path_factory.mktemp("background"), broken, timing="instant") as live:
        yield live


@pytest.fixture
def sdk(live: Live) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{live.url}/v1", api_key=live.key, max_retries=0) as client:
        yield client


def until(true: Callable[[], bool]) -> None:
    """Returns once something holds."""
    end = time.monotonic() + DEADLINE
    while not true():
        assert time.monotonic() < end, "in vain"
        time.sleep(0.02)


def settled(sdk: openai.OpenAI, identity: str) -> Any:
    """The response once it has ended."""
    until(lambda: sdk.responses.retrieve(identity).status not in ("queued", "in_progress"))
    return sdk.responses.retrieve(identity)


@MODELS
def test_a_background_response_is_answered_at_once_and_made_later(sdk: openai.OpenAI, model: str) -> None:
    made = sdk.responses.create(model=model, input="hello", background=True, metadata={"a": "b"})
    assert (made.status, made.background, made.output, made.metadata) == ("queued", True, [], {"a": "b"})
    response = settled(sdk, made.id)
    assert (response.id, response.status, response.background) == (made.id, "completed", True)
    assert (response.created_at, response.output_text) == (made.created_at, "Streaming response to: hello ")
    more = sdk.responses.create(model=model, input="hello", previous_response_id=made.id)
    assert more.status == "completed"


@MODELS
def test_it_can_be_followed_from_any_event_on(sdk: openai.OpenAI, model: str) -> None:
    events = list(sdk.responses.create(model=model, input="hello", background=True, stream=True))
    assert [event.sequence_number for event in events] == list(range(len(events)))
    assert (events[0].type, events[-1].type) == ("response.created", "response.completed")
    identity = events[0].response.id  # type: ignore[union-attr]
    for after in (0, 3, len(events) - 2):
        again = list(sdk.responses.retrieve(identity, stream=True, starting_after=after))
        assert [event.to_dict() for event in again] == [event.to_dict() for event in events[after + 1 :]]
    whole = list(sdk.responses.retrieve(identity, stream=True))
    assert len(whole) == len(events)
    assert settled(sdk, identity).to_dict() == events[-1].response.to_dict()  # type: ignore[union-attr]


def test_one_whose_caller_leaves_goes_on(live: Live, sdk: openai.OpenAI) -> None:
    with sdk.responses.create(model=MODEL, input="hello", background=True, stream=True) as stream:
        identity = next(iter(stream)).response.id  # type: ignore[union-attr]
    assert settled(sdk, identity).status == "completed"


def test_it_is_booked_under_its_own_id_and_key(live: Live, sdk: openai.OpenAI) -> None:
    made = sdk.responses.create(model=MODEL, input="hello", background=True)
    settled(sdk, made.id)
    row = live.booked(made.id)
    assert row.settlement is not None
    assert (row.state, row.reservation.name, row.settlement.usage is not None) == ("settled", MODEL, True)


@pytest.mark.parametrize("model", ["fails/gpt-4", "cut/gpt-4"])
def test_one_that_goes_wrong_is_failed_and_says_why(sdk: openai.OpenAI, model: str) -> None:
    events: list[Any] = []
    with pytest.raises(openai.APIError):
        for event in sdk.responses.create(model=model, input="hello", background=True, stream=True):
            events.append(event)
        if events[-1].type == "response.failed":
            raise openai.APIError("as an event", request=None, body=None)  # type: ignore[arg-type]
    assert events[0].type == "response.created"
    response = settled(sdk, events[0].response.id)
    assert response.status == "failed"
    assert response.error.message


def test_one_that_never_answers_can_be_cancelled(live: Live, sdk: openai.OpenAI) -> None:
    made = sdk.responses.create(model="silent/gpt-4", input="hello", background=True)
    cancelled = sdk.responses.cancel(made.id)
    assert cancelled.status == "cancelled", cancelled.error
    assert sdk.responses.cancel(made.id).status == "cancelled"
    assert sdk.responses.retrieve(made.id).status == "cancelled"


def test_cancelling_keeps_what_had_come_and_ends_those_who_follow(live: Live, sdk: openai.OpenAI) -> None:
    with sdk.responses.create(model="stalls/gpt-4", input="hello", background=True, stream=True) as stream:
        events = iter(stream)
        identity = next(events).response.id  # type: ignore[union-attr]
        while next(events).type != "response.output_text.delta":
            pass
        assert sdk.responses.retrieve(identity).status == "in_progress"
        assert sdk.responses.cancel(identity).status == "cancelled"
        *_, last = events
    assert (last.type, last.response.status) == ("response.incomplete", "cancelled")  # type: ignore[union-attr]


def test_cancelling_one_that_has_ended_changes_nothing(sdk: openai.OpenAI) -> None:
    made = sdk.responses.create(model=MODEL, input="hello", background=True)
    response = settled(sdk, made.id)
    assert sdk.responses.cancel(made.id).to_dict() == response.to_dict()


def test_deleting_one_that_runs_ends_it(live: Live, sdk: openai.OpenAI) -> None:
    before = live.received
    made = sdk.responses.create(model="silent/gpt-4", input="hello", background=True)
    until(lambda: live.received > before)
    sdk.responses.delete(made.id)
    with pytest.raises(openai.NotFoundError):
        sdk.responses.retrieve(made.id)
    assert live.booked(made.id).state == "cancelled"


@pytest.mark.parametrize(
    ("fields", "status", "param"),
    [
        ({"model": "nobody/knows"}, 404, "model"),
        ({"model": "callers/gpt-4"}, 400, "background"),
        (
            {"model": "mock-messages/claude-sonnet-4-5", "tools": [{"type": "file_search", "vector_store_ids": []}]},
            400,
            "tools[0].type",
        ),
        ({"model": MODEL, "input": [{"role": "nobody", "content": "x"}]}, 400, "input[0].role"),
        ({"model": MODEL, "previous_response_id": "resp_unknown"}, 404, "previous_response_id"),
    ],
)
def test_what_is_wrong_with_one_is_said_at_once(live: Live, fields: dict[str, Any], status: int, param: str) -> None:
    body = {"input": "x", "background": True, **fields}
    answer = httpx2.post(f"{live.url}/v1/responses", json=body, headers=live.headers())
    assert (answer.status_code, answer.json()["error"]["param"]) == (status, param), answer.text


def test_a_conversation_gets_what_was_made_in_the_background(sdk: openai.OpenAI) -> None:
    talk = sdk.conversations.create()
    made = sdk.responses.create(model=MODEL, input="hello", background=True, conversation=talk.id)
    response = settled(sdk, made.id)
    listed: Any = sdk.conversations.items.list(talk.id, order="asc")
    assert [item.content[0].text for item in listed.data] == ["hello", response.output_text]


def test_what_a_stopped_gateway_left_is_failed_and_says_so(tmp_path_factory: pytest.TempPathFactory) -> None:
    place = tmp_path_factory.mktemp("stopped")
    with (
        running(place, broken, timing="instant", drain=0.2) as live,
        openai.OpenAI(base_url=f"{live.url}/v1", api_key=live.key, max_retries=0) as sdk,
        sdk.responses.create(model="stalls/gpt-4", input="hello", background=True, stream=True) as stream,
    ):
        events: Any = iter(stream)
        identity = next(events).response.id
        while next(events).type != "response.output_text.delta":
            pass
    with (
        running(place, broken, timing="instant") as again,
        openai.OpenAI(base_url=f"{again.url}/v1", api_key=live.key, max_retries=0) as sdk,
    ):
        response = sdk.responses.retrieve(identity)
        assert response.status == "failed"
        assert response.error is not None
        followed = httpx2.get(f"{again.url}/v1/responses/{identity}?stream=true", headers=again.headers(live.key))
        assert followed.text.count("event: response.failed") == 1
        assert followed.text.endswith("data: [DONE]\n\n")
