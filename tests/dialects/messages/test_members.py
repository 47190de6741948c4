import msgspec
import pytest

from dragoman import errors
from dragoman.dialects.messages.members import absent, decode, members, read
from dragoman.dialects.messages.rows import TABLE
from dragoman.errors import GatewayError
from dragoman.turn import Extra


class Known(msgspec.Struct):
    name: str
    count: int | None = None
    inner: dict[str, list[int]] = {}


def raw(text: str) -> msgspec.Raw:
    return msgspec.Raw(text.encode())


def test_known_members_are_read_and_the_others_kept() -> None:
    extras: list[Extra] = []
    given = read(raw('{"name": "a", "type": "x", "novelty": {"b": 1.50}}'), Known, "tools[0]", extras)
    assert given == Known("a")
    assert extras == [Extra("messages", "tools[0].novelty", raw('{"b": 1.50}'))]


@pytest.mark.parametrize(
    "member",
    ['"novelty": null', '"novelty": []', '"novelty": {}', '"diagnostics": {"x": 1}',
     '"defer_loading": false', '"caller": {"type": "direct"}', '"allowed_callers": ["direct"]',
     '"citations": {"enabled": false}', '"speed": "standard"', '"eager_input_streaming": true'],
)  # fmt: skip
def test_members_that_ask_for_nothing_are_not_kept(member: str) -> None:
    extras: list[Extra] = []
    read(raw(f'{{"name": "a", {member}}}'), Known, "x", extras)
    assert extras == []


@pytest.mark.parametrize(
    ("name", "value"),
    [("defer_loading", "true"), ("caller", '{"type":"code"}'), ("citations", '{"enabled":true}'), ("speed", '"fast"'),
     ("novelty", "false"), ("cache_control", '{"type":"ephemeral"}'), ("novelty", "0"), ("novelty", '""')],
)  # fmt: skip
def test_members_that_ask_for_something_are_kept(name: str, value: str) -> None:
    assert not TABLE.says_nothing(name, raw(value))


@pytest.mark.parametrize(
    ("body", "param", "message"),
    [
        ('{"name": 1}', "x.name", "'x.name' is not right: expected 'str', got 'int'."),
        ('{"name": "a", "count": "b"}', "x.count", "'x.count' is not right: expected 'int | null', got 'str'."),
        ('{"name": "a", "inner": {"b": [1, "c"]}}', "x.inner[1]",
         "'x.inner[1]' is not right: expected 'int', got 'str'."),
        ("{}", "x.name", "Missing required parameter: 'x.name'."),
        ("[]", "x", "'x' is not right: expected 'object', got 'array'."),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named_with_its_whole_path(body: str, param: str, message: str) -> None:
    with pytest.raises(GatewayError) as raised:
        decode(raw(body), Known, "x")
    assert (raised.value.kind, raised.value.param, raised.value.message) == (errors.INVALID_REQUEST, param, message)


def test_what_is_no_object_is_named() -> None:
    with pytest.raises(GatewayError, match="'x' must be an object") as raised:
        members(raw("[]"), "x")
    assert raised.value.param == "x"


def test_null_is_as_good_as_absent() -> None:
    assert absent(None)
    assert absent(raw("null"))
    assert not absent(raw("0"))
