"""Streams of real upstreams, of every dialect to callers of every dialect: whole, in pieces, and cut anywhere."""

import pytest
from hypothesis import strategies as st

from dragoman import errors
from tests.fuzz.accumulators import accumulated, finished
from tests.fuzz.budget import SECONDS
from tests.fuzz.passages import NAMES, Streamed, dialect_of, passage
from tests.fuzz.search import search
from tests.fuzz.upstreams import Sent
from tests.wire.cuts import PLACES, at_places

pytestmark = pytest.mark.timeout(SECONDS)


@pytest.mark.parametrize("back", NAMES)
def test_a_translated_stream_adds_up_to_the_translated_answer(back: str) -> None:
    def holds(caller: str, sent: Sent) -> None:
        streamed = Streamed(caller, back, (sent.stream,))
        assert streamed.relay.finished
        body, usage = passage(caller, back).answer(sent.body)
        assert streamed.relay.usage == usage
        if streamed.translated:
            assert accumulated(streamed.front, streamed.bodies) == finished(streamed.front, body)

    search(holds, back)


@pytest.mark.parametrize("back", NAMES)
def test_a_stream_comes_out_the_same_however_the_network_cuts_it(back: str) -> None:
    def holds(caller: str, sent: Sent, size: int, places: set[int]) -> None:
        data = sent.stream
        whole = Streamed(caller, back, (data,)).outcome
        assert Streamed(caller, back, (data[at : at + size] for at in range(0, len(data), size))).outcome == whole
        assert Streamed(caller, back, at_places(data, places)).outcome == whole

    search(holds, back, st.sampled_from([1, 2, 17]), PLACES)


@pytest.mark.parametrize("back", NAMES)
def test_a_stream_that_breaks_off_is_a_failure_until_it_has_said_that_it_is_complete(back: str) -> None:
    def holds(caller: str, sent: Sent, place: int, inside: int, given_up: bool) -> None:
        enough = sent.enough if dialect_of(caller) != back or back == "chat" else _last(sent)
        for count in {enough - 1, enough, place % (len(sent.frames) + 1)}:
            *got, started = *sent.frames[:count], b"".join(sent.frames[count : count + 1])[:-2]
            parts = (*got, started[: inside % (len(started) + 1)])
            broken = Streamed(caller, back, parts, given_up=given_up)
            assert broken.relay.finished is (count >= enough), count
            failure = broken.raised or broken.relay.failure
            assert failure is None or failure.kind is (errors.IDLE_TIMEOUT if given_up else errors.STREAM_ABORTED)

    search(holds, back, st.integers(0, 50), st.integers(0, 500), st.booleans())


def _last(sent: Sent) -> int:
    """The number of the frame that says to a caller of the same dialect that nothing more will come."""
    return len(sent.frames) - sent.frames[-1].startswith(b"data: [DONE]")
