import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dragoman.errors import WireError
from dragoman.wire import chat
from dragoman.wire.chat import parse_fields, raw, render_fields

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


def test_values_survive_byte_for_byte() -> None:
    body = '{ "a" : 1.50e+02 ,"b":\t[ 1,\n2 ], "c":"\\u00e4\\/ä", "d": {"x" :null}, "e":-0, "f":12345678901234567890}'
    fields = parse_fields(body.encode())
    assert {name: bytes(value).decode() for name, value in fields.items()} == {
        "a": "1.50e+02",
        "b": "[ 1,\n2 ]",
        "c": '"\\u00e4\\/ä"',
        "d": '{"x" :null}',
        "e": "-0",
        "f": "12345678901234567890",
    }
    assert render_fields(fields).decode() == (
        '{"a":1.50e+02,"b":[ 1,\n2 ],"c":"\\u00e4\\/ä","d":{"x" :null},"e":-0,"f":12345678901234567890}'
    )


def test_of_duplicate_names_only_the_last_is_kept() -> None:
    fields = parse_fields(b'{"model":"a","n":1,"model":"b","mod\\u0065l":"c"}')
    assert render_fields(fields) == b'{"model":"c","n":1}'


@settings(deadline=None)
@given(st.dictionaries(st.text(), JSON, max_size=4))
def test_any_object_renders_to_its_equal(value: dict[str, object]) -> None:
    body = msgspec.json.encode(value)
    assert msgspec.json.decode(render_fields(parse_fields(body))) == msgspec.json.decode(body)


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        (b"", "not valid JSON"),
        (b" ", "not valid JSON"),
        (b"{", "not valid JSON"),
        (b'{"a":1', "not valid JSON"),
        (b'{"a":1} {', "not valid JSON"),
        (b"{'a':1}", "not valid JSON"),
        (b'{"a":tru}', "not valid JSON"),
        (b'{"a":NaN}', "not valid JSON"),
        (b'{"a":01}', "not valid JSON"),
        (b'{"a":"\x01"}', "not valid JSON"),
        (b'{"a":"line\nend"}', "not valid JSON"),
        (b'{"a":"\\x"}', "not valid JSON"),
        (b'{"a":"\\ud800"}', "not valid JSON"),
        (b'{"\\ud800":1}', "not valid JSON"),
        (b"\xef\xbb\xbf{}", "not valid JSON"),
        (b"<html>", "not valid JSON"),
        (b"[]", "not a JSON object"),
        (b"null", "not a JSON object"),
        (b'"{}"', "not a JSON object"),
        (b'{"a":"\xff"}', "not valid UTF-8 at byte 6"),
        (b'{"\xc3":1}', "not valid UTF-8 at byte 2"),
        (b'{"a":"\xed\xa0\x80"}', "not valid UTF-8"),
        (b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}", "not valid JSON: maximum recursion"),
        (b'{"a":' * 100_000, "not valid JSON"),
    ],
)
def test_what_is_no_json_object_is_refused(body: bytes, fault: str) -> None:
    with pytest.raises(WireError, match=fault):
        parse_fields(body)


def test_raw_is_the_json_of_a_value() -> None:
    assert bytes(raw('a "b"\n')) == b'"a \\"b\\"\\n"'
    assert bytes(raw(True)) == b"true"


def test_a_chunk_is_read_without_what_it_does_not_need() -> None:
    chunk = chat.parse_chunk(b'{"id":1,"choices":[{"delta":7,"index":1,"finish_reason":"stop"}],"x":[{}]}')
    assert chunk.choices == [chat.ChunkChoice(1, "stop")]
    assert (chunk.model, bytes(chunk.usage), bytes(chunk.error)) == (None, b"null", b"null")
    chunk = chat.parse_chunk(b'{"choices":[{}],"model":"m","usage":{"x":1},"error":null}')
    assert chunk.choices == [chat.ChunkChoice(0, None)]
    assert (chunk.model, bytes(chunk.usage), bytes(chunk.error)) == ("m", b'{"x":1}', b"null")


@pytest.mark.parametrize("index", [b"-1", b"1024", b"1e3", b"null", b'"0"'])
def test_a_choice_has_an_index_within_reason(index: bytes) -> None:
    with pytest.raises(msgspec.ValidationError):
        chat.parse_chunk(b'{"choices":[{"index":' + index + b"}]}")
