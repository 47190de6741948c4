import json
from collections.abc import Sequence

import pytest

from dragoman.bridge import CODECS
from dragoman.dialects.profile import Profile
from dragoman.dialects.tally import HELD, Tally
from tests.dialects.chat.streams import BROKEN, HELLO, ROLE, STOP, WORLD, choice, chunk, stream
from tests.wire.cuts import every_way


def chars(texts: Sequence[str]) -> float:
    return sum(map(len, texts))


def tally(name: str = "chat", *, streamed: bool) -> Tally:
    return Tally(CODECS[name], Profile(), chars, stream=streamed, max_event=1 << 20)


def test_a_stream_counts_by_what_it_says() -> None:
    for parts in every_way(stream(ROLE, HELLO, WORLD, STOP)):
        heard = tally(streamed=True)
        for part in parts:
            heard.receive(part)
        assert heard.tokens() == len("Hello, w\u00f6rld \U0001f409") == heard.tokens()


def test_a_call_counts_by_its_name_and_arguments() -> None:
    opened = {"index": 0, "id": "c", "type": "function", "function": {"name": "look", "arguments": ""}}
    more = {"index": 0, "function": {"arguments": '{"a":1}'}}
    heard = tally(streamed=True)
    heard.receive(stream(chunk(choice({"tool_calls": [opened]})), chunk(choice({"tool_calls": [more]})), STOP))
    assert heard.tokens() == len('look{"a":1}')


def test_a_long_stream_is_not_kept() -> None:
    heard = tally(streamed=True)
    data = stream(chunk(choice({"content": "x" * 1000})), end=b"")
    for _ in range(100):
        heard.receive(data)
        assert heard._held <= HELD + 1000
    assert heard.tokens() == 100_000


@pytest.mark.parametrize("name", ["rubbish", "an error event", "no event stream", "bad UTF-8"])
def test_a_stream_that_breaks_counts_as_far_as_it_came(name: str) -> None:
    heard = tally(streamed=True)
    heard.receive(BROKEN[name])
    heard.receive(BROKEN[name])
    assert heard.tokens() in (0, len("Hello"))


def test_a_finished_answer_counts_when_it_is_whole() -> None:
    message = {"role": "assistant", "content": "Hello"}
    answer = {"id": "c", "object": "chat.completion", "created": 1, "model": "m"}
    body = json.dumps(answer | {"choices": [{"index": 0, "message": message, "finish_reason": "stop"}]}).encode()
    heard = tally(streamed=False)
    heard.receive(body[:20])
    heard.receive(body[20:])
    assert heard.tokens() == 5 == heard.tokens()
    for other in (b"", b"<html>", body[:20]):
        heard = tally(streamed=False)
        heard.receive(other)
        assert heard.tokens() == 0
