"""Whatever happens in an answer, what is written of it as it happens adds up to what is written when it is finished."""

import json
from itertools import count

import msgspec
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from dragoman.bridge import CODECS
from dragoman.dialects.base import Setting
from dragoman.dialects.profile import Profile
from dragoman.turn import Answer, Event, Item, Message, Reasoning, ToolCall
from dragoman.wire import sse
from tests.fuzz import grammar
from tests.fuzz.accumulators import accumulated, finished
from tests.fuzz.budget import BUDGET, SECONDS
from tests.fuzz.neutral import events, fold
from tests.fuzz.passages import ASKED, NOW, body_of, dialect_of
from tests.fuzz.search import CALLERS

_ORDERED = st.sampled_from([caller for caller in ASKED if dialect_of(caller) != "chat"])
"""Chat has no order of text, thoughts and calls: what is read of it is not what was written."""
pytestmark = pytest.mark.timeout(SECONDS)


def _setting(caller: str) -> Setting:
    numbers = count()
    turn = CODECS[dialect_of(caller)].parse(json.dumps(ASKED[caller]).encode())
    return Setting(turn, lambda prefix: f"{prefix}{next(numbers)}", NOW, include_usage=True)


def _written(caller: str, happens: list[Event]) -> list[bytes]:
    writer = CODECS[dialect_of(caller)].writer(_setting(caller))
    return [sent for event in happens for sent in writer.write(event)]


@BUDGET
@given(CALLERS, events())
def test_what_is_written_adds_up_to_the_finished_answer(caller: str, happens: list[Event]) -> None:
    front = dialect_of(caller)
    sent = _written(caller, happens)
    bodies = [body_of(event, translated=True) for event in sent if event != sse.render(sse.DONE)]
    grammar.check(front, bodies)
    assert accumulated(front, bodies) == finished(front, CODECS[front].render_answer(fold(happens), _setting(caller)))


@BUDGET
@given(_ORDERED, events())
def test_what_is_written_is_read_again_as_the_finished_answer_is(caller: str, happens: list[Event]) -> None:
    answer = fold(happens)
    assume(all(item.text or item.summary for item in answer.items if isinstance(item, Reasoning)))
    codec = CODECS[dialect_of(caller)]
    reader = codec.reader(max_event=sse.MAX_EVENT, profile=Profile())
    read = reader.receive(b"".join(_written(caller, happens))) + reader.eof()
    whole = codec.parse_answer(codec.render_answer(answer, _setting(caller)))
    assert reader.done
    assert _bare(fold(read)) == _bare(whole)


def _bare(answer: Answer) -> Answer:
    """An answer without what is not in a stream: ids of items, the borders of unsealed thoughts, and in Messages
    the name of the service."""
    items: list[Item] = []
    for item in answer.items:
        before = items[-1] if items else None
        if isinstance(item, Reasoning) and isinstance(before, Reasoning) and not before.seal:
            items.pop()
            text, summary = (*before.text, *item.text), (*before.summary, *item.summary)
            item = Reasoning(text, summary, item.seal, item.sealed_by)
        if isinstance(item, Message | ToolCall | Reasoning):
            items.append(msgspec.structs.replace(item, id=""))
    return msgspec.structs.replace(answer, items=tuple(items), service_tier=None)
