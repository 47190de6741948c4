import json

import httpx2
import openai
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dragoman import errors
from dragoman.dialects.chat.stream import MAX_HELD, ChatRelay
from dragoman.errors import GatewayError
from dragoman.turn import Usage
from tests.dialects.chat.relayed import Relayed
from tests.dialects.chat.streams import (
    ASKED_MODEL,
    BROKEN,
    COUNTED,
    DONE,
    HELLO,
    ROLE,
    SAID,
    STOP,
    UPSTREAM_MODEL,
    WHOLE,
    WORLD,
    Json,
    choice,
    chunk,
    event,
    stream,
)
from tests.wire.cuts import PLACES, at_places, bytewise, in_two

COUNTED_USAGE = Usage(input_tokens=9, output_tokens=3, cached_tokens=4, reasoning_tokens=2)


def relayed(*chunks: Json, pass_usage: bool = False) -> Relayed:
    return Relayed((stream(*chunks),), pass_usage=pass_usage)


@pytest.mark.parametrize("pass_usage", [False, True])
@pytest.mark.parametrize("name", [*WHOLE, *BROKEN])
def test_an_answer_comes_out_the_same_however_it_arrives(name: str, pass_usage: bool) -> None:
    data = {**WHOLE, **BROKEN}[name]
    whole = Relayed((data,), pass_usage=pass_usage).outcome
    if len(data) < 10_000:
        assert Relayed(bytewise(data), pass_usage=pass_usage).outcome == whole
        for parts in in_two(data):
            assert Relayed(parts, pass_usage=pass_usage).outcome == whole


@pytest.mark.parametrize("name", WHOLE)
def test_a_whole_answer_ends_well(name: str) -> None:
    answer = Relayed((WHOLE[name],))
    assert (answer.raised, answer.relay.failure, answer.relay.finished) == (None, None, True)


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_answer_never_looks_whole(name: str) -> None:
    answer = Relayed((BROKEN[name],))
    assert answer.relay.failure is not None
    assert not answer.relay.finished


@pytest.mark.parametrize("name", WHOLE)
def test_a_stream_cut_at_any_byte_never_looks_whole_before_every_choice_has_finished(name: str) -> None:
    data = WHOLE[name]
    outcomes = [Relayed((data[:end],)) for end in range(len(data))]
    finished = [answer.relay.finished for answer in outcomes]
    # Once whole it stays whole, and by then the last of the chunks that carry content has come.
    assert finished == sorted(finished)
    last = max(data.find(b'finish_reason": "'), 0) if b"finish_reason" in data else 0
    assert not any(finished[:last])
    for answer in outcomes:
        if not answer.relay.finished:
            assert answer.relay.failure is not None
            assert answer.relay.failure.kind is errors.STREAM_ABORTED


def test_a_plain_answer_passes_byte_for_byte_but_for_the_model() -> None:
    answer = relayed(ROLE, HELLO, WORLD, STOP)
    assert answer.chunks == [value | {"model": ASKED_MODEL} for value in (ROLE, HELLO, WORLD, STOP)]
    own = [value | {"model": ASKED_MODEL} for value in (ROLE, HELLO, WORLD, STOP)]
    assert relayed(*own).events == [*map(event, own), DONE]


def test_what_we_do_not_know_survives_renaming_byte_for_byte() -> None:
    raw = b'data: {"a" : 1.50e+2, "model":"qwen3-8b","b":"\\u00e4\\/", "choices":[{"delta":{"content":"x" }}] }\n\n'
    answer = Relayed((raw + stream(STOP),))
    assert answer.events[0] == (
        b'data: {"a":1.50e+2,"model":"fast","b":"\\u00e4\\/","choices":[{"delta":{"content":"x" }}]}\n\n'
    )


def test_a_pretty_printed_chunk_becomes_one_line_of_the_same_json() -> None:
    answer = Relayed((WHOLE["pretty-printed"],))
    assert answer.chunks == [value | {"model": ASKED_MODEL} for value in (ROLE, HELLO, STOP)]
    lines = b'data: {"choices":\ndata:  [{"delta":\ndata: {"content":"x"}}]}\n\n'
    assert Relayed((lines + stream(STOP),)).events[0] == b'data: {"choices":[{"delta": {"content":"x"}}]}\n\n'


def test_chunks_without_content_wait_for_the_first_content() -> None:
    relay = ChatRelay(ASKED_MODEL, pass_usage=False)
    seen = [(len(relay.receive(event(value))), relay.started) for value in (ROLE, ROLE, HELLO, ROLE)]
    assert seen == [(0, False), (0, False), (3, True), (1, True)]


@pytest.mark.parametrize(
    "delta",
    [
        {"content": "x"},
        {"content": " "},
        {"refusal": "no"},
        {"tool_calls": [{"index": 0}]},
        {"function_call": {"name": "f"}},
        {"reasoning_content": "hm"},
        {"reasoning": "hm"},
        {"audio": {"id": "a"}},
        {"role": "assistant", "content": "x"},
    ],
)
def test_any_member_of_a_delta_but_its_role_is_content(delta: Json) -> None:
    relay = ChatRelay(ASKED_MODEL, pass_usage=False)
    assert len(relay.receive(event(chunk(choice(delta))))) == 1


@pytest.mark.parametrize(
    "value",
    [
        chunk(choice({"role": "assistant"})),
        chunk(choice({"content": ""})),
        chunk(choice({"content": None, "tool_calls": [], "function_call": {}})),
        chunk(),
        chunk({"index": 0, "delta": None}),
        chunk({"index": 0, "delta": "x"}),
        chunk({"index": 0, "text": ""}),
    ],
)
def test_nothing_else_is(value: Json) -> None:
    relay = ChatRelay(ASKED_MODEL, pass_usage=False)
    assert relay.receive(event(value)) == []
    assert not relay.started


def test_the_roles_of_as_many_choices_as_may_be_asked_for_are_held() -> None:
    roles = [chunk(choice({"role": "assistant", "content": ""}, index=index)) for index in range(128)]
    ends = [chunk(choice({"content": "x"}, index=index, finish="stop")) for index in range(128)]
    assert len(relayed(*roles, *ends).chunks) == 256


def test_chunks_without_content_are_not_held_without_end() -> None:
    relay = ChatRelay(ASKED_MODEL, pass_usage=False)
    part = event(ROLE | {"model": ASKED_MODEL})
    with pytest.raises(GatewayError, match="without content") as caught:
        for _ in range(MAX_HELD // len(part) + 2):
            assert relay.receive(part) == []
    assert caught.value.kind is errors.PROTOCOL_ERROR


def test_usage_is_booked_and_kept_from_a_caller_who_did_not_ask() -> None:
    answer = Relayed((WHOLE["with a usage chunk"],))
    assert answer.relay.usage == COUNTED_USAGE
    assert len(answer.chunks) == 4
    assert not any("usage" in value for value in answer.chunks)


def test_usage_is_passed_to_a_caller_who_asked() -> None:
    answer = Relayed((WHOLE["with a usage chunk"],), pass_usage=True)
    assert answer.relay.usage == COUNTED_USAGE
    assert answer.chunks[-1] == COUNTED | {"model": ASKED_MODEL}


@pytest.mark.parametrize("pass_usage", [False, True])
def test_usage_beside_a_finish_reason_goes_without_it(pass_usage: bool) -> None:
    answer = Relayed((WHOLE["finish and usage in one chunk"],), pass_usage=pass_usage)
    assert answer.relay.usage == COUNTED_USAGE
    assert answer.chunks[-1]["choices"] == STOP["choices"]
    assert ("usage" in answer.chunks[-1]) is pass_usage


def test_the_last_usage_counts() -> None:
    assert Relayed((WHOLE["usage on every chunk"],)).relay.usage == COUNTED_USAGE


def test_an_answer_without_usage_books_none() -> None:
    assert relayed(HELLO, STOP).relay.usage is None


@pytest.mark.parametrize(
    "usage",
    [{}, {"prompt_tokens": -1}, {"prompt_tokens": 10**13}, {"prompt_tokens": 1.5}, {"prompt_tokens": "9"}, [], 7],
)
def test_usage_that_cannot_be_read_breaks_nothing_and_books_nothing(usage: object) -> None:
    answer = relayed(HELLO, STOP, chunk(usage=usage), pass_usage=True)
    assert answer.relay.finished
    assert answer.relay.usage is None
    assert answer.chunks[-1]["usage"] == usage
    assert relayed(HELLO, STOP | {"usage": usage}, COUNTED, chunk(usage=usage)).relay.usage == COUNTED_USAGE


def test_usage_is_booked_for_a_stream_that_breaks_later() -> None:
    answer = Relayed((stream(HELLO, COUNTED, end=b""),))
    assert answer.relay.usage == COUNTED_USAGE
    assert answer.relay.failure is not None


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("an error event", {"message": "The model crashed", "type": "server_error", "param": None, "code": "crash"}),
        (
            "an error in a chunk",
            {"message": "The model crashed", "type": "server_error", "param": None, "code": "crash"},
        ),
        ("an error as text", {"message": "overloaded", "type": "upstream_error", "param": None, "code": None}),
        (
            "an error of another form",
            {"message": "The upstream reported an error.", "type": "upstream_error", "param": None, "code": None},
        ),
        (
            "a named error event of text",
            {"message": "The upstream reported an error.", "type": "upstream_error", "param": None, "code": None},
        ),
        (
            "no finish reason",
            {
                "message": "The upstream's answer ended before it was complete.",
                "type": "server_error",
                "param": None,
                "code": "stream_aborted",
            },
        ),
        (
            "rubbish",
            {
                "message": "The upstream sent an event that is no chunk.",
                "type": "server_error",
                "param": None,
                "code": "protocol_error",
            },
        ),
    ],
)
def test_the_error_event_says_what_went_wrong(name: str, said: Json) -> None:
    answer = Relayed((BROKEN[name],))
    assert answer.chunks[-1] == {"error": said}


def test_an_error_before_content_is_raised_in_the_upstreams_words() -> None:
    answer = relayed(SAID)
    assert answer.raised is not None
    assert (answer.raised.kind, answer.raised.message) == (
        errors.STREAM_ABORTED,
        "The upstream reported: The model crashed",
    )


def test_an_event_of_any_size_below_the_bound_passes_and_a_larger_one_does_not() -> None:
    large = chunk(choice({"content": "x" * 50_000}))
    assert len(Relayed((stream(large, STOP),), max_event=60_000).events[0]) > 50_000
    for parts in [(stream(HELLO, large, STOP),), (event(HELLO), event(large), event(STOP))]:
        answer = Relayed(parts, max_event=50_000)
        assert answer.relay.failure is not None
        assert answer.relay.failure.kind is errors.PROTOCOL_ERROR
        assert answer.relay.failure.message == "The upstream sent an event of more than 50000 bytes."
        assert len(answer.events) == 3
    assert Relayed((stream(large, STOP),), max_event=50_000).raised is not None


def test_a_flood_after_the_end_changes_nothing() -> None:
    answer = Relayed((stream(HELLO, STOP) + b"x" * 2000, b"x" * 2000), max_event=1000)
    assert answer.relay.finished


def test_a_nesting_at_the_edge_of_the_stack_is_no_exception() -> None:
    for depth in range(50, 2000, 50):
        deep = b'{"choices":[{"delta":{"content":' + b"[" * depth + b"]" * depth + b"}}]}"
        Relayed((b"data: " + deep + b"\n\n" + stream(STOP),))


GIVING_UP = GatewayError(errors.IDLE_TIMEOUT, "The upstream fell silent.")


def test_giving_up_before_content_raises_the_reason() -> None:
    relay = ChatRelay(ASKED_MODEL, pass_usage=False)
    relay.receive(event(ROLE))
    with pytest.raises(GatewayError) as caught:
        relay.fail(GIVING_UP)
    assert caught.value is relay.failure is GIVING_UP


def test_giving_up_after_content_tells_the_caller() -> None:
    relay = ChatRelay(ASKED_MODEL, pass_usage=False)
    relay.receive(event(HELLO))
    told, done = relay.fail(GIVING_UP)
    assert json.loads(told[6:])["error"]["code"] == "idle_timeout"
    assert (done, relay.failure, relay.finished) == (DONE, GIVING_UP, False)


def test_giving_up_once_every_choice_has_finished_ends_the_answer() -> None:
    relay = ChatRelay(ASKED_MODEL, pass_usage=False)
    relay.receive(event(HELLO) + event(STOP))
    assert relay.fail(GIVING_UP) == [DONE]
    assert (relay.failure, relay.finished) == (None, True)


FRAGMENTS = st.sampled_from(
    [
        b"\n\n", b"\n", b"\r", b"data: ", b"data:", b": ping\n\n", b"event: error\n", DONE, b"\xff", b"\xef\xbb\xbf",
        b'{"choices":[', b'{"index":1,"delta":{"content":"x"}}', b'{"finish_reason":"stop"}', b"]}", b'"error":', b"{}",
        b"null", b",", b'"usage":{"prompt_tokens":1}', b"[" * 3000, *map(event, (ROLE, HELLO, STOP, COUNTED, SAID)),
    ]
)  # fmt: skip


@settings(deadline=None)
@given(st.lists(FRAGMENTS | st.binary(max_size=6), max_size=12), PLACES, st.booleans(), st.integers(1, 2000))
def test_whatever_an_upstream_sends_there_are_only_events_or_a_gateway_error(
    fragments: list[bytes], places: set[int], pass_usage: bool, max_event: int
) -> None:
    data = b"".join(fragments)
    whole = Relayed((data,), pass_usage=pass_usage, max_event=max_event)
    assert Relayed(at_places(data, places), pass_usage=pass_usage, max_event=max_event).outcome == whole.outcome


def read_with_sdk(body: bytes) -> list[str | None]:
    """The contents that the official SDK sees in a stream of `body`; raises as it does."""

    def answer(request: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(200, headers={"content-type": "text/event-stream"}, content=body)

    http = httpx2.Client(transport=httpx2.MockTransport(answer))
    with openai.OpenAI(api_key="k", base_url="http://localhost/v1", http_client=http, max_retries=0) as client:
        found = client.chat.completions.create(model="fast", messages=[], stream=True)
        return [item.choices[0].delta.content for item in found if item.choices]


@pytest.mark.parametrize("name", ["plain", "with a usage chunk", "CRLF", "keep-alives between", "pretty-printed"])
def test_the_official_sdk_reads_what_we_send(name: str) -> None:
    answer = Relayed((WHOLE[name],), pass_usage=True)
    contents = read_with_sdk(b"".join(answer.events))
    assert contents[:2] == ["", "Hello"]


@pytest.mark.parametrize("name", [name for name in BROKEN if Relayed((BROKEN[name],)).relay.started])
def test_the_official_sdk_raises_on_every_broken_answer(name: str) -> None:
    answer = Relayed((BROKEN[name],))
    with pytest.raises(openai.APIError) as caught:
        read_with_sdk(b"".join(answer.events))
    assert caught.value.message == answer.chunks[-1]["error"]["message"]  # type: ignore[index]


@pytest.mark.parametrize("lost", [0, 1, 40])
def test_a_cut_that_the_official_sdk_would_not_notice_is_reported(lost: int) -> None:
    data = stream(ROLE, HELLO, WORLD, end=b"")
    data = data[: len(data) - lost]
    assert read_with_sdk(data[: data.rfind(b"\n\n") + 2])[:2] == ["", "Hello"]
    with pytest.raises(openai.APIError):
        read_with_sdk(b"".join(Relayed((data,)).events))


def test_the_model_named_is_the_one_asked_for_throughout() -> None:
    for name, data in WHOLE.items():
        named = {value["model"] for value in Relayed((data,), pass_usage=True).chunks if "model" in value}
        assert named <= {ASKED_MODEL}, name
        assert UPSTREAM_MODEL not in b"".join(Relayed((data,)).events).decode()
