import json
import sys
from typing import Any

import msgspec
import pytest

from dragoman import errors
from dragoman.dialects.messages.request import parse, parse_count, render
from dragoman.dialects.profile import Profile
from dragoman.errors import GatewayError
from dragoman.turn import (
    INSTRUCTIONS,
    Extra,
    Format,
    Message,
    Sampling,
    Text,
    Thinking,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
    Turn,
)
from tests.dialects.messages.answers import raw
from tests.dialects.messages.sdk import check_request

LEAST: dict[str, Any] = {"model": "m", "max_tokens": 64, "messages": [{"role": "user", "content": "Hi"}]}
HI = Message("user", (Text("Hi"),))
SCHEMA = {"type": "object", "properties": {}}
FULL: dict[str, Any] = {
    "model": "m",
    "max_tokens": 64,
    "system": [{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral"}}],
    "messages": [
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": [{"type": "tool_use", "id": "a", "name": "look", "input": {}}]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "a", "content": "sunny"}]},
    ],
    "tools": [{"name": "look", "description": "Looks.", "input_schema": SCHEMA, "strict": True}],
    "tool_choice": {"type": "auto", "disable_parallel_tool_use": True},
    "thinking": {"type": "adaptive", "display": "summarized"},
    "output_config": {"effort": "high", "format": {"type": "json_schema", "schema": SCHEMA}},
    "metadata": {"user_id": "u1"},
    "service_tier": "standard_only",
    "stop_sequences": ["###"],
    "temperature": 0,
    "top_p": 0.5,
    "top_k": 4,
    "stream": True,
}
TURN = Turn(
    model="m",
    stream=True,
    items=(
        Message("system", (Text("Be brief.", cache=raw({"type": "ephemeral"})),), id=INSTRUCTIONS),
        HI,
        ToolCall("a", "look", "{}"),
        ToolResult("a", (Text("sunny"),)),
    ),
    tools=(Tool("look", "Looks.", raw(SCHEMA), True),),
    tool_choice=ToolChoice("auto"),
    parallel_tool_calls=False,
    sampling=Sampling(temperature=0.0, top_p=0.5, top_k=4, max_output_tokens=64, stop=("###",)),
    thinking=Thinking("high", summary="auto"),
    format=Format("json_schema", "output", schema=raw(SCHEMA)),
    user="u1",
    service_tier="default",
)


def read(**members: Any) -> Turn:
    return parse(json.dumps(LEAST | members).encode())


def written(turn: Turn, profile: Profile | None = None) -> tuple[Any, list[tuple[str, str]]]:
    rendered = render(turn, "claude-x", profile or Profile())
    return json.loads(rendered.body), [(loss.param, loss.kind) for loss in rendered.losses]


def asked(**more: Any) -> Turn:
    return Turn(model="m", items=(HI,), **more)


def unplaced(turn: Turn) -> Turn:
    assert turn.dialect == "messages"
    return msgspec.structs.replace(turn, dialect="responses", places=())


def test_the_least_request() -> None:
    assert unplaced(read()) == Turn(model="m", items=(HI,), sampling=Sampling(max_output_tokens=64))


def test_a_request_is_read_whole() -> None:
    assert unplaced(parse(msgspec.json.encode(FULL))) == TURN


def test_a_request_is_written_whole() -> None:
    body, losses = written(TURN)
    assert body == FULL | {"model": "claude-x"}
    assert losses == [("text.format.strict", "mapped")]


def test_what_is_written_has_the_shape_the_sdk_expects() -> None:
    body, _ = written(TURN)
    body.pop("stream")
    check_request(body)
    with pytest.raises(ValueError, match="validation error"):
        check_request(body | {"messages": [{"role": "user", "content": [{"type": "text", "text": 1}]}]})


@pytest.mark.parametrize("name", ["model", "max_tokens", "messages"])
def test_what_must_be_there_is_named(name: str) -> None:
    body = {key: value for key, value in LEAST.items() if key != name}
    with pytest.raises(GatewayError, match=f"Missing required parameter: '{name}'") as raised:
        parse(json.dumps(body).encode())
    assert (raised.value.kind, raised.value.param) == (errors.INVALID_REQUEST, name)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("model", None), ("model", 1), ("max_tokens", None), ("max_tokens", "64"), ("max_tokens", -1),
        ("max_tokens", 1.5), ("messages", {}), ("messages", None), ("temperature", "hot"), ("top_k", 1.5),
        ("stop_sequences", "###"), ("stream", 1), ("system", 1), ("tools", {}), ("metadata", []),
        ("service_tier", 1), ("thinking", "much"), ("output_config", []), ("tool_choice", "auto"),
    ],
)  # fmt: skip
def test_a_member_of_the_wrong_type_is_named(name: str, value: object) -> None:
    with pytest.raises(GatewayError) as raised:
        read(**{name: value})
    assert raised.value.kind is errors.INVALID_REQUEST
    assert (raised.value.param or "").split(".")[0] == name


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b'{"model": "\xff"}', b"[" * 100_000, b"[]", b"null"])
def test_a_body_that_is_no_json_object_says_so(body: bytes) -> None:
    with pytest.raises(GatewayError) as raised:
        parse(body)
    assert raised.value.kind is errors.INVALID_JSON


def test_a_body_is_read_or_refused_however_deep_it_is() -> None:
    image = b'{"type":"image","source":{"type":"url","url":"x"},"x":%s}'
    result = b'{"role":"user","content":[{"type":"tool_result","tool_use_id":"a","content":[%s]}]}' % image
    deep = b'{"model":"m","max_tokens":1,"messages":[%s]}' % result
    kinds = set()
    for depth in range(sys.getrecursionlimit()):  # somewhere in between only the inner steps go too deep
        try:
            turn = parse(deep % (b"[" * depth + b"1" + b"]" * depth))
        except GatewayError as error:
            kinds.add(error.kind)
            continue
        with pytest.raises(GatewayError) as raised:
            render(turn, "claude-x", Profile())
        assert raised.value.param == "messages[0].content[0].content[0].x"
    assert kinds <= {errors.INVALID_JSON, errors.INVALID_REQUEST}
    assert errors.INVALID_JSON in kinds


def test_null_is_not_said_and_zero_and_false_are() -> None:
    nothing = dict.fromkeys(set(FULL) - set(LEAST) | {"container", "diagnostics"})
    assert read(**nothing) == read()
    turn = read(temperature=0, top_p=0.0, top_k=0, max_tokens=0, stream=False, stop_sequences=[])
    assert turn.sampling == Sampling(temperature=0.0, top_p=0.0, top_k=0, max_output_tokens=0)


def test_services_have_their_neutral_names() -> None:
    assert read(service_tier="auto").service_tier == "auto"
    assert read(service_tier="standard_only").service_tier == "default"


def test_what_has_no_neutral_form_is_kept_by_name() -> None:
    given = {
        "container": "c", "inference_geo": "us", "speed": "fast", "mcp_servers": [{"url": "x"}], "novelty": 0,
        "metadata": {"user_id": "u", "other": 1}, "tools": [{"type": "bash_20250124", "name": "bash"}],
    }  # fmt: skip
    extras = {extra.param: extra for extra in read(**given).extras}
    assert extras.keys() == {
        "container", "inference_geo", "speed", "mcp_servers", "novelty", "metadata.other", "tools[0].type",
    }  # fmt: skip
    assert extras["novelty"] == Extra("messages", "novelty", raw(0))


def test_hints_about_pace_say_nothing() -> None:
    assert read(diagnostics={"previous_message_id": "msg_1"}) == read()
    assert read(speed="standard") == read()


def test_a_cache_breakpoint_without_a_neutral_place_is_kept_by_name() -> None:
    cache = {"type": "ephemeral"}
    assert [extra.param for extra in read(cache_control=cache).extras] == ["cache_control"]
    _, losses = written(asked(extras=(Extra("messages", "tools[0].cache_control", raw(cache)),)))
    assert losses[:1] == [("tools[0].cache_control", "dropped")]


def test_what_cannot_go_is_named_before_what_follows_from_it() -> None:
    with pytest.raises(GatewayError) as raised:
        render(Turn("m", extras=(Extra("responses", "prompt", raw({"id": "p"})),)), "claude-x", Profile())
    assert raised.value.param == "prompt"


@pytest.mark.parametrize(
    ("context", "kept"),
    [
        ({"edits": [{"type": "clear_thinking_20251015", "keep": "all"}]}, False),
        ({"edits": []}, False),
        ({}, False),
        ({"edits": [{"type": "clear_thinking_20251015"}]}, True),
        ({"edits": [{"type": "clear_thinking_20251015", "keep": {"type": "thinking_turns", "value": 1}}]}, True),
        ({"edits": [{"type": "clear_tool_uses_20250919", "keep": "all"}]}, True),
    ],
)
def test_an_edit_of_the_context_that_keeps_all_says_nothing(context: object, kept: bool) -> None:
    assert [extra.param for extra in read(context_management=context).extras] == ["context_management"] * kept


def test_a_count_needs_no_limit() -> None:
    body = {key: value for key, value in FULL.items() if key not in ("max_tokens", "stream")}
    turn = parse_count(msgspec.json.encode(body))
    assert (turn.items, turn.tools, turn.sampling.max_output_tokens) == (TURN.items, TURN.tools, None)
    assert unplaced(parse_count(msgspec.json.encode(FULL))) == TURN
    with pytest.raises(GatewayError) as raised:
        parse_count(b'{"model": "m"}')
    assert raised.value.param == "messages"


def test_a_limit_is_written_or_defaulted() -> None:
    assert written(asked(sampling=Sampling(max_output_tokens=0)))[0]["max_tokens"] == 0
    body, losses = written(asked(), Profile(default_max_tokens=99))
    assert body == {"model": "claude-x", "max_tokens": 99, "messages": [{"role": "user", "content": "Hi"}]}
    assert losses == [("max_output_tokens", "defaulted")]


def test_a_budget_leaves_room_for_the_answer() -> None:
    older = Profile(thinking="budget", default_max_tokens=1000)
    body, _ = written(asked(thinking=Thinking("low")), older)
    assert (body["thinking"]["budget_tokens"], body["max_tokens"]) == (2048, 3048)
    body, _ = written(asked(thinking=Thinking("high"), sampling=Sampling(max_output_tokens=5000)), older)
    assert (body["thinking"]["budget_tokens"], body["max_tokens"]) == (2500, 5000)


@pytest.mark.parametrize(
    ("name", "turn"),
    [
        ("n", asked(sampling=Sampling(choices=2))),
        ("seed", asked(sampling=Sampling(seed=0))),
        ("frequency_penalty", asked(sampling=Sampling(frequency_penalty=0.5))),
        ("presence_penalty", asked(sampling=Sampling(presence_penalty=-1))),
        ("logprobs", asked(sampling=Sampling(logprobs=True))),
        ("top_logprobs", asked(sampling=Sampling(top_logprobs=2))),
        ("verbosity", asked(verbosity="low")),
        ("service_tier", asked(service_tier="flex")),
        ("logit_bias", asked(extras=(Extra("chat", "logit_bias", raw({"1": 2})),))),
        ("modalities", asked(extras=(Extra("chat", "modalities", raw(["text", "audio"])),))),
        ("truncation", asked(extras=(Extra("responses", "truncation", raw("auto")),))),
        ("previous_response_id", asked(extras=(Extra("responses", "previous_response_id", raw("r")),))),
        ("stream_options", asked(extras=(Extra("chat", "stream_options", raw({"novelty": 1})),))),
        ("stream_options", asked(extras=(Extra("chat", "stream_options", raw("x")),))),
        ("tools[0].type", asked(extras=(Extra("messages", "tools[0].type", raw({"type": "bash"})),))),
    ],
)
def test_what_messages_lacks_is_refused_by_name_or_left_out_where_the_profile_says_so(name: str, turn: Turn) -> None:
    turn = msgspec.structs.replace(turn, dialect="chat")
    body, losses = written(turn, Profile(allow_unknown=True))
    assert body.keys() == {"model", "max_tokens", "messages"}
    assert (name, "dropped") in losses
    with pytest.raises(GatewayError) as raised:
        written(turn)
    assert (raised.value.kind, raised.value.param) == (errors.UNSUPPORTED_PARAMETER, name)


@pytest.mark.parametrize(
    "turn",
    [
        asked(sampling=Sampling(frequency_penalty=0, presence_penalty=0.0, top_logprobs=0, choices=1)),
        asked(verbosity="medium", format=Format("text"), metadata={"a": "b"}, store=False, max_tool_calls=3),
        asked(
            extras=(
                Extra("chat", "modalities", raw(["text"])),
                Extra("chat", "logit_bias", raw({})),
                Extra("chat", "prediction", raw(None)),
                Extra("chat", "stream_options", raw({"include_usage": True, "include_obfuscation": False})),
                Extra("responses", "include", raw([])),
                Extra("responses", "include", raw(["reasoning.encrypted_content"])),
            )
        ),
    ],
)
def test_what_is_done_anyway_says_nothing(turn: Turn) -> None:
    body, losses = written(turn)
    assert body.keys() == {"model", "max_tokens", "messages"}
    assert losses == [("max_output_tokens", "defaulted")]


def test_a_temperature_ends_at_one() -> None:
    assert written(asked(sampling=Sampling(temperature=1)))[0]["temperature"] == 1
    with pytest.raises(GatewayError) as raised:
        written(asked(sampling=Sampling(temperature=1.1)))
    assert (raised.value.kind, raised.value.param) == (errors.UNSUPPORTED_PARAMETER, "temperature")


def test_who_asks_is_one_identifier() -> None:
    assert written(asked(user="u"))[0]["metadata"] == {"user_id": "u"}
    assert written(asked(safety_identifier="s"))[0]["metadata"] == {"user_id": "s"}
    assert written(asked(user="s", safety_identifier="s"))[1] == [("max_output_tokens", "defaulted")]
    body, losses = written(asked(user="u", safety_identifier="s"))
    assert body["metadata"] == {"user_id": "s"}
    assert losses[1:] == [("user", "dropped")]


@pytest.mark.parametrize(("tier", "name"), [("auto", "auto"), ("default", "standard_only")])
def test_services_have_their_native_names(tier: str, name: str) -> None:
    assert written(asked(service_tier=tier))[0]["service_tier"] == name


def test_hints_of_other_dialects_are_losses() -> None:
    extras = (Extra("chat", "prompt_cache_retention", raw("24h")), Extra("chat", "prompt_cache_options", raw({"a": 1})))
    _, losses = written(asked(prompt_cache_key="k", extras=extras))
    assert [param for param, kind in losses if kind == "dropped"] == [
        "prompt_cache_retention", "prompt_cache_options", "prompt_cache_key",
    ]  # fmt: skip


def test_what_only_this_dialect_says_goes_on_in_it() -> None:
    body, losses = written(asked(extras=(Extra("messages", "container", raw("c")),)))
    assert body["container"] == "c"
    assert losses == [("max_output_tokens", "defaulted")]
