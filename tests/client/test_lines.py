import pytest

from dragoman.client.lines import LineDecoder
from tests.wire.cuts import every_way

BODIES: dict[str, tuple[bytes, list[str]]] = {
    "nothing": (b"", []),
    "one line": (b"a", ["a"]),
    "an end is no line": (b"a\n", ["a"]),
    "blank lines are": (b"\na\n\nb\n", ["", "a", "", "b"]),
    "CRLF": (b"a\r\nb\r\n\r\n", ["a", "b", ""]),
    "CR": (b"a\rb\r\r", ["a", "b", ""]),
    "CR, then LF after text": (b"a\r\nb\rc\nd", ["a", "b", "c", "d"]),
    "LF CR": (b"a\n\rb", ["a", "", "b"]),
    "separators of Unicode are text": ("a\u2028b\u0085c\x0bd\x1ce\n".encode(), ["a\u2028b\u0085c\x0bd\x1ce"]),
    "bytes of one character": ("\u20ac\n\U0001f600".encode(), ["\u20ac", "\U0001f600"]),
    "what is not UTF-8": (b"\xff\n\xe2\x82", ["\ufffd", "\ufffd"]),
}


@pytest.mark.parametrize("name", BODIES)
def test_lines_are_the_same_however_the_body_is_cut(name: str) -> None:
    body, lines = BODIES[name]
    for parts in every_way(body):
        decoder = LineDecoder()
        assert [line for part in parts for line in decoder.receive(part)] + decoder.eof() == lines, parts
