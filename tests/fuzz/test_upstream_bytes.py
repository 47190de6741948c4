"""Whatever an upstream sends, a caller of any dialect gets whole events and a proper end, or a typed error."""

from typing import Final

import pytest
from hypothesis import strategies as st

from tests.fuzz.accumulators import accumulated, is_readable, said
from tests.fuzz.budget import SECONDS
from tests.fuzz.mutations import CHANGES, ODD, Change, Mutation, mutate, mutations, warp_frames
from tests.fuzz.passages import NAMES, Streamed
from tests.fuzz.search import search
from tests.fuzz.upstreams import Sent
from tests.wire.cuts import PLACES, at_places

pytestmark = pytest.mark.timeout(SECONDS)
_PIECES: Final = [
    *ODD, b"\n", b"\r", b"\n\n", b"\r\n\r\n", b"data: ", b"data: [DONE]\n\n", b": ping\n\n", b"event: error\n",
    b"event: \xff\n", b"id: 1\n", b"}", b",", b":", b"\xef\xbb\xbf",
]  # fmt: skip
_SLIPS: Final[st.SearchStrategy[list[Mutation]]] = st.just([]) | st.just([]) | mutations(_PIECES)


@pytest.mark.parametrize("back", NAMES)
def test_a_stream_ends_properly_and_alike_however_it_is_broken_and_cut(back: str) -> None:
    def holds(
        caller: str, sent: Sent, changes: list[Change], slips: list[Mutation], places: set[int], max_event: int
    ) -> None:
        data = mutate(b"".join(warp_frames(sent.frames, changes)), slips)
        whole = Streamed(caller, back, (data,), max_event)
        cut = Streamed(caller, back, at_places(data, places), max_event)
        assert cut.outcome == whole.outcome
        if whole.translated and whole.relay.finished and (whole.front != "messages" or is_readable(whole.bodies)):
            accumulated(whole.front, whole.bodies)

    search(holds, back, CHANGES, _SLIPS, PLACES, st.sampled_from([400, *[1 << 20] * 5]))


def test_what_an_upstream_has_nested_deeply_is_added_up_like_the_rest() -> None:
    deep: list[object] = []
    for _ in range(600):  # of which each takes two of a thousand frames
        deep = [deep]
    assert said({"a": deep, "b": None}) == {"a": deep}
