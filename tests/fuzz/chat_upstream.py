"""Chat answers as servers of that dialect give them, the habits of several among them."""

from typing import Any, Final

from hypothesis import strategies as st

from tests.fuzz.upstreams import (
    ARGUMENTS,
    FLAGS,
    NAMES,
    PERHAPS,
    SELDOM,
    SIZES,
    TOKENS,
    WORDS_OR_NOTHING,
    WRAPPINGS,
    Json,
    Sent,
    in_turns,
    pieces,
)

_HEAD: Final[Json] = {"id": "chatcmpl-up", "created": 1_700_000_000, "model": "up"}
_FINISHES: Final = ["stop", "stop", "tool_calls", "length", "content_filter", "function_call"]
_FINISH: Final = st.sampled_from(_FINISHES)
_COUNTS: Final = st.sampled_from([0, 0, 1, 2, 3])
_IN_DETAIL: Final = st.sampled_from([None, {"cached_tokens": 1}, {"audio_tokens": 0}])
_OUT_DETAIL: Final = st.sampled_from([None, {"reasoning_tokens": 2}])
_MORE: Final[st.SearchStrategy[Json]] = st.sampled_from([{}, {"service_tier": "default", "system_fingerprint": "fp"}])
_HABITS: Final = st.fixed_dictionaries(
    {
        "role first": st.booleans(),
        "usage": st.sampled_from(["chunk", "with finish", "every chunk", "none"]),
        "finish twice": st.booleans(),
        "call ids": st.sampled_from(["all", "all", "none", "the same"]),
        "calls in turns": st.booleans(),
        "reasoning": st.sampled_from(["reasoning_content", "reasoning"]),
        "arguments at once": st.booleans(),
        "[DONE]": st.sampled_from([True, True, True, False]),
    }
)


@st.composite
def _citations(draw: st.DrawFn, length: int) -> list[Json]:
    places = draw(st.lists(st.tuples(st.integers(0, length), st.integers(0, length)), max_size=2))
    return [
        {
            "type": "url_citation",
            "url_citation": {"start_index": min(place), "end_index": max(place), "title": "T", "url": "http://x/"},
        }
        for place in places
    ]


@st.composite
def _calls(draw: st.DrawFn) -> list[Json]:
    calls: list[Json] = []
    for number in range(draw(_COUNTS)):
        if draw(SELDOM):
            inner = {"name": "patch", "input": draw(WORDS_OR_NOTHING)}
            calls.append({"id": f"call_{number}", "type": "custom", "custom": inner})
        else:
            given = draw(ARGUMENTS)
            calls.append(
                {"id": f"call_{number}", "type": "function", "function": {"name": draw(NAMES), "arguments": given}}
            )
    return calls


_CALLS: Final = _calls()


def _usage(draw: st.DrawFn) -> Json:
    return {
        "prompt_tokens": draw(TOKENS),
        "completion_tokens": draw(TOKENS),
        "prompt_tokens_details": draw(_IN_DETAIL),
        "completion_tokens_details": draw(_OUT_DETAIL),
    }


def _call_deltas(number: int, call: Json, size: int, habits: Json) -> list[Json]:
    kind = call["type"]
    place = "input" if kind == "custom" else "arguments"
    inner = call[kind]
    if habits["arguments at once"]:
        return [{"tool_calls": [{"index": number, **call}]}]
    first = {"tool_calls": [{"index": number, **call, kind: {**inner, place: ""}}]}
    return [first] + [{"tool_calls": [{"index": number, kind: {place: piece}}]} for piece in pieces(inner[place], size)]


@st.composite
def chat_answers(draw: st.DrawFn) -> Sent:
    habits: Json = draw(_HABITS)
    size = draw(SIZES)
    thought, text, refusal = (draw(PERHAPS) for _ in range(3))
    cited = draw(_citations(len(text))) if text else []
    drawn = draw(FLAGS) if text else False
    calls = draw(_CALLS)
    if habits["call ids"] == "none":
        calls = [{name: value for name, value in call.items() if name != "id"} for call in calls]
    elif habits["call ids"] == "the same":
        calls = [{**call, "id": "call_0"} for call in calls]
    finish = draw(_FINISH)
    usage = None if habits["usage"] == "none" else _usage(draw)
    more = draw(_MORE)

    logprobs = [
        {"token": one, "logprob": -0.5, "bytes": list(one.encode()), "top_logprobs": []}
        for one in (pieces(text, size) if text and drawn else [])
    ]
    deltas: list[Json] = [{habits["reasoning"]: piece} for piece in pieces(thought or "", size)]
    deltas += [{"content": piece} for piece in pieces(text or "", size)]
    deltas += [{"annotations": [one]} for one in cited]
    deltas += [{"refusal": piece} for piece in pieces(refusal or "", size)]
    called = [_call_deltas(number, call, size, habits) for number, call in enumerate(calls)]
    deltas += in_turns(called) if habits["calls in turns"] else [delta for one in called for delta in one]

    message: Json = {"role": "assistant", "content": text, "refusal": refusal, "annotations": cited}
    if thought:
        message[habits["reasoning"]] = thought
    if calls:
        message["tool_calls"] = calls
    choice = {
        "index": 0,
        "message": message,
        "finish_reason": finish,
        "logprobs": {"content": logprobs} if logprobs else None,
    }
    whole = {**_HEAD, "object": "chat.completion", "choices": [choice], "usage": usage, **more}
    chunks, enough = _chunks(deltas, logprobs, finish, usage, more, habits)
    wrapping = draw(WRAPPINGS)
    frames = [wrapping.frame(chunk) for chunk in chunks]
    if habits["[DONE]"]:
        frames.append(b"data: [DONE]\n\n")
    return Sent(tuple(frames), enough, wrapping.text(whole).encode())


def _chunks(
    deltas: list[Json], logprobs: list[Json], finish: str, usage: Json | None, more: Json, habits: Json
) -> tuple[list[Json], int]:
    """The chunks, and how many of them there are when the finish reason has come."""
    counts = habits["usage"] == "every chunk"
    told = iter(logprobs)
    chunks = [_chunk({"role": "assistant", "content": ""})] if habits["role first"] else []
    for delta in deltas:
        entry = next(told, None) if "content" in delta else None
        chunks.append(_chunk(delta, logprobs=None if entry is None else {"content": [entry]}))
    if counts:
        chunks = [{**chunk, "usage": {**(usage or {}), "completion_tokens": 0}} for chunk in chunks]
    last = {**_chunk({}, finish=finish), **more}
    chunks.append({**last, "usage": usage} if counts or habits["usage"] == "with finish" else last)
    enough = len(chunks)
    if habits["finish twice"]:
        chunks.append(chunks[-1])
    if habits["usage"] == "chunk":
        chunks.append({**_HEAD, "object": "chat.completion.chunk", "choices": [], "usage": usage})
    return chunks, enough


def _chunk(delta: Json, *, finish: str | None = None, logprobs: Any = None) -> Json:
    choice = {"index": 0, "delta": delta, "logprobs": logprobs, "finish_reason": finish}
    return {**_HEAD, "object": "chat.completion.chunk", "choices": [choice]}
