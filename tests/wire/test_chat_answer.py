import json

import msgspec
import pytest

from dragoman.wire import chat_answer as wire

decode = msgspec.json.Decoder(wire.Answer).decode


def test_an_answer_is_read_without_what_it_does_not_need() -> None:
    answer = decode(
        b'{"id":"a","object":"x","created":1,"model":"m","x":[{}],"choices":[{"index":0,"x":1,"finish_reason":"stop",'
        b'"message":{"role":"assistant","content":"Hi","x":{},"tool_calls":[{"id":"c","type":"function","x":1,'
        b'"function":{"name":"f","arguments":"{}","x":1}}]},"logprobs":{"content":[{"token":"Hi"}],"refusal":null}}],'
        b'"usage":{"prompt_tokens":1}}'
    )
    assert (answer.id, answer.created, answer.model, bytes(answer.usage)) == ("a", 1, "m", b'{"prompt_tokens":1}')
    assert answer.choices is not None
    (choice,) = answer.choices
    assert choice.message is not None
    assert choice.message.content == "Hi"
    assert choice.message.tool_calls == [wire.Call(id="c", function=wire.Function("f", "{}"))]
    assert choice.logprobs is not None
    assert choice.logprobs.content is not None
    assert [bytes(one) for one in choice.logprobs.content] == [b'{"token":"Hi"}']


def test_everything_may_be_missing_or_null() -> None:
    assert decode(b"{}") == wire.Answer()
    nulls = dict.fromkeys(wire.Answer.__struct_fields__)
    assert decode(json.dumps(nulls).encode()) == wire.Answer()
    choice = dict.fromkeys(wire.Choice.__struct_fields__)
    said = dict.fromkeys(wire.Said.__struct_fields__)
    assert decode(json.dumps({"choices": [choice]}).encode()).choices == [wire.Choice()]
    assert decode(json.dumps({"choices": [{"delta": said}]}).encode()).choices == [wire.Choice(delta=wire.Said())]


def test_arguments_may_be_an_object() -> None:
    function = msgspec.json.decode(b'{"arguments":{"x": 1.50}}', type=wire.Function)
    assert isinstance(function.arguments, dict)
    assert bytes(function.arguments["x"]) == b"1.50"


@pytest.mark.parametrize(
    "body",
    [
        b"[]", b"null", b'{"id":7}', b'{"created":"x"}', b'{"choices":{}}', b'{"choices":[7]}',
        b'{"choices":[{"index":"0"}]}', b'{"choices":[{"delta":[]}]}', b'{"choices":[{"delta":{"content":7}}]}',
        b'{"choices":[{"delta":{"tool_calls":{}}}]}', b'{"choices":[{"finish_reason":1}]}',
    ],
)  # fmt: skip
def test_what_is_of_another_type_is_refused(body: bytes) -> None:
    with pytest.raises(msgspec.ValidationError):
        decode(body)
