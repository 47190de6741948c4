"""The message that Anthropic's API answers with, whole and as the events of a stream.

message_start, (content_block_start, ping?, content_block_delta*, content_block_stop)*, message_delta, message_stop
"""

from collections.abc import Iterator, Mapping
from typing import Final

import msgspec

from dragoman.mocks.answer import Frame, Part
from dragoman.mocks.brain import Decision
from dragoman.mocks.messages_history import signature
from dragoman.mocks.request import Json
from dragoman.mocks.stamps import Stamps
from dragoman.mocks.words import words

_INPUT_PIECES: Final = 3
_STOPS: Final[Mapping[str, str]] = {"stop": "end_turn", "length": "max_tokens", "tool_calls": "tool_use"}
JsonObject = Mapping[str, Json]


class Ids:
    """The ids of one message, drawn once."""

    def __init__(self, decision: Decision, stamps: Stamps) -> None:
        self.message = stamps.next("msg_")
        self.calls = [stamps.next("toolu_") for _ in decision.calls]


class Reply:
    """One message; `counted` are the members of usage about the prompt."""

    def __init__(self, model: str, decision: Decision, ids: Ids, counted: JsonObject, *, shown: bool) -> None:
        self._model = model
        self._decision = decision
        self._ids = ids
        self._counted = counted
        self._shown = shown

    def whole(self) -> dict[str, Json]:
        usage = {**self._counted, **self._made(), "service_tier": "standard"}
        return {**self._head(), "content": self._blocks(), **self._stop(), "usage": usage}

    def frames(self) -> Iterator[Frame]:
        usage = {**self._counted, "output_tokens": 1, "service_tier": "standard"}
        nothing = dict.fromkeys(self._stop())
        start = {**self._head(), "content": [], **nothing, "usage": usage}
        yield _frame("message_start", {"message": start}, "opening")
        for index, block in enumerate(self._blocks()):
            yield from self._block(index, block)
        counts = {name: count for name, count in self._counted.items() if isinstance(count, int)}
        yield _frame("message_delta", {"delta": self._stop(), "usage": {**counts, **self._made()}}, "finish")
        yield _frame("message_stop", {}, "done")

    def _head(self) -> dict[str, Json]:
        return {"id": self._ids.message, "type": "message", "role": "assistant", "model": self._model}

    def _blocks(self) -> list[dict[str, Json]]:
        decision, blocks = self._decision, list[dict[str, Json]]()
        if decision.reasoning:
            shown = decision.reasoning if self._shown else ""
            blocks.append({"type": "thinking", "thinking": shown, "signature": signature(decision.reasoning)})
        if said := decision.text or decision.refusal:
            blocks.append({"type": "text", "text": said})
        for call_id, call in zip(self._ids.calls, decision.calls, strict=True):
            given = msgspec.json.decode(call.payload)
            blocks.append({"type": "tool_use", "id": call_id, "name": call.name, "input": given})
        return blocks

    def _stop(self) -> dict[str, Json]:
        decision = self._decision
        if decision.refusal:
            details = {"type": "refusal", "category": None, "explanation": decision.refusal}
            return {"stop_reason": "refusal", "stop_sequence": None, "stop_details": details}
        reason = "stop_sequence" if decision.stop and decision.finish == "stop" else _STOPS[decision.finish]
        stop = decision.stop if reason == "stop_sequence" else None
        return {"stop_reason": reason, "stop_sequence": stop, "stop_details": None}

    def _made(self) -> dict[str, Json]:
        made: dict[str, Json] = {"output_tokens": self._decision.tokens}
        if self._decision.reasoning:
            made["output_tokens_details"] = {"thinking_tokens": self._decision.reasoning_tokens}
        return made

    def _block(self, index: int, block: dict[str, Json]) -> Iterator[Frame]:
        at: JsonObject = {"index": index}
        yield _frame("content_block_start", {**at, "content_block": _begun(block)}, "opening")
        if index == 0:
            yield _frame("ping", {}, "opening")
        for delta in _deltas(block):
            yield _frame("content_block_delta", {**at, "delta": delta}, "content")
        yield _frame("content_block_stop", at, "closing")


def text_delta(text: str) -> Frame:
    """A piece of text in the first block."""
    return _frame("content_block_delta", {"index": 0, "delta": {"type": "text_delta", "text": text}}, "content")


def _begun(block: dict[str, Json]) -> dict[str, Json]:
    """A block before its first delta."""
    match block["type"]:
        case "text":
            return {**block, "text": ""}
        case "thinking":
            return {**block, "thinking": "", "signature": ""}
        case _:
            return {**block, "input": {}}


def _deltas(block: JsonObject) -> Iterator[JsonObject]:
    match block["type"]:
        case "text":
            yield from ({"type": "text_delta", "text": word} for word in words(str(block["text"])))
        case "thinking":
            yield from ({"type": "thinking_delta", "thinking": word} for word in words(str(block["thinking"])))
            yield {"type": "signature_delta", "signature": block["signature"]}
        case _:
            text = msgspec.json.format(msgspec.json.encode(block["input"]), indent=0).decode()
            size = max(1, -(-len(text) // _INPUT_PIECES))
            # The first one is empty, as recorded.
            for piece in ("", *(text[start : start + size] for start in range(0, len(text), size))):
                yield {"type": "input_json_delta", "partial_json": piece}


def _frame(kind: str, members: JsonObject, part: Part) -> Frame:
    return Frame(msgspec.json.encode({"type": kind, **members}).decode(), kind, part=part)
