"""A request that goes to another dialect and back says what it said before."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.bridge import CODECS, convert_request
from dragoman.dialects.profile import Profile
from dragoman.turn import Turn
from tests.fuzz.budget import BUDGET, SECONDS
from tests.fuzz.passages import CROSSINGS
from tests.fuzz.turns import more_turns, turns

pytestmark = pytest.mark.timeout(SECONDS)
Json = dict[str, Any]
_PROFILE = Profile()


def _there_and_back(turn: Turn, here: str, there: str) -> tuple[Json, Json]:
    body = CODECS[here].render(turn, turn.model, _PROFILE).body
    gone = convert_request(body, here, there, _PROFILE)
    come = convert_request(gone.body, there, here, _PROFILE)
    lost = [loss.param for loss in (*gone.losses, *come.losses)]
    assert len(lost) <= (2 if "messages" in (here, there) else 0)
    assert all("format" in param for param in lost)  # Messages enforces every schema
    return json.loads(body), json.loads(come.body)


def _plain(body: Json) -> Json:
    """The request without what Messages says by saying nothing, its system prompt where the others have it."""
    if body.get("parallel_tool_calls") is True:
        del body["parallel_tool_calls"]
    form = body.get("response_format", {}).get("json_schema") or body.get("text", {}).get("format") or {}
    form.pop("strict", None)
    instructions = body.pop("instructions", None)
    if instructions is not None:
        content = [{"type": "input_text", "text": instructions}]
        body["input"].insert(0, {"type": "message", "role": "system", "content": content})
    return body


@BUDGET
@given(turns(), st.sampled_from(CROSSINGS))
def test_what_every_dialect_can_say_comes_back_from_each_as_it_was(turn: Turn, way: tuple[str, str]) -> None:
    before, after = _there_and_back(turn, *way)
    assert _plain(after) == _plain(before)


@BUDGET
@given(more_turns(), st.sampled_from([("chat", "responses"), ("responses", "chat")]))
def test_what_chat_and_responses_have_in_common_comes_back_as_it_was(turn: Turn, way: tuple[str, str]) -> None:
    before, after = _there_and_back(turn, *way)
    assert after == before
