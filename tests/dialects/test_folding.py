"""`dragoman.dialects.folding`."""

import msgspec
import pytest
from hypothesis import given

from dragoman import errors
from dragoman.dialects.folding import fold
from dragoman.errors import GatewayError
from dragoman.turn import (
    Annotated,
    CallClosed,
    CallDelta,
    CallOpened,
    Event,
    Failed,
    Message,
    Opened,
    Reasoning,
    ReasoningDelta,
    ReasoningSealed,
    Refusal,
    RefusalDelta,
    Stop,
    Stopped,
    Text,
    TextDelta,
    ToolCall,
    Usage,
    Used,
)
from tests.fuzz import neutral
from tests.fuzz.budget import BUDGET

NOTE = msgspec.Raw(b'{"type":"url_citation"}')


def test_every_kind_of_event_has_its_place() -> None:
    answer = fold(
        [
            Opened("id", 5, "m"), ReasoningDelta("th"), ReasoningDelta("ought"), ReasoningDelta("more", part=1),
            ReasoningSealed("s", "openai"), TextDelta("a"), TextDelta("b"), Annotated(NOTE), RefusalDelta("no"),
            CallOpened("c1", "add"), CallDelta("{"), CallDelta("}"), CallClosed("{}"), TextDelta("z"),
            Used(Usage(1, 2)), Stopped(Stop.TOOL_CALLS, "", "flex", "fp"),
        ]
    )  # fmt: skip

    assert answer.items == (
        Reasoning(("thought", "more"), (), "s", "openai"),
        Message("assistant", (Text("ab", (NOTE,)), Refusal("no"))),
        ToolCall("c1", "add", "{}"),
        Message("assistant", (Text("z"),)),
    )
    assert (answer.id, answer.created, answer.model, answer.usage) == ("id", 5, "m", Usage(1, 2))
    assert (answer.stop, answer.service_tier, answer.fingerprint) == (Stop.TOOL_CALLS, "flex", "fp")


@BUDGET
@given(neutral.events())
def test_any_answer_is_what_its_events_add_up_to(events: list[Event]) -> None:
    assert fold(events) == neutral.fold(events)


@pytest.mark.parametrize("events", [[Opened("", 0, "m"), TextDelta("a")], [Failed("broke")]])
def test_an_answer_without_an_end_is_none(events: list[Event]) -> None:
    with pytest.raises(GatewayError) as caught:
        fold(events)

    assert caught.value.kind is errors.STREAM_ABORTED
