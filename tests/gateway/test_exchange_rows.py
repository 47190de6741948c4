"""The rows of a translation that the gateway executes before the codecs see the request."""

import json
from collections.abc import Iterator

import httpx2
import pytest

from dragoman.bridge import TABLES
from dragoman.dialects import fields as f
from dragoman.dialects.mapping import rows_between
from dragoman.turn import Dialect
from tests.support.live import Live, running

MODELS: dict[Dialect, str] = {"chat": "mock-chat/gpt-4", "messages": "mock-messages/claude-sonnet-4-5"}
GATEWAYS = (f.PREVIOUS, f.CONVERSATION, f.BACKGROUND, f.REFERENCE)


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with running(tmp_path_factory.mktemp("rows"), timing="instant") as live:
        yield live


@pytest.fixture(params=MODELS)
def target(request: pytest.FixtureRequest) -> Dialect:
    dialect: Dialect = request.param
    return dialect


def ask(live: Live, target: Dialect, **more: object) -> httpx2.Response:
    body = {"model": MODELS[target], "max_output_tokens": 64, "input": "the second question", **more}
    return httpx2.post(f"{live.url}/v1/responses", json=body, headers=live.headers())


def sent(live: Live, mark: int) -> str:
    """What the upstream was told after the journal was at `mark`."""
    live.until(lambda: live.received > mark, "a request at the upstream")
    return json.dumps(live.entries(mark)[0].body)


def test_the_tables_say_that_the_gateway_does_it(target: Dialect) -> None:
    rows = [row for row in rows_between(TABLES["responses"], TABLES[target]) if row.fate == "executed"]
    assert {id(field) for field in GATEWAYS} <= {id(row.field) for row in rows}


def test_a_kept_response_stands_before_the_input(live: Live, target: Dialect) -> None:
    first = ask(live, target, input="the first question").json()
    mark = live.received
    second = ask(live, target, previous_response_id=first["id"])
    assert (second.status_code, second.headers.get("x-dragoman-loss")) == (200, None)
    told = sent(live, mark)
    assert told.index("the first question") < told.index("the second question")
    assert "previous_response_id" not in told


def test_a_kept_conversation_stands_before_the_input(live: Live, target: Dialect) -> None:
    item = {"role": "user", "content": "the first question"}
    made = httpx2.post(f"{live.url}/v1/conversations", json={"items": [item]}, headers=live.headers()).json()
    mark = live.received
    answer = ask(live, target, conversation=made["id"])
    assert (answer.status_code, answer.headers.get("x-dragoman-loss")) == (200, None)
    told = sent(live, mark)
    assert told.index("the first question") < told.index("the second question")
    assert "conversation" not in told


def test_what_is_referred_to_takes_the_place_of_the_reference(live: Live, target: Dialect) -> None:
    (said,) = ask(live, target, input="the first question").json()["output"]
    mark = live.received
    asked = [{"role": "user", "content": text} for text in ("the first question", "the second question")]
    given = [asked[0], {"type": "item_reference", "id": said["id"]}, asked[1]]
    answer = ask(live, target, input=given)
    assert (answer.status_code, answer.headers.get("x-dragoman-loss")) == (200, None)
    told = sent(live, mark)
    assert "This is a mock answer" in told
    assert "item_reference" not in told


def test_what_runs_in_the_background_is_not_said_to_an_upstream(live: Live, target: Dialect) -> None:
    mark = live.received
    queued = ask(live, target, background=True)
    assert (queued.status_code, queued.json()["status"]) == (200, "queued")
    told = sent(live, mark)
    assert "the second question" in told
    assert "background" not in told


def test_places_are_counted_from_the_callers_own_items(live: Live, target: Dialect) -> None:
    first = ask(live, target, input="the first question").json()
    picture = {"role": "user", "content": [{"type": "input_audio", "input_audio": {"data": "AA==", "format": "wav"}}]}
    refused = ask(live, target, previous_response_id=first["id"], input=[{"role": "user", "content": 7}, picture])
    assert refused.json()["error"]["param"] == "input[0].content"
    said = {"role": "assistant", "content": "Well.", "phase": "commentary"}
    told = ask(live, target, previous_response_id=first["id"], input=[said, {"role": "user", "content": "go on"}])
    assert told.headers["x-dragoman-loss"] == "input[0].phase;dropped"
