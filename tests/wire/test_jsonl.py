"""`dragoman.wire.jsonl`."""

import pytest

from dragoman.errors import WireError
from dragoman.wire.jsonl import Decoder, render
from tests.wire.cuts import Parts, every_way

STREAM = b'{"a": 1}\r\n\n \t\r\n{"b":"\xff \xc3\xa9"}\nplain text\n{"last": true}'
LINES = ['{"a": 1}', '{"b":"\ufffd é"}', "plain text", '{"last": true}']


def decode(parts: Parts, max_line: int = 1 << 20) -> list[str]:
    decoder = Decoder(max_line)
    return [line for part in parts for line in decoder.receive(part)] + list(decoder.eof())


def refused(parts: Parts, max_line: int) -> list[str]:
    """What was given before the refusal."""
    decoder, lines = Decoder(max_line), []
    with pytest.raises(WireError, match=f"a line of more than {max_line} bytes"):
        for part in parts:
            for line in decoder.receive(part):
                lines.append(line)
    return lines


def test_lines_are_the_same_however_they_are_cut() -> None:
    for parts in every_way(STREAM):
        assert decode(parts) == LINES


def test_a_line_may_be_as_long_as_its_bound() -> None:
    line = b"x" * (8 << 20)

    assert decode((line[:3], line[3:], b"\n"), len(line)) == [line.decode()]


@pytest.mark.parametrize("stream", [b"ok\n12345678", b"ok\n12345678\nmore\n"])
def test_a_longer_line_is_refused_after_what_came_before_it(stream: bytes) -> None:
    for parts in every_way(stream):
        assert refused(parts, 7) == ["ok"]


def test_what_is_rendered_is_one_line() -> None:
    assert decode((render({"text": "two\nlines"}), render([1]))) == ['{"text":"two\\nlines"}', "[1]"]
