"""`dragoman.dialects.telling`; what a stream of bytes becomes is in tests/fuzz and tests/test_bridge.py."""

import pytest

from dragoman import errors
from dragoman.dialects.base import Setting
from dragoman.dialects.chat.codec import CHAT_CODEC
from dragoman.dialects.telling import Telling
from dragoman.errors import GatewayError
from dragoman.turn import Event, Failed, Opened, Stop, Stopped, TextDelta, Turn, Usage, Used

OPENED = Opened("run_1", 5, "haiku")
WHOLE: list[Event] = [OPENED, TextDelta("Hel"), TextDelta("lo"), Used(Usage(3, 2)), Stopped(Stop.END)]


def telling() -> Telling:
    return Telling(CHAT_CODEC, Setting(Turn("haiku"), lambda prefix: f"{prefix}1", 5, include_usage=True))


def test_a_whole_answer_is_told_in_the_callers_dialect() -> None:
    body, usage = telling().answer(WHOLE)

    assert b'"content":"Hello"' in body
    assert b'"object":"chat.completion"' in body
    assert usage == Usage(3, 2)


def test_events_are_told_as_they_come_and_the_opening_with_the_first_content() -> None:
    stream = telling().stream()

    assert stream.receive([OPENED]) == []
    first = stream.receive([TextDelta("Hel")])
    assert b"Hel" in b"".join(first)
    last = stream.receive(WHOLE[2:])
    assert last[-1] == b"data: [DONE]\n\n"
    assert (stream.finished, stream.usage, stream.failure) == (True, Usage(3, 2), None)
    assert stream.eof() == []


def test_a_failure_before_any_content_is_raised_and_after_it_is_told() -> None:
    with pytest.raises(GatewayError):
        telling().stream().receive([OPENED, Failed("broke")])

    stream = telling().stream()
    told = stream.receive([OPENED, TextDelta("a"), Failed("broke")])
    assert b'"error"' in b"".join(told)
    assert stream.failure is not None
    assert stream.fail(GatewayError(errors.IDLE_TIMEOUT, "late")) == []


def test_an_answer_without_an_end_is_cut() -> None:
    stream = telling().stream()
    stream.receive([OPENED, TextDelta("a")])

    assert b'"error"' in b"".join(stream.eof())
    assert stream.failure is not None
    assert stream.failure.kind is errors.STREAM_ABORTED
