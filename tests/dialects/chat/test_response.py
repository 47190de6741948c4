import json

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dragoman import errors
from dragoman.dialects.chat.response import read_usage, relay
from dragoman.errors import GatewayError
from dragoman.turn import Usage

CHOICES = b'"choices":[{"index":0,"message":{"content":"Hi"}}]'


def refused(body: bytes, *, needs: str = "choices") -> str:
    with pytest.raises(GatewayError) as caught:
        relay(body, "fast", needs=needs)
    assert caught.value.kind is errors.PROTOCOL_ERROR
    return caught.value.message


def test_an_answer_passes_byte_for_byte_but_for_the_model() -> None:
    body = (
        b'{ "id":"x", "model" : "qwen3-8b", "created":1.7e9,"x_unknown":[ 1.50, "\\u00e4\\/" ],\n'
        b'"choices": [ {"index":0 ,"message":{"content":"Hi"}} ], "usage":{"prompt_tokens":1,"x":{}} }'
    )
    answer, usage = relay(body, 'my "fast"')
    assert answer == (
        b'{"id":"x","model":"my \\"fast\\"","created":1.7e9,"x_unknown":[ 1.50, "\\u00e4\\/" ],'
        b'"choices":[ {"index":0 ,"message":{"content":"Hi"}} ],"usage":{"prompt_tokens":1,"x":{}}}'
    )
    assert usage == Usage(input_tokens=1)


def test_an_answer_that_names_no_model_gets_none() -> None:
    assert relay(b"{" + CHOICES + b"}", "fast") == (b"{" + CHOICES + b"}", None)


def test_an_error_of_null_is_none() -> None:
    assert relay(b"{" + CHOICES + b',"error":null}', "fast")[1] is None


def test_other_endpoints_need_their_own_member() -> None:
    body = b'{"object":"list","data":[{"embedding":[0.1]}],"model":"e","usage":{"prompt_tokens":3,"total_tokens":3}}'
    answer, usage = relay(body, "fast", needs="data")
    assert json.loads(answer) == json.loads(body) | {"model": "fast"}
    assert usage == Usage(input_tokens=3)


@pytest.mark.parametrize(
    ("body", "what"),
    [
        (b"", "answered 200 with nothing"),
        (b" \n", "answered 200 with nothing"),
        (b"<html>502 Bad Gateway</html>", "not valid JSON"),
        (b"data: {}\n\n", "not valid JSON"),
        (b'{"choices":[', "not valid JSON"),
        (b"[]", "not a JSON object"),
        (b'{"choices":[{"text":"\xff"}]}', "not valid UTF-8"),
        (b"{}", "a body without 'choices'"),
        (b'{"data":[{}]}', "a body without 'choices'"),
        (b'{"choices":null}', "a body without 'choices'"),
        (b'{"choices":[]}', "a body without 'choices'"),
        (b'{"error":{"message":"boom","code":502}}', "the error 'boom'"),
        (b'{"error":"boom"}', "the error 'boom'"),
        (b'{"choices":[],"error":{"message":"boom"}}', "the error 'boom'"),
        (b"{" + CHOICES + b',"error":{"message":"boom"}}', "the error 'boom'"),
        (b'{"choices":' + b"[" * 50_000 + b"]" * 50_000 + b"}", "not valid JSON"),
    ],
)
def test_a_200_without_an_answer_is_an_error(body: bytes, what: str) -> None:
    assert what in refused(body)


@pytest.mark.parametrize(
    ("usage", "read"),
    [
        ("null", None),
        ("{}", None),
        ('{"total_tokens":5}', None),
        ('{"prompt_tokens":5}', Usage(input_tokens=5)),
        ('{"prompt_tokens":5,"completion_tokens":null}', Usage(input_tokens=5)),
        ('{"prompt_tokens":null,"completion_tokens":2}', Usage(output_tokens=2)),
        ('{"prompt_tokens":0,"completion_tokens":0}', Usage()),
        (
            '{"prompt_tokens":9,"completion_tokens":3,"total_tokens":99,"prompt_tokens_details":{"cached_tokens":4,'
            '"cache_write_tokens":1,"audio_tokens":0},"completion_tokens_details":{"reasoning_tokens":2}}',
            Usage(input_tokens=9, output_tokens=3, cached_tokens=4, cache_write_tokens=1, reasoning_tokens=2),
        ),
        (
            '{"prompt_tokens":9,"completion_tokens":3,"prompt_tokens_details":null,"completion_tokens_details":null}',
            Usage(input_tokens=9, output_tokens=3),
        ),
        (
            '{"prompt_tokens":9,"completion_tokens":3,"prompt_tokens_details":{"cached_tokens":null}}',
            Usage(input_tokens=9, output_tokens=3),
        ),
        # What cannot have been counted is nothing to bill by.
        ('{"prompt_tokens":-1,"completion_tokens":3}', None),
        ('{"prompt_tokens":1000000000001}', None),
        ('{"prompt_tokens":99999999999999999999999999999999}', None),
        ('{"prompt_tokens":1.5}', None),
        ('{"prompt_tokens":"9"}', None),
        ('{"prompt_tokens":true}', None),
        ("[]", None),
        ("7", None),
    ],
)
def test_usage_is_read_or_there_is_none(usage: str, read: Usage | None) -> None:
    assert read_usage(msgspec.Raw(usage.encode())) == read


def test_usage_that_is_absent_is_none() -> None:
    assert read_usage(None) is None


@settings(deadline=None)
@given(st.binary(max_size=40) | st.just(b"{" + CHOICES + b"}"))
def test_whatever_an_upstream_answers_there_is_an_answer_or_a_gateway_error(body: bytes) -> None:
    try:
        answer, _ = relay(body, "fast")
    except GatewayError as error:
        assert error.kind is errors.PROTOCOL_ERROR
    else:
        assert json.loads(answer)["choices"]
