"""Streams as Messages upstreams send them, for the tests that read them in every way."""

import json
from typing import Any, Final

Json = dict[str, Any]

START: Final[Json] = {
    "type": "message_start",
    "message": {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "claude-x",
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "x_unknown": {"kept": False},
        "usage": {
            "input_tokens": 5,
            "cache_creation_input_tokens": 3,
            "cache_read_input_tokens": 2,
            "output_tokens": 1,
            "service_tier": "standard",
        },
    },
}
PING: Final[Json] = {"type": "ping"}
STOP: Final[Json] = {"type": "message_stop"}
OVERLOADED: Final[Json] = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}
CITED: Final[Json] = {
    "type": "web_search_result_location",
    "url": "https://example.org/",
    "title": "Example",
    "cited_text": "there",
    "encrypted_index": "x",
}
PAGE: Final[Json] = {
    "type": "page_location",
    "cited_text": "there",
    "document_index": 0,
    "document_title": "ä",
    "start_page_number": 1,
    "end_page_number": 2,
}


def event(value: Json) -> bytes:
    return f"event: {value['type']}\ndata: {json.dumps(value, ensure_ascii=False)}\n\n".encode()


def stream(*values: Json) -> bytes:
    return b"".join(map(event, values))


def end(reason: str = "end_turn", *, sequence: str | None = None, **more: Any) -> Json:
    delta = {"stop_reason": reason, "stop_sequence": sequence, **more}
    return {"type": "message_delta", "delta": delta, "usage": {"output_tokens": 7}}


def start(index: int, **block: Any) -> Json:
    return {"type": "content_block_start", "index": index, "content_block": block}


def delta(index: int, kind: str, **more: Any) -> Json:
    return {"type": "content_block_delta", "index": index, "delta": {"type": kind, **more}}


def stop(index: int) -> Json:
    return {"type": "content_block_stop", "index": index}


def text(index: int, *pieces: str, cited: tuple[Json, ...] = ()) -> list[Json]:
    return [
        start(index, type="text", text=""),
        *(delta(index, "text_delta", text=piece) for piece in pieces),
        *(delta(index, "citations_delta", citation=one) for one in cited),
        stop(index),
    ]


def call(index: int, name: str, *pieces: str, given: Json | None = None) -> list[Json]:
    return [
        start(index, type="tool_use", id=f"toolu_{index}", name=name, input=given or {}),
        *(delta(index, "input_json_delta", partial_json=piece) for piece in pieces),
        stop(index),
    ]


def thought(index: int, *pieces: str, signature: str = "") -> list[Json]:
    return [
        start(index, type="thinking", thinking="", signature=""),
        *(delta(index, "thinking_delta", thinking=piece) for piece in pieces),
        *([delta(index, "signature_delta", signature=signature)] if signature else []),
        stop(index),
    ]


def redacted(index: int, data: str) -> list[Json]:
    return [start(index, type="redacted_thinking", data=data), stop(index)]


def searched(index: int) -> list[Json]:
    """A tool that the API runs: its call, with deltas, and its result."""
    return [
        start(index, type="server_tool_use", id="srvtoolu_1", name="web_search", input={}),
        delta(index, "input_json_delta", partial_json='{"query": "x"}'),
        stop(index),
        start(index + 1, type="web_search_tool_result", tool_use_id="srvtoolu_1", content=[{"type": "x", "url": "y"}]),
        stop(index + 1),
    ]


def answer(content: list[Json], reason: str = "end_turn", **more: Any) -> Json:
    """The finished answer that a stream of the same content adds up to."""
    usage = {**START["message"]["usage"], "output_tokens": 7}
    return {**START["message"], "content": content, "stop_reason": reason, "usage": usage, **more}


# The same answers, streamed and whole.
BOTH: Final[dict[str, tuple[bytes, Json]]] = {
    "text": (
        stream(START, PING, *text(0, "Hello", ", wörld 🐉"), end(), STOP),
        answer([{"type": "text", "text": "Hello, wörld 🐉"}]),
    ),
    "nothing": (stream(START, end("max_tokens"), STOP), answer([], "max_tokens")),
    "an empty text": (stream(START, *text(0, ""), end(), STOP), answer([{"type": "text", "text": ""}])),
    "two texts, cited": (
        stream(START, *text(0, "Hi. "), *text(1, "Go ", "there.", cited=(CITED, PAGE)), *text(2, " Bye."), end(), STOP),
        answer(
            [
                {"type": "text", "text": "Hi. "},
                {"type": "text", "text": "Go there.", "citations": [CITED, PAGE]},
                {"type": "text", "text": " Bye.", "citations": None},
            ]
        ),
    ),
    "thought, text and two calls": (
        stream(
            START,
            *thought(0, "Let me", " see", signature="sig=="),
            *text(1, "I look."),
            *call(2, "look", "", '{"at"', ': "ö"}'),
            *call(3, "go"),
            end("tool_use"),
            STOP,
        ),
        answer(
            [
                {"type": "thinking", "thinking": "Let me see", "signature": "sig=="},
                {"type": "text", "text": "I look."},
                {"type": "tool_use", "id": "toolu_2", "name": "look", "input": {"at": "ö"}},
                {"type": "tool_use", "id": "toolu_3", "name": "go", "input": {}},
            ],
            "tool_use",
        ),
    ),
    "redacted, unsigned and hidden thoughts": (
        stream(
            START,
            *redacted(0, "zzz"),
            *thought(1, "a"),
            *thought(2, "b"),
            *redacted(3, "yyy"),
            *thought(4, signature="s"),
            *text(5, "ok"),
            *thought(6, "c"),
            end(),
            STOP,
        ),
        answer(
            [
                {"type": "redacted_thinking", "data": "zzz"},
                {"type": "thinking", "thinking": "a", "signature": ""},
                {"type": "thinking", "thinking": "b", "signature": ""},
                {"type": "redacted_thinking", "data": "yyy"},
                {"type": "thinking", "thinking": "", "signature": "s"},
                {"type": "text", "text": "ok"},
                {"type": "thinking", "thinking": "c", "signature": ""},
            ]
        ),
    ),
    "a tool of the API between two texts": (
        stream(START, *text(0, "One. "), *searched(1), *text(3, "Two.", cited=(CITED,)), end(), STOP),
        answer(
            [
                {"type": "text", "text": "One. "},
                {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {"query": "x"}},
                {"type": "web_search_tool_result", "tool_use_id": "srvtoolu_1", "content": []},
                {"type": "text", "text": "Two.", "citations": [CITED]},
            ]
        ),
    ),
    "arguments in the start of a call": (
        stream(START, *call(0, "look", given={"at": 1}), end("tool_use"), STOP),
        answer([{"type": "tool_use", "id": "toolu_0", "name": "look", "input": {"at": 1}}], "tool_use"),
    ),
    "a call, and an end that does not say so": (
        stream(START, *call(0, "look", "{}"), end(), STOP),
        answer([{"type": "tool_use", "id": "toolu_0", "name": "look", "input": {}}]),
    ),
    "a stop sequence": (
        stream(START, *text(0, "One"), end("stop_sequence", sequence="###"), STOP),
        answer([{"type": "text", "text": "One"}], "stop_sequence", stop_sequence="###"),
    ),
    "a refusal with words": (
        stream(START, end("refusal", stop_details={"type": "refusal", "explanation": "I will not."}), STOP),
        answer([], "refusal", stop_details={"type": "refusal", "explanation": "I will not."}),
    ),
    "a refusal without words": (
        stream(START, *text(0, "Well"), end("refusal", stop_details=None), STOP),
        answer([{"type": "text", "text": "Well"}], "refusal"),
    ),
    "a full context": (
        stream(START, *text(0, "Wel"), end("model_context_window_exceeded"), STOP),
        answer([{"type": "text", "text": "Wel"}], "model_context_window_exceeded"),
    ),
    "a pause": (
        stream(START, *text(0, "Wait"), end("pause_turn"), STOP),
        answer([{"type": "text", "text": "Wait"}], "pause_turn"),
    ),
    "a reason of a later day": (
        stream(START, *text(0, "Hm"), end("boredom"), STOP),
        answer([{"type": "text", "text": "Hm"}], "boredom"),
    ),
}
# Streams that end in an error, or do not end.
BROKEN: Final[dict[str, bytes]] = {
    "an error at once": stream(OVERLOADED),
    "an error after content": stream(START, *text(0, "Hel")[:2], OVERLOADED),
    "cut in a text": stream(START, *text(0, "Hel")[:2]),
    "cut before the end": stream(START, *text(0, "Hello")),
    "nothing": b"",
}
# Bytes that are no stream of Messages, by what is said of them.
WRONG: Final[dict[str, tuple[bytes, str]]] = {
    "no JSON": (b"event: ping\ndata: {\n\n", "none of Messages"),
    "another type": (stream(START) + b'data: {"type": 1}\n\n', "none of Messages"),
    "bad UTF-8 where nobody looks": (
        stream(START, start(0, type="text")) + b'data: {"type":"ping","usage":"\xff"}\n\n',
        "none of Messages",
    ),
    "a block before the message": (stream(start(0, type="text", text="")), "before the message"),
    "an end before the message": (stream(end()), "an end before the message"),
    "a delta without a block": (stream(START, delta(0, "text_delta", text="a")), "not open"),
    "a block that begins twice": (stream(START, *[start(0, type="text", text="")] * 2), "more open blocks"),
    "a call without a name": (stream(START, start(0, type="tool_use", id="a")), "without a name"),
    "an end without a reason": (stream(START, STOP), "before any stop reason"),
    "a citation that is none": (stream(START, *text(0, "a", cited=({"x": 1},))), "none of Messages"),
}
