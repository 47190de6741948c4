"""Streams as upstreams send them, for the tests that read them in every way."""

import json
from typing import Final

UPSTREAM_MODEL: Final = "qwen3-8b"
ASKED_MODEL: Final = "fast"
DONE: Final = b"data: [DONE]\n\n"
USAGE: Final = {
    "prompt_tokens": 9,
    "completion_tokens": 3,
    "total_tokens": 12,
    "prompt_tokens_details": {"cached_tokens": 4, "audio_tokens": 0},
    "completion_tokens_details": {"reasoning_tokens": 2},
}

Json = dict[str, object]


def choice(delta: Json | None = None, *, index: int = 0, finish: str | None = None) -> Json:
    return {"index": index, "delta": delta or {}, "logprobs": None, "finish_reason": finish}


def chunk(*choices: Json, model: str = UPSTREAM_MODEL, **more: object) -> Json:
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": 1700000000,
        "model": model,
        "x_unknown": {"kept": [1.50, "ä"]},
        "choices": list(choices),
        **more,
    }


def event(value: Json) -> bytes:
    return b"data: " + json.dumps(value, ensure_ascii=False).encode() + b"\n\n"


def stream(*chunks: Json, end: bytes = DONE) -> bytes:
    return b"".join(map(event, chunks)) + end


ROLE: Final = chunk(choice({"role": "assistant", "content": "", "refusal": None}))
HELLO: Final = chunk(choice({"content": "Hello"}))
WORLD: Final = chunk(choice({"content": ", wörld 🐉"}))
STOP: Final = chunk(choice(finish="stop"))
COUNTED: Final = chunk(usage=USAGE)

WHOLE: Final[dict[str, bytes]] = {
    "plain": stream(ROLE, HELLO, WORLD, STOP),
    "with a usage chunk": stream(ROLE, HELLO, WORLD, STOP, COUNTED),
    "with usage: null on every chunk": stream(ROLE | {"usage": None}, HELLO | {"usage": None}, STOP, COUNTED),
    "finish and usage in one chunk": stream(ROLE, HELLO, STOP | {"usage": USAGE}),
    "content, finish and usage in one chunk": stream(chunk(choice({"content": "Hi"}, finish="stop"), usage=USAGE)),
    "usage on every chunk": stream(
        ROLE | {"usage": {"prompt_tokens": 9, "completion_tokens": 0}},
        HELLO | {"usage": {"prompt_tokens": 9, "completion_tokens": 1}},
        STOP | {"usage": USAGE},
    ),
    "tool calls": stream(
        ROLE,
        chunk(choice({"tool_calls": [{"index": 0, "id": "call_1", "function": {"name": "f", "arguments": ""}}]})),
        chunk(choice({"tool_calls": [{"index": 0, "function": {"arguments": '{"a":1}'}}]})),
        chunk(choice(finish="tool_calls")),
    ),
    "only a finish reason": stream(ROLE, chunk(choice(finish="content_filter"))),
    "two choices": stream(
        chunk(choice({"role": "assistant"}), choice({"role": "assistant"}, index=1)),
        chunk(choice({"content": "a"})),
        chunk(choice({"content": "b"}, index=1)),
        chunk(choice(finish="stop")),
        chunk(choice({"content": "c"}, index=1)),
        chunk(choice(index=1, finish="length")),
        COUNTED,
    ),
    "two finish reasons": stream(ROLE, HELLO, STOP, STOP),
    "reasoning first": stream(ROLE, chunk(choice({"reasoning_content": "hm"})), HELLO, STOP),
    "filter results first": stream(chunk(prompt_filter_results=[{"prompt_index": 0}]), ROLE, HELLO, STOP),
    "keep-alives between": b": OPENROUTER PROCESSING\n\n"
    + event(ROLE)
    + b":\n\ndata:\n\ndata: \n\n"
    + event(HELLO)
    + b"event: ping\n\n"
    + stream(STOP),
    "many empty chunks": stream(ROLE, *[chunk(choice({"content": ""}))] * 8, HELLO, STOP),
    "an empty finish reason is none": stream(chunk(choice({"content": "a"}, finish="")), HELLO, STOP),
    "without the end mark": stream(ROLE, HELLO, STOP, end=b""),
    "without the end mark, unfinished comment": stream(ROLE, HELLO, STOP, end=b": bye"),
    "with a wordy end mark": stream(ROLE, HELLO, STOP, end=b"data: [DONE] bye\n\n"),
    "more after the end": stream(ROLE, HELLO, STOP) + event(HELLO) + b"data: rubbish\n\ndata: {",
    "the model is the one asked for": stream(
        ROLE | {"model": ASKED_MODEL}, HELLO | {"model": ASKED_MODEL}, STOP | {"model": ASKED_MODEL}
    ),
    "no model is named": stream({"choices": [choice({"content": "a"})]}, {"choices": [choice(finish="stop")]}),
    "pretty-printed": b"".join(
        b"".join(b"data: " + line + b"\n" for line in json.dumps(value, indent=2).encode().split(b"\n")) + b"\n"
        for value in (ROLE, HELLO, STOP)
    )
    + DONE,
    "CRLF": stream(ROLE, HELLO, STOP).replace(b"\n", b"\r\n"),
    "CR and a BOM": b"\xef\xbb\xbf" + stream(ROLE, HELLO, STOP).replace(b"\n", b"\r"),
    "with ids and event names": b"id: 1\nevent: message\n" + event(HELLO) + b"id: 2\n" + stream(STOP),
    "legacy completion": stream(
        chunk({"index": 0, "text": "", "finish_reason": None}),
        chunk({"index": 0, "text": "Hi", "finish_reason": None}),
        chunk({"index": 0, "text": None, "delta": {"content": "!"}}),
        chunk({"index": 0, "text": "", "finish_reason": "length"}),
    ),
}
"""Answers that came whole."""

SAID: Final[Json] = {"error": {"message": "The model crashed", "type": "server_error", "param": None, "code": "crash"}}

BROKEN: Final[dict[str, bytes]] = {
    "nothing": b"",
    "only blank lines": b"\n\n\n\n",
    "only comments": b": a\n\n: b\n\n",
    "only the end mark": DONE,
    "no finish reason": stream(ROLE, HELLO, WORLD),
    "no finish reason, no end mark": stream(ROLE, HELLO, WORLD, end=b""),
    "a role alone": stream(ROLE),
    "usage alone": stream(COUNTED),
    "finish cut off": stream(ROLE, HELLO, end=event(STOP)[:-1]),
    "one of two choices unfinished": stream(
        chunk(choice({"content": "a"}), choice({"content": "b"}, index=1)), chunk(choice(finish="stop"))
    ),
    "an error event": stream(ROLE, HELLO, SAID),
    "an error at once": stream(SAID),
    "an error in a chunk": stream(ROLE, HELLO, chunk(choice(finish="error")) | SAID),
    "an error as text": stream(ROLE, HELLO, {"error": "overloaded"}),
    "an error of another form": stream(ROLE, HELLO, {"error": {"message": None, "status": 500}}),
    "a named error event": event(ROLE) + event(HELLO) + b"event: error\n" + event({"detail": "x"}) + DONE,
    "a named error event of text": event(HELLO) + b"event: error\ndata: Internal Server Error\n\n",
    "rubbish": stream(ROLE, HELLO, end=b"data: <html>\n\n" + stream(STOP)),
    "rubbish at once": b"data: <html>\n\n" + stream(ROLE, HELLO, STOP),
    "no event stream": b"<html>\n<body>502 Bad Gateway</body>\n\n",
    "an array": stream(HELLO, end=b"data: []\n\n" + stream(STOP)),
    "a string": stream(HELLO, end=b'data: "x"\n\n' + stream(STOP)),
    "choices of another type": stream(HELLO, end=b'data: {"choices":{}}\n\n' + stream(STOP)),
    "bad UTF-8": event(HELLO) + event(WORLD).replace("ö".encode(), b"\xc3") + stream(STOP),
    "bad UTF-8 at once": event(HELLO).replace(b"Hello", b"H\xffllo") + stream(STOP),
    "a line end inside a string": event(HELLO) + b'data: {"x":"a\ndata: b"}\n\n' + stream(STOP),
    "nested without end": event(HELLO) + b'data: {"x":' + b"[" * 50_000 + b"]" * 50_000 + b"}\n\n" + stream(STOP),
    "a choice out of range": event(HELLO) + stream(chunk(choice({"content": "x"}, index=5000)), STOP),
}
"""Answers that did not."""
