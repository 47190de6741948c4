import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dragoman import errors
from dragoman.dialects.chat.request import parse
from dragoman.dialects.head import MAX_MODEL
from dragoman.errors import GatewayError


def refused(body: bytes, *, requires: str = "messages") -> GatewayError:
    with pytest.raises(GatewayError) as caught:
        parse(body, requires=requires)
    return caught.value


@pytest.mark.parametrize(
    ("body", "turn", "asks_usage"),
    [
        (b'{"model":"m","messages":[]}', ("m", False), False),
        (b' {"messages" : [ ] , "model" : "m" , "stream" : true } ', ("m", True), False),
        (b'{"model":"m","messages":[],"stream":false}', ("m", False), False),
        (b'{"model":"m","messages":[],"stream":null}', ("m", False), False),
        (b'{"model":"m","messages":[],"stream":true,"stream_options":null}', ("m", True), False),
        (b'{"model":"m","messages":[],"stream":true,"stream_options":{}}', ("m", True), False),
        (
            b'{"model":"m","messages":[],"stream":true,"stream_options":{"include_usage":null}}',
            ("m", True),
            False,
        ),
        (
            b'{"model":"m","messages":[],"stream":true,"stream_options":{"include_usage":false}}',
            ("m", True),
            False,
        ),
        (b'{"model":"m","messages":[],"stream":true,"stream_options":{"include_usage":true}}', ("m", True), True),
        # Options of a stream nobody asked for are the upstream's to judge.
        (b'{"model":"m","messages":[],"stream_options":{"include_usage":true}}', ("m", False), False),
        (b'{"model":"m","messages":[],"stream_options":7}', ("m", False), False),
        ('{"model":"mödell \\u0000","messages":[]}'.encode(), ("mödell \0", False), False),
    ],
)
def test_what_routing_needs_is_read(body: bytes, turn: tuple[str, bool], asks_usage: bool) -> None:
    request = parse(body)
    assert (request.turn.model, request.turn.stream) == turn
    assert request.asks_usage is asks_usage


@pytest.mark.parametrize(
    ("body", "param", "fault"),
    [
        (b"{}", "model", "Missing required parameter: 'model'"),
        (b'{"messages":[]}', "model", "Missing required parameter: 'model'"),
        (b'{"model":null,"messages":[]}', "model", "'model' must be a string"),
        (b'{"model":7,"messages":[]}', "model", "'model' must be a string"),
        (b'{"model":["m"],"messages":[]}', "model", "'model' must be a string"),
        (b'{"model":"","messages":[]}', "model", "'model' must not be empty"),
        (b'{"model":"m"}', "messages", "Missing required parameter: 'messages'"),
        (b'{"model":"m","messages":null}', "messages", "'messages' must be an array"),
        (b'{"model":"m","messages":"hi"}', "messages", "'messages' must be an array"),
        (b'{"model":"m","messages":{}}', "messages", "'messages' must be an array"),
        (b'{"model":"m","messages":[],"stream":"true"}', "stream", "'stream' must be true or false"),
        (b'{"model":"m","messages":[],"stream":1}', "stream", "'stream' must be true or false"),
        (b'{"model":"m","messages":[],"stream":true,"stream_options":[]}', "stream_options", "must be an object"),
        (
            b'{"model":"m","messages":[],"stream":true,"stream_options":{"include_usage":1}}',
            "stream_options.include_usage",
            "'stream_options.include_usage' must be true or false",
        ),
    ],
)
def test_a_faulty_parameter_is_named(body: bytes, param: str, fault: str) -> None:
    error = refused(body)
    assert (error.kind, error.param) == (errors.INVALID_REQUEST, param)
    assert fault in error.message


def test_a_name_longer_than_any_model_is_refused_unquoted() -> None:
    assert parse(b'{"model":"%s","messages":[]}' % (b"m" * MAX_MODEL)).turn.model == "m" * MAX_MODEL
    error = refused(b'{"model":"%s","messages":[]}' % (b"m" * (MAX_MODEL + 1)))
    assert (error.kind, error.param) == (errors.INVALID_REQUEST, "model")
    assert len(error.message) < 100


@pytest.mark.parametrize("body", [b"", b"model=m", b"[]", b'{"model":"m"', b'{"model":"m","messages":["\xff"]}'])
def test_a_body_that_is_no_json_object_is_refused(body: bytes) -> None:
    error = refused(body)
    assert error.kind is errors.INVALID_JSON
    assert error.message.startswith("The request body is not ")


def test_another_endpoint_requires_its_own_member() -> None:
    assert parse(b'{"model":"m","input":null}', requires="input").turn.model == "m"
    assert parse(b'{"model":"m","prompt":"x","messages":7}', requires="prompt").turn.model == "m"
    error = refused(b'{"model":"m","messages":[]}', requires="input")
    assert (error.param, error.message) == ("input", "Missing required parameter: 'input'.")


def test_what_is_not_ours_goes_on_byte_for_byte() -> None:
    messages = b'[ {"role":"user","content":"\\u00e4\\/", "x":1.50 } ]'
    body = b'{"zeta" : 1e2,"model":"m", "messages":%s,\n"seed":-0,"metadata":{"a" : "b"}}' % messages
    rendered = parse(body).render("m", ask_usage=True)
    assert rendered == b'{"zeta":1e2,"model":"m","messages":%s,"seed":-0,"metadata":{"a" : "b"}}' % messages


def test_the_model_is_named_as_the_upstream_knows_it() -> None:
    request = parse(b'{"messages":[],"model":"fast","x":1}')
    assert request.render('qwen "3"', ask_usage=False) == b'{"messages":[],"model":"qwen \\"3\\"","x":1}'
    assert request.render("fast", ask_usage=False) == b'{"messages":[],"model":"fast","x":1}'
    assert request.turn.model == "fast"


@pytest.mark.parametrize(
    ("options", "sent"),
    [
        (b"", b',"stream_options":{"include_usage":true}'),
        (b',"stream_options":null', b',"stream_options":{"include_usage":true}'),
        (
            b',"stream_options":{"include_usage":false,"include_obfuscation" : false}',
            b',"stream_options":{"include_usage":true,"include_obfuscation":false}',
        ),
        (b',"stream_options":{"include_usage" : true}', b',"stream_options":{"include_usage" : true}'),
    ],
)
def test_usage_is_asked_for_without_losing_other_options(options: bytes, sent: bytes) -> None:
    request = parse(b'{"model":"m","messages":[],"stream":true' + options + b"}")
    assert request.render("m", ask_usage=True) == b'{"model":"m","messages":[],"stream":true' + sent + b"}"
    assert request.render("m", ask_usage=False) == b'{"model":"m","messages":[],"stream":true' + options + b"}"


def test_usage_is_not_asked_for_without_a_stream() -> None:
    assert parse(b'{"model":"m","messages":[]}').render("m", ask_usage=True) == b'{"model":"m","messages":[]}'


VALUES = {
    "model": ['"small"', '"large"'],
    "stream": ["true", "false", "null"],
    "messages": ["[]", '[{"role":"user"}]'],
    "stream_options": ['{"include_usage":true}', '{"include_usage":false}', "{}"],
    "other": ["1", '"model"', '{"model":"x"}'],
}
PAIRS = st.sampled_from([(name, value) for name, values in VALUES.items() for value in values])


@settings(deadline=None)
@given(st.lists(PAIRS, max_size=8), st.booleans())
def test_what_was_judged_is_what_is_sent(pairs: list[tuple[str, str]], ask_usage: bool) -> None:
    pairs = [("model", '"small"'), ("messages", "[]"), *pairs]
    body = "{" + ",".join(f'"{name}":{value}' for name, value in pairs) + "}"
    request = parse(body.encode())
    rendered = request.render(request.turn.model, ask_usage=ask_usage)
    names = [name for name, _ in json.loads(rendered, object_pairs_hook=list)]
    # Whichever of duplicate names an upstream takes, there is but one, and it is the one we went by.
    assert len(set(names)) == len(names)
    expected = {name: json.loads(value) for name, value in pairs}
    if ask_usage and request.turn.stream:
        expected["stream_options"] = expected.get("stream_options", {}) | {"include_usage": True}
    assert json.loads(rendered) == expected
    assert (expected["model"], expected.get("stream") is True) == (request.turn.model, request.turn.stream)


def test_a_name_spelled_with_an_escape_is_the_same_name() -> None:
    request = parse(b'{"model":"small","mod\\u0065l":"large","messages":[]}')
    assert request.turn.model == "large"
    assert request.render("large", ask_usage=False) == b'{"model":"large","messages":[]}'
