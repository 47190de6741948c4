import gzip
import zlib

import pytest

from dragoman.client.encoding import FREE, PIECE, RATIO, ContentDecoder
from dragoman.client.errors import DecodeError
from tests.wire.cuts import every_way

TEXT = b"a text that repeats itself, a text that repeats itself"


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("", TEXT),
        ("identity", TEXT),
        ("br", TEXT),
        ("gzip", gzip.compress(TEXT)),
        (" X-GZIP ", gzip.compress(TEXT)),
        ("deflate", zlib.compress(TEXT)),
        ("gzip", gzip.compress(TEXT[:20]) + gzip.compress(TEXT[20:])),
    ],
)
def test_a_body_is_decoded_however_it_is_cut_and_its_end_is_seen(name: str, body: bytes) -> None:
    for parts in every_way(body):
        decoder = ContentDecoder(name)
        assert b"".join(piece for part in parts for piece in decoder.receive(part)) == TEXT
        assert decoder.complete


@pytest.mark.parametrize("body", [gzip.compress(TEXT)[:-1], gzip.compress(TEXT)[:5], gzip.compress(TEXT) * 2])
def test_a_body_that_was_cut_is_not_complete(body: bytes) -> None:
    decoder = ContentDecoder("gzip")
    list(decoder.receive(body[:-1]))
    assert not decoder.complete


def test_no_body_at_all_is_complete() -> None:
    assert ContentDecoder("gzip").complete


def test_what_is_not_in_its_encoding_is_refused() -> None:
    with pytest.raises(DecodeError, match="not the gzip"):
        list(ContentDecoder("gzip").receive(b"plain text"))


def test_a_body_comes_in_pieces_and_a_trap_is_refused() -> None:
    fair = zlib.compress(bytes(range(256)) * 2000)
    assert all(len(piece) <= PIECE for piece in ContentDecoder("deflate").receive(fair))
    trap, decoder, given = zlib.compress(bytes(100 * FREE)), ContentDecoder("deflate"), 0
    with pytest.raises(DecodeError, match="trap"):
        for piece in decoder.receive(trap):
            given += len(piece)
    assert given <= len(trap) * RATIO
