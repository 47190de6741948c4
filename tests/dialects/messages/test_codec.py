"""The dialect as a whole: the codec's promises, and the faults of others that it must not have."""

import json
from typing import Any

import anthropic
import msgspec
import pytest
from anthropic.types import MessageTokensCount
from hypothesis import given, settings
from hypothesis import strategies as st

from dragoman import errors
from dragoman.dialects.base import Codec
from dragoman.dialects.messages.codec import MESSAGES
from dragoman.dialects.profile import Profile
from dragoman.errors import GatewayError
from dragoman.turn import (
    Annotated,
    CallClosed,
    CallDelta,
    CallOpened,
    Event,
    Failed,
    Format,
    Image,
    Item,
    Message,
    Opened,
    Reasoning,
    ReasoningDelta,
    Sampling,
    Stop,
    Stopped,
    Text,
    TextDelta,
    Thinking,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
    Turn,
    Usage,
    Used,
)
from dragoman.wire.common import ErrorBody
from tests.dialects.messages.answers import ANSWERS, LINK, answer, raw, said
from tests.dialects.messages.events import USAGE, events_of
from tests.dialects.messages.sdk import buffered, check_events, check_request, streamed
from tests.dialects.messages.setting import asked
from tests.dialects.messages.streams import BOTH, BROKEN, call, end, start, stop, stream, text
from tests.dialects.messages.streams import START as BEGIN
from tests.dialects.messages.streams import STOP as END

Json = dict[str, Any]
PLAIN = Profile()
OPENED = Opened("chatcmpl-1", 1, "gpt-x")
HI = Message("user", (Text("Hi"),))
SCHEMA = {"type": "object", "properties": {}}


def request(*items: Item, profile: Profile = PLAIN, **more: Any) -> Json:
    """The body for an upstream, held against the SDK's types."""
    turn = Turn(model="m", items=items, sampling=more.pop("sampling", Sampling(max_output_tokens=64)), **more)
    body: Json = json.loads(MESSAGES.render(turn, "claude-x", profile).body)
    check_request({key: value for key, value in body.items() if key not in ("temperature", "top_p", "top_k")})
    return body


def parse(**members: Any) -> Turn:
    least = {"model": "m", "max_tokens": 64, "messages": [{"role": "user", "content": "Hi"}]}
    return MESSAGES.parse(msgspec.json.encode(least | members))


def write(*events: Event) -> list[bytes]:
    writer = MESSAGES.writer(asked())
    return [one for event in events for one in writer.write(event)]


def read(data: bytes) -> list[Event]:
    reader = MESSAGES.reader(max_event=1 << 20, profile=PLAIN)
    return reader.receive(data) + reader.eof()


def test_it_is_a_codec() -> None:
    codec: Codec = MESSAGES
    assert (codec.name, MESSAGES.path) == ("messages", "/messages")


def test_a_count_is_what_the_sdk_expects() -> None:
    assert MessageTokensCount.model_validate_json(MESSAGES.render_count(17)).input_tokens == 17
    assert MESSAGES.parse_count(b'{"model":"m","messages":[]}') == Turn(model="m", dialect="messages")


def test_errors_go_both_ways() -> None:
    body = MESSAGES.render_error(ErrorBody("Busy.", "server_error", None, "overloaded"), 503)
    assert MESSAGES.parse_error(body) == ErrorBody("Busy.", "overloaded_error", None, "overloaded")
    assert MESSAGES.parse_error(b"<html>") is None


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=40) | st.sampled_from([json.dumps(body).encode() for _, body in BOTH.values()]))
def test_whatever_comes_is_read_or_refused(body: bytes) -> None:
    for parse in (MESSAGES.parse, MESSAGES.parse_count, MESSAGES.parse_answer):
        try:
            parse(body)
        except GatewayError as error:
            assert error.kind.status in (400, 502)
    assert MESSAGES.parse_error(body) is None or body.startswith(b"{")


def test_arguments_without_deltas_are_delivered_whole() -> None:
    events = write(OPENED, CallOpened("c", "look"), CallClosed('{"at":"x"}'), Stopped(Stop.TOOL_CALLS))
    (block,) = streamed(events).content
    assert block.type == "tool_use"
    assert block.input == {"at": "x"}
    given = read(stream(BEGIN, *call(0, "look", given={"at": "x"}), end("tool_use"), END))
    assert CallClosed('{"at": "x"}') in given


def test_a_call_alone_brings_no_text() -> None:
    events = write(OPENED, CallOpened("c", "look"), CallClosed("{}"), Stopped(Stop.TOOL_CALLS))
    assert [block.type for block in streamed(events).content] == ["tool_use"]
    assert [type(one) for one in read(stream(BEGIN, *call(0, "look"), end("tool_use"), END))][1] is CallOpened


def test_text_thought_and_call_are_one_answer() -> None:
    given = answer(said("I look."), Reasoning(("hm",)), ToolCall("c", "look", "{}"), stop=Stop.END)
    message = buffered(MESSAGES.render_answer(given, asked()))
    assert [block.type for block in message.content] == ["text", "thinking", "tool_use"]
    assert message.stop_reason == "tool_use"


def test_the_end_of_a_text_is_not_the_end() -> None:
    kinds = [body["type"] for body in check_events(write(*events_of(ANSWERS["calls after text"])))]
    assert kinds.index("message_delta") == len(kinds) - 2


def test_parallel_calls_keep_their_arguments() -> None:
    message = streamed(write(*events_of(ANSWERS["calls after text"])))
    assert [block.id for block in message.content if block.type == "tool_use"] == ["call_1", "call_2", "call_3"]
    given = read(stream(BEGIN, *call(0, "a", '{"x":1}'), *call(1, "b", '{"y":2}'), end("tool_use"), END))
    assert [one.arguments for one in given if isinstance(one, CallClosed)] == ['{"x":1}', '{"y":2}']


def test_two_calls_and_two_results_are_two_messages() -> None:
    calls = [ToolCall("a", "look", "{}"), ToolCall("b", "look", "{}")]
    results = [ToolResult("a", (Text("1"),)), ToolResult("b", (Text("2"),))]
    messages = request(HI, *calls, *results)["messages"]
    assert [message["role"] for message in messages] == ["user", "assistant", "user"]
    assert [block["id"] for block in messages[1]["content"]] == ["a", "b"]
    assert [block["tool_use_id"] for block in messages[2]["content"]] == ["a", "b"]


def test_text_beside_calls_is_kept() -> None:
    messages = request(HI, said("t"), ToolCall("a", "look", "{}"), ToolResult("a", ()))["messages"]
    assert [block["type"] for block in messages[1]["content"]] == ["text", "tool_use"]
    items = MESSAGES.parse(json.dumps({"model": "m", "max_tokens": 1, "messages": messages}).encode()).items
    assert items[1:3] == (said("t"), ToolCall("a", "look", "{}"))


def test_a_string_of_a_tool_stays_a_string() -> None:
    messages = request(HI, ToolCall("a", "look", "{}"), ToolResult("a", (Text("sunny"),)))["messages"]
    assert messages[2]["content"] == [{"type": "tool_result", "tool_use_id": "a", "content": "sunny"}]


def test_a_named_tool_is_not_any_tool() -> None:
    body = request(HI, tools=(Tool("look"),), tool_choice=ToolChoice("named", ("look",)))
    assert body["tool_choice"] == {"type": "tool", "name": "look"}
    assert parse(tool_choice={"type": "tool", "name": "look"}).tool_choice == ToolChoice("named", ("look",))


def test_tools_keep_schema_and_strict() -> None:
    tool = {"name": "look", "input_schema": SCHEMA, "strict": True}
    turn = parse(tools=[tool])
    assert turn.tools == (Tool("look", None, raw(SCHEMA), True),)
    assert request(HI, tools=turn.tools)["tools"] == [tool]


def test_a_long_schema_goes_where_schemas_go() -> None:
    schema = {"type": "object", "description": "x" * 600}
    body = request(HI, format=Format("json_schema", "n", schema=raw(schema), strict=True))
    assert body["output_config"] == {"format": {"type": "json_schema", "schema": schema}}
    assert "metadata" not in body


def test_an_answer_that_was_all_thought_is_empty_and_cut() -> None:
    given = MESSAGES.parse_answer(json.dumps(BOTH["nothing"][1]).encode())
    assert (given.items, given.stop) == ((), Stop.LENGTH)
    message = buffered(MESSAGES.render_answer(answer(stop=Stop.LENGTH), asked()))
    assert (message.content, message.stop_reason, message.usage.output_tokens) == ([], "max_tokens", 7)


@pytest.mark.parametrize(
    ("given", "reason"), [(Stop.LENGTH, "max_tokens"), (Stop.CONTENT_FILTER, "refusal"), (Stop.PAUSE, "pause_turn")]
)
def test_how_an_answer_ended_is_not_lost(given: Stop, reason: str) -> None:
    assert streamed(write(OPENED, TextDelta("a"), Stopped(given))).stop_reason == reason
    assert buffered(MESSAGES.render_answer(answer(said("a"), stop=given), asked())).stop_reason == reason


def test_usage_has_its_details_however_the_answer_ends() -> None:
    for how in (Stop.END, Stop.LENGTH):
        usage = streamed(write(OPENED, Used(USAGE), Stopped(how))).usage
        assert (usage.input_tokens, usage.cache_read_input_tokens, usage.cache_creation_input_tokens) == (5, 2, 3)
        assert usage.output_tokens_details is not None
        assert usage.output_tokens_details.thinking_tokens == 4
    used = [one for one in read(BOTH["text"][0]) if isinstance(one, Used)]
    assert used == [Used(Usage(10, 7, 2, 3))]


def test_call_ids_are_the_same_everywhere() -> None:
    given = ANSWERS["calls after text"]
    whole = buffered(MESSAGES.render_answer(given, asked()))
    ids = [block.id for block in whole.content if block.type == "tool_use"]
    assert ids == [item.call_id for item in given.items if isinstance(item, ToolCall)]
    assert ids == [block.id for block in streamed(write(*events_of(given))).content if block.type == "tool_use"]


def test_the_last_block_is_ended_too() -> None:
    bodies = check_events(write(OPENED, TextDelta("a"), Stopped(Stop.END)))
    assert [body["type"] for body in bodies[-3:]] == ["content_block_stop", "message_delta", "message_stop"]


def test_a_thought_is_a_block_of_its_own_and_ends_before_the_text() -> None:
    bodies = check_events(write(OPENED, ReasoningDelta("hm"), TextDelta("a"), Stopped(Stop.END)))
    assert [(body["type"], body.get("index")) for body in bodies[1:-2]] == [
        ("content_block_start", 0), ("content_block_delta", 0), ("content_block_stop", 0),
        ("content_block_start", 1), ("content_block_delta", 1), ("content_block_stop", 1),
    ]  # fmt: skip
    assert bodies[1]["content_block"]["type"] == "thinking"


def test_late_text_after_calls_has_an_index_of_its_own() -> None:
    call: list[Event] = [CallOpened("c", "look"), CallClosed("{}")]
    message = streamed(write(OPENED, *call, *call, TextDelta("late"), Stopped(Stop.TOOL_CALLS)))
    assert [block.type for block in message.content] == ["tool_use", "tool_use", "text"]


def test_an_error_in_the_stream_keeps_its_code() -> None:
    with pytest.raises(anthropic.APIStatusError, match="Busy") as raised:
        streamed(write(OPENED, TextDelta("a"), Failed("Busy", "server_overloaded", "server_error")))
    assert raised.value.error_code == "server_overloaded"
    assert read(BROKEN["an error after content"])[-1] == Failed("Overloaded", None, "overloaded_error")


def test_a_stream_that_was_cut_does_not_end_well() -> None:
    assert not any(isinstance(one, Stopped) for one in read(BROKEN["cut before the end"]))
    with pytest.raises(GatewayError) as raised:
        MESSAGES.parse_answer(json.dumps(BEGIN["message"]).encode())
    assert raised.value.kind is errors.STREAM_ABORTED


def test_and_30_every_system_message_reaches_the_system_prompt() -> None:
    items: list[Item] = [
        Message("system", (Text("a"),)),
        Message("developer", (Text("b"),)),
        HI,
        Message("developer", (Text("c"),)),
    ]
    body = request(*items)
    assert [block["text"] for block in body["system"]] == ["a", "b", "c"]
    assert [message["role"] for message in body["messages"]] == ["user"]


def test_thoughts_never_become_text() -> None:
    signed = Reasoning(("hm",), seal="sig", sealed_by="messages")
    messages = request(HI, signed, said("a"))["messages"]
    assert messages[1]["content"][0] == {"type": "thinking", "thinking": "hm", "signature": "sig"}
    assert request(HI, Reasoning(("hm",)), said("a"))["messages"][1]["content"] == "a"
    assert buffered(MESSAGES.render_answer(answer(Reasoning(("hm",)), said("a")), asked())).content[-1].type == "text"


def test_an_image_of_a_tool_reaches_the_model_as_one() -> None:
    image = Image(url="data:image/png;base64,AA==")
    messages = request(HI, ToolCall("a", "look", "{}"), ToolResult("a", (image,)))["messages"]
    (result,) = messages[2]["content"]
    assert [block["type"] for block in result["content"]] == ["image"]


def test_a_custom_tool_is_refused_or_wrapped_and_never_text() -> None:
    custom = Tool("patch", kind="custom")
    with pytest.raises(GatewayError) as raised:
        request(HI, tools=(custom,))
    assert raised.value.param == "tools[0].type"
    body = request(HI, tools=(custom,), profile=Profile(custom_tools="wrap"))
    assert body["tools"][0]["name"] == "patch"
    (block,) = streamed(
        write(
            OPENED,
            CallOpened("c", "patch", "custom"),
            CallDelta("*** x"),
            CallClosed("*** x"),
            Stopped(Stop.TOOL_CALLS),
        )
    ).content
    assert block.type == "tool_use"
    assert block.input == {"input": "*** x"}


def test_every_citation_is_in_the_stream_and_in_the_answer() -> None:
    given = ANSWERS["text with citations"]
    whole = buffered(MESSAGES.render_answer(given, asked())).content[0]
    stream_ = streamed(write(*events_of(given))).content[0]
    assert whole.type == stream_.type == "text"
    assert whole.citations
    assert stream_.citations == whole.citations
    late = [start(0, type="text", text=""), *text(0, "Hi")[1:-1]]
    cited = {"type": "content_block_delta", "index": 0, "delta": {"type": "citations_delta", "citation": {
        "type": "web_search_result_location", "url": "https://x.org", "title": "T", "cited_text": "c",
        "encrypted_index": "e"}}}  # fmt: skip
    events = read(stream(BEGIN, *late, cited, stop(0), end(), END))
    assert events[2] == Annotated(LINK)


def test_an_index_is_there_also_when_it_is_zero() -> None:
    bodies = check_events(write(OPENED, TextDelta("a"), Stopped(Stop.END)))
    assert [body["index"] for body in bodies if body["type"].startswith("content_block")] == [0, 0, 0]


def test_a_call_is_the_reason_to_stop_whatever_the_upstream_says() -> None:
    events = write(OPENED, CallOpened("c", "look"), CallClosed("{}"), Stopped(Stop.END))
    assert streamed(events).stop_reason == "tool_use"
    assert read(BOTH["a call, and an end that does not say so"][0])[-1] == Stopped(
        Stop.TOOL_CALLS, service_tier="default"
    )


def test_an_end_that_comes_twice_ends_once() -> None:
    events = read(stream(BEGIN, *call(0, "a"), end("tool_use"), end("tool_use"), END, END))
    assert [type(one) for one in events] == [Opened, CallOpened, CallClosed, Used, Stopped]


@pytest.mark.parametrize("strict", [None, False, True])
def test_strict_follows_the_request(strict: bool | None) -> None:
    tool = {"name": "look", "input_schema": SCHEMA} | ({} if strict is None else {"strict": strict})
    assert parse(tools=[tool]).tools[0].strict is strict
    form = parse(output_config={"format": {"type": "json_schema", "schema": SCHEMA}}).format
    assert form is not None
    assert form.strict is None


def test_text_comes_once() -> None:
    items: list[Item] = [HI, ToolCall("a", "look", "{}"), ToolResult("a", (Text("sunny"),)), said("It is sunny."), HI]
    assert json.dumps(request(*items)).count("It is sunny.") == 1
    message = streamed(write(OPENED, TextDelta("It is"), TextDelta(" sunny."), Stopped(Stop.END)))
    assert [block.text for block in message.content if block.type == "text"] == ["It is sunny."]


def test_allowed_tools_and_parallel_calls_are_carried() -> None:
    offered = (Tool("a"), Tool("b"), Tool("c"))
    choice = ToolChoice("allowed", ("a", "c"), required=True)
    body = request(HI, tools=offered, tool_choice=choice, parallel_tool_calls=False)
    assert [tool["name"] for tool in body["tools"]] == ["a", "c"]
    assert body["tool_choice"] == {"type": "any", "disable_parallel_tool_use": True}
    assert parse(tool_choice={"type": "any", "disable_parallel_tool_use": True}).parallel_tool_calls is False


def test_limits_and_choices_are_never_dropped() -> None:
    body = request(HI, sampling=Sampling(max_output_tokens=7), tools=(Tool("a"),), tool_choice=ToolChoice("required"))
    assert (body["max_tokens"], body["tool_choice"]) == (7, {"type": "any"})
    body = request(HI, thinking=Thinking("high"), sampling=Sampling(max_output_tokens=7))
    assert body["max_tokens"] == 7


def test_an_answer_read_and_written_again_is_the_same_to_the_sdk() -> None:
    body = {**BOTH["thought, text and two calls"][1]}
    again = buffered(MESSAGES.render_answer(MESSAGES.parse_answer(json.dumps(body).encode()), asked()))
    assert again.to_dict()["content"] == body["content"]
    assert (again.stop_reason, again.usage.input_tokens) == ("tool_use", 5)


def test_a_stream_read_and_written_again_is_the_same_to_the_sdk() -> None:
    for data, body in BOTH.values():
        events = [one for one in read(data) if not isinstance(one, Annotated)]
        message = streamed(write(*events))
        texts = "".join(block["text"] for block in body["content"] if block["type"] == "text")
        if body["stop_reason"] != "refusal":
            assert "".join(block.text for block in message.content if block.type == "text") == texts
