"""However the network cuts a stream, it means what the standard says of the whole, or is refused alike."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.errors import WireError
from dragoman.wire.sse import Decoder, Frame, Splitter
from tests.fuzz.budget import BUDGET, SECONDS
from tests.wire.cuts import PLACES, Parts, at_places

pytestmark = pytest.mark.timeout(SECONDS)
PIECES = [
    b"\n", b"\r", b"\r\n", b"\n\n", b"\r\r", b"\r\n\r\n", b"\xef", b"\xbb", b"\xbf", b"\xef\xbb\xbf", b":", b" ",
    b"\0", b"data", b"data:", b"data: ", b"data: x", b"event: e", b"id", b"id: 1", b"id: \0", b"retry: 1", b": ping",
    b"\xff", b"x" * 20,
]  # fmt: skip
STREAMS = st.lists(st.sampled_from(PIECES) | st.binary(max_size=3), max_size=30).map(b"".join)


def by_the_book(stream: bytes) -> list[Frame]:
    """HTML Living Standard, 9.2.6, line by line over the whole stream."""
    lines = stream.removeprefix(b"\xef\xbb\xbf").replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
    frames, data, event = [], b"", b""
    identity: bytes | None = None
    for line in lines[:-1]:  # the last one has no end
        if not line:
            if data:
                frames.append(Frame(data.removesuffix(b"\n"), event, identity))
            data, event, identity = b"", b"", None
            continue
        field, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if field == b"data":
            data += value + b"\n"
        elif field == b"event":
            event = value
        elif field == b"id" and b"\0" not in value:
            identity = value
    return frames


def decode(parts: Parts, max_event: int) -> tuple[list[Frame], str | None]:
    decoder = Decoder(max_event)
    frames: list[Frame] = []
    try:
        for part in parts:
            frames.extend(decoder.receive(part))
    except WireError as error:
        return frames, str(error)
    return frames, None


@BUDGET
@given(STREAMS, PLACES)
def test_the_frames_are_those_of_the_standard(stream: bytes, places: set[int]) -> None:
    assert decode(at_places(stream, places), 1 << 20) == (by_the_book(stream), None)


@BUDGET
@given(STREAMS, PLACES, st.integers(1, 50))
def test_a_bound_strikes_at_the_same_event_however_the_stream_is_cut(
    stream: bytes, places: set[int], max_event: int
) -> None:
    frames, refused = decode(at_places(stream, places), max_event)
    assert (frames, refused) == decode((stream,), max_event)
    whole = by_the_book(stream)
    assert frames == (whole if refused is None else whole[: len(frames)])


@BUDGET
@given(STREAMS, PLACES, st.integers(2, 50))
def test_the_splitter_gives_out_every_byte_and_tells_where_events_end(
    stream: bytes, places: set[int], max_held: int
) -> None:
    splitter = Splitter(max_held)
    given_out = b""
    for part in at_places(stream, places):
        given_out += splitter.receive(part)
        plain = given_out.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        assert splitter.torn is not (not plain or plain.endswith(b"\n\n"))
        assert len(splitter.rest()) <= max_held
    assert given_out + splitter.rest() == stream
