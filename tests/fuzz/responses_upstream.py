"""Responses answers as servers of that dialect give them: with all events, with few, or with the last one alone."""

import json
from typing import Any, Final

from hypothesis import strategies as st

from tests.fuzz.upstreams import (
    FLAGS,
    HOW_MANY,
    NAMES,
    OBJECTS,
    SIZES,
    TOKENS,
    WORDS,
    WORDS_OR_NOTHING,
    WRAPPINGS,
    Json,
    Sent,
    in_turns,
    pieces,
)

_ENDS: Final = [("completed", None), ("completed", None), ("incomplete", "max_output_tokens")]
_ENDS_MORE: Final = [*_ENDS, ("incomplete", "content_filter")]
_MODES: Final = ["all", "all", "no deltas", "only the last", "no output at the end"]
_CALLS: Final = {"function_call": "arguments", "custom_tool_call": "input"}
_EVENTS: Final = {"function_call": "function_call_arguments", "custom_tool_call": "custom_tool_call_input"}


def _citation(start: int, length: int) -> Json:
    return {"type": "url_citation", "start_index": start, "end_index": start + length, "title": "T", "url": "http://x/"}


def _logprob(token: str) -> Json:
    return {"token": token, "logprob": -0.5, "bytes": list(token.encode()), "top_logprobs": []}


_CITED: Final = st.lists(st.builds(_citation, st.integers(0, 3), st.integers(0, 3)), max_size=2)
_LOGPROBS: Final = st.sampled_from([0, 0, 1, 2])
_KINDS: Final = st.sampled_from(["message", "message", "function_call", "custom_tool_call", "reasoning", "hosted"])
_PHASES: Final[st.SearchStrategy[Json]] = st.sampled_from([{}, {"phase": "commentary"}])
_FEW: Final = st.lists(WORDS, max_size=2)
_SEALS: Final = st.sampled_from([None, "gAAA"])


@st.composite
def _texts(draw: st.DrawFn) -> Json:
    text = draw(WORDS)
    cited = draw(_CITED)
    drawn = draw(_LOGPROBS)
    return {"type": "output_text", "text": text, "annotations": cited, "logprobs": [_logprob(text)] * drawn}


_REFUSALS = st.builds(lambda text: {"type": "refusal", "refusal": text}, WORDS)
_PARTS = st.lists(st.one_of(_texts(), _texts(), _REFUSALS), min_size=1, max_size=3)


@st.composite
def _item(draw: st.DrawFn, number: int) -> Json:
    kind = draw(_KINDS)
    match kind:
        case "message":
            more = draw(_PHASES)
            item = {"type": kind, "id": f"msg_{number}", "role": "assistant", "content": draw(_PARTS), **more}
        case "function_call":
            item = {"type": kind, "id": f"fc_{number}", "call_id": f"call_{number}", "name": draw(NAMES)}
            item["arguments"] = json.dumps(draw(OBJECTS))
        case "custom_tool_call":
            item = {"type": kind, "id": f"ctc_{number}", "call_id": f"call_{number}", "name": "patch"}
            item["input"] = draw(WORDS_OR_NOTHING)
        case "reasoning":
            item = {"type": kind, "id": f"rs_{number}"}
            item["summary"] = [{"type": "summary_text", "text": text} for text in draw(_FEW)]
            item["content"] = [{"type": "reasoning_text", "text": text} for text in draw(_FEW)]
            item["encrypted_content"] = draw(_SEALS)
        case _:
            return {
                "type": "web_search_call",
                "id": f"ws_{number}",
                "status": "completed",
                "action": {"type": "search"},
            }
    return {**item, "status": "completed"}


_ITEMS: Final = [_item(number) for number in range(4)]


class _Script:
    """The events of one stream as they are written."""

    def __init__(self, size: int, *, ids: bool, indices: bool) -> None:
        self._size = size
        self._ids = ids
        self._indices = indices
        self.deltas = True

    def item(self, number: int, item: Json) -> list[Json]:
        begun = {**item, "status": "in_progress"}
        match item["type"]:
            case "message":
                begun["content"] = []
                inner = self._message(number, item)
            case "function_call" | "custom_tool_call":
                begun[_CALLS[item["type"]]] = ""
                inner = self._call(number, item)
            case "reasoning":
                begun |= {"summary": [], "content": [], "encrypted_content": None}
                inner = self._reasoning(number, item)
            case _:
                begun["status"] = "in_progress"
                inner = [self._of("web_search_call.searching", number, item)]
        added = self._of("output_item.added", number, item, item=begun)
        return [added, *inner, self._of("output_item.done", number, item, item=item)]

    def _of(self, kind: str, number: int, owner: Json, /, **members: Any) -> Json:
        named = {"item_id": owner["id"]} if self._ids and "item" not in members else {}
        placed = {"output_index": number} if self._indices or not named else {}
        return {"type": f"response.{kind}", **named, **placed, **members}

    def _said(self, kind: str, number: int, item: Json, text: str, done: str, place: Json) -> list[Json]:
        events = []
        if self.deltas:
            events = [self._of(f"{kind}.delta", number, item, delta=one, **place) for one in pieces(text, self._size)]
        return [*events, self._of(f"{kind}.done", number, item, **place, **{done: text})]

    def _message(self, number: int, item: Json) -> list[Json]:
        events: list[Json] = []
        for index, part in enumerate(item["content"]):
            place = {"content_index": index}
            empty = (
                {**part, "annotations": [], "text": ""} if part["type"] == "output_text" else {**part, "refusal": ""}
            )
            events.append(self._of("content_part.added", number, item, part=empty, **place))
            if part["type"] == "refusal":
                events += self._said("refusal", number, item, part["refusal"], "refusal", place)
            else:
                events += self._text(number, item, part, place)
            events.append(self._of("content_part.done", number, item, part=part, **place))
        return events

    def _text(self, number: int, item: Json, part: Json, place: Json) -> list[Json]:
        *deltas, done = self._said("output_text", number, item, part["text"], "text", place)
        if deltas:
            deltas[0]["logprobs"] = part["logprobs"]
            for at, one in enumerate(part["annotations"]):
                kind = "output_text.annotation.added"
                deltas.append(self._of(kind, number, item, annotation=one, annotation_index=at, **place))
        return [*deltas, done]

    def _call(self, number: int, item: Json) -> list[Json]:
        place = _CALLS[item["type"]]
        return self._said(_EVENTS[item["type"]], number, item, item[place], place, {})

    def _reasoning(self, number: int, item: Json) -> list[Json]:
        events: list[Json] = []
        for index, part in enumerate(item["summary"]):
            place = {"summary_index": index}
            events.append(self._of("reasoning_summary_part.added", number, item, part={**part, "text": ""}, **place))
            events += self._said("reasoning_summary_text", number, item, part["text"], "text", place)
            events.append(self._of("reasoning_summary_part.done", number, item, part=part, **place))
        for index, part in enumerate(item["content"]):
            events += self._said("reasoning_text", number, item, part["text"], "text", {"content_index": index})
        return events


def _usage(into: int, out: int) -> Json:
    return {
        "input_tokens": into,
        "input_tokens_details": {"cached_tokens": 3},
        "output_tokens": out,
        "output_tokens_details": {"reasoning_tokens": 2},
        "total_tokens": into + out,
    }


_END: Final = st.sampled_from(_ENDS_MORE)
_MODE: Final = st.sampled_from(_MODES)
_USAGES: Final = st.none() | st.builds(_usage, TOKENS, TOKENS)
_TIERS: Final = st.sampled_from([None, "default", "priority"])
_NAMED: Final = st.sampled_from([(True, True), (True, True), (True, False), (False, True)])


@st.composite
def responses_answers(draw: st.DrawFn) -> Sent:
    items = [draw(one) for one in _ITEMS[: draw(HOW_MANY)]]
    status, reason = draw(_END)
    mode = draw(_MODE)
    usage = draw(_USAGES)
    tier = draw(_TIERS)
    ids, indices = draw(_NAMED)
    script = _Script(draw(SIZES), ids=ids, indices=indices)
    script.deltas = mode != "no deltas"
    written = [script.item(number, item) for number, item in enumerate(items)]
    events = _calls_in_turns(items, written) if draw(FLAGS) else [event for one in written for event in one]

    head = {"id": "resp_up", "object": "response", "created_at": 1_700_000_000, "model": "up", "error": None}
    begun = {**head, "status": "in_progress", "output": [], "usage": None}
    details = None if reason is None else {"reason": reason}
    whole = {**head, "status": status, "output": items, "usage": usage, "incomplete_details": details}
    whole["service_tier"] = tier
    last = {**whole, "output": []} if mode == "no output at the end" else whole
    sent = [
        {"type": "response.created", "response": begun},
        {"type": "response.in_progress", "response": begun},
        *([] if mode == "only the last" else events),
        {"type": f"response.{status}", "response": last},
    ]
    wrapping = draw(WRAPPINGS)
    frames = [wrapping.frame({**event, "sequence_number": number}, event["type"]) for number, event in enumerate(sent)]
    end = (b"data: [DONE]\n\n",) if draw(FLAGS) else ()
    return Sent((*frames, *end), len(frames), wrapping.text(whole).encode())


def _calls_in_turns(items: list[Json], written: list[list[Json]]) -> list[Json]:
    """Calls that follow one another at the same time, as parallel ones may be."""
    events: list[Json] = []
    waiting: list[list[Json]] = []
    for item, one in zip(items, written, strict=True):
        if item["type"] in _CALLS:
            waiting.append(one)
            continue
        events += [*in_turns(waiting), *one]
        waiting = []
    return events + in_turns(waiting)
