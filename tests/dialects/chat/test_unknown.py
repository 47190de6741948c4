import msgspec
import pytest

from dragoman.dialects.chat.unknown import without
from dragoman.turn import Extra
from dragoman.wire import chat_request as wire
from tests.dialects.chat.asking import raw

_messages = msgspec.json.Decoder(list[wire.Message])


def cut(messages: object) -> tuple[list[wire.Message], list[str]]:
    """The messages less all that is unknown, and where that stood."""
    value, extras = raw(messages), list[Extra]()
    while True:
        try:
            return _messages.decode(value), [extra.param for extra in extras]
        except msgspec.ValidationError as error:
            rest = without(value, "messages", error, extras)
            assert rest is not None
            value = rest


def test_what_is_unknown_is_taken_out_of_the_whole_list() -> None:
    said = {"role": "user", "content": "a", "x": 1}
    parts = {"role": "user", "content": [{"type": "text", "text": "b", "y": 1}, {"type": "text", "text": "c"}]}
    messages, places = cut([said, parts, {"role": "user", "content": "d"}, parts | {"x": {"z": 1}}])
    assert [message.content == "a" or message.content == "d" for message in messages] == [True, False, True, False]
    assert places == ["messages[0].x", "messages[3].x", "messages[1].content[0].y", "messages[3].content[0].y"]


def test_what_says_nothing_is_taken_out_without_a_word() -> None:
    assert cut([{"role": "user", "content": "a", "x": None, "y": [], "`z`": {}}])[1] == []


def test_what_cannot_be_read_survives() -> None:
    extras: list[Extra] = []
    value = msgspec.Raw(b'[{"role":"user","content":"a","x":1e999}]')
    with pytest.raises(msgspec.ValidationError) as caught:
        _messages.decode(value)
    rest = without(value, "messages", caught.value, extras)
    assert rest is not None
    assert bytes(rest) == b'[{"role":"user","content":"a"}]'
    assert bytes(extras[0].value) == b"1e999"


def test_another_error_is_not_its_affair() -> None:
    for value in (b"[{}]", b'[{"role":"user","content":7}]', b"{}"):
        with pytest.raises(msgspec.ValidationError) as caught:
            _messages.decode(value)
        assert without(msgspec.Raw(value), "messages", caught.value, []) is None
