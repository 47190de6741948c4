import json

import msgspec
import pytest

from dragoman.dialects.chat.members import Members, absent
from dragoman.dialects.messages.codec import MESSAGES
from dragoman.dialects.profile import Profile
from dragoman.dialects.responses.codec import RESPONSES
from dragoman.wire.chat import parse_fields
from tests.dialects.chat.asking import INVALID, UNSUPPORTED, Json, parsed, raw, refused

CALL = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
SAID = {"role": "user", "content": "Hi"}


@pytest.mark.parametrize(
    ("members", "param"),
    [
        ({"messages": [SAID | {"foo": 1}]}, "messages[0].foo"),
        ({"messages": [SAID, {"role": "user", "content": [{"type": "text", "text": "x", "foo": 1}]}]},
         "messages[1].content[0].foo"),
        ({"messages": [{"role": "assistant", "tool_calls": [CALL | {"foo": 1}]}]},
         "messages[0].tool_calls[0].foo"),
        ({"tools": [{"type": "function", "function": {"name": "f", "foo": 1}}]}, "tools[0].function.foo"),
        ({"tools": [{"type": "function", "function": {"name": "f"}, "cache": {"a": 1}}]}, "tools[0].cache"),
        ({"response_format": {"type": "text", "foo": 1}}, "response_format.foo"),
        ({"stream_options": {"include_usage": True, "foo": 1}}, "stream_options.foo"),
    ],
)  # fmt: skip
def test_an_unknown_member_is_kept_under_its_path_and_refused_elsewhere(members: Json, param: str) -> None:
    turn = parsed(**members)
    assert [extra.param for extra in turn.extras if "." in extra.param] == [param]
    for codec in (MESSAGES, RESPONSES):
        refused(lambda codec=codec: codec.render(turn, "m", Profile()), param, UNSUPPORTED)  # type: ignore[misc]


@pytest.mark.parametrize(
    ("members", "param"),
    [
        ({"messages": [{"content": "Hi"}]}, "messages[0].role"),
        ({"messages": [SAID, {"role": "robot", "content": "Hi"}]}, "messages[1].role"),
        ({"messages": [SAID, {"role": "user", "content": 7}]}, "messages[1].content"),
        ({"messages": [{"role": "user", "content": [{"text": "x"}]}]}, "messages[0].content[0].type"),
        ({"messages": [{"role": "user", "content": [{"type": "video"}]}]}, "messages[0].content[0].type"),
        ({"messages": {}}, "messages"),
        ({"tools": [7]}, "tools[0]"),
        ({"metadata": {"a": 1}}, "metadata"),
        ({"metadata": []}, "metadata"),
        ({"temperature": "hot"}, "temperature"),
        ({"stop": [1]}, "stop[0]"),
        ({"stream": "yes"}, "stream"),
        ({"max_completion_tokens": 1.5}, "max_completion_tokens"),
    ],
)
def test_a_wrong_value_is_named_by_its_path(members: dict[str, object], param: str) -> None:
    assert param in refused(lambda: parsed(**members), param, INVALID)


def test_null_and_nothing_are_not_said() -> None:
    members = Members(parse_fields(json.dumps({"a": None, "b": 0}).encode()))
    assert (members.read("a", int), members.read("b", int), members.read("c", int)) == (None, 0, None)
    refused(lambda: members.required("a", bytes), "a", INVALID)
    refused(lambda: members.required("c", bytes), "c", INVALID)
    assert members.required("b", bytes) == b"0"


def test_absent_is_what_says_nothing() -> None:
    assert [absent(value) for value in (None, msgspec.UNSET, raw(None), raw(False), raw({}))] == [
        True, True, True, False, False,
    ]  # fmt: skip
