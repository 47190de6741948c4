"""The typed events of a streamed Response, as OpenAI sends them: numbered from 0, items one after another.

    created, in_progress, (output_item.added, BODY, output_item.done)*, completed | incomplete

No `[DONE]` follows: recorded streams of the Responses API have none. Deltas carry `obfuscation`, padding
that hides their length, unless the request declines it.
"""

import hashlib
from collections.abc import Iterator, Mapping
from typing import Final

import msgspec

from dragoman.mocks.answer import Frame, Part
from dragoman.mocks.request import Json
from dragoman.mocks.responses_request import JsonObject
from dragoman.mocks.words import words

_PAYLOAD_PIECES: Final = 3
_PADDED: Final = 16
_PAYLOADS: Final[Mapping[str, tuple[str, str]]] = {
    "function_call": ("arguments", "function_call_arguments"),
    "custom_tool_call": ("input", "custom_tool_call_input"),
}
_TEXTS: Final[Mapping[str, tuple[str, str]]] = {
    "output_text": ("text", "output_text"),
    "refusal": ("refusal", "refusal"),
}


class Events:
    """One stream; every event drawn from it takes the next number."""

    def __init__(self, *, obfuscated: bool = True, sent: int = 0) -> None:
        self._next = sent
        self._obfuscated = obfuscated

    def frames(self, opened: JsonObject, ended: JsonObject) -> Iterator[Frame]:
        """All events of the response that began as `opened` and is `ended` now."""
        yield self._frame("response.created", {"response": opened}, "opening")
        yield self._frame("response.in_progress", {"response": opened}, "opening")
        output = ended["output"]
        assert isinstance(output, list)
        for index, item in enumerate(output):
            yield from self._item(index, item)
        yield self._frame(f"response.{ended['status']}", {"response": ended}, "finish")

    def broken(self, failed: JsonObject, message: str) -> Iterator[Frame]:
        """How a stream ends that the model breaks off: the error nested, as recorded, then the failed response."""
        error = {"type": "server_error", "code": "server_error", "message": message, "param": None}
        yield self._frame("error", {"error": error}, "finish")
        yield self._frame("response.failed", {"response": failed}, "finish")

    def delta(self, kind: str, at: JsonObject, text: str) -> Frame:
        """A piece of what `kind` streams, such as `output_text`."""
        logprobs: JsonObject = {"logprobs": []} if kind == "output_text" else {}
        padding = {"obfuscation": self._padding(text)} if self._obfuscated else {}
        return self._frame(f"response.{kind}.delta", {**at, "delta": text, **logprobs, **padding}, "content")

    def _item(self, index: int, item: JsonObject) -> Iterator[Frame]:
        at: JsonObject = {"item_id": item["id"], "output_index": index}
        yield self._frame("response.output_item.added", {"output_index": index, "item": _begun(item)}, "opening")
        match item["type"]:
            case "reasoning":
                yield from self._summary(item, at)
            case "message":
                yield from self._content(item, at)
            case kind:
                yield from self._payload(item, at, str(kind))
        yield self._frame("response.output_item.done", {"output_index": index, "item": item}, "closing")

    def _summary(self, item: JsonObject, at: JsonObject) -> Iterator[Frame]:
        kind = "reasoning_summary_text"
        for index, part, text in _parts(item["summary"], "text"):
            place = {**at, "summary_index": index}
            empty = {**part, "text": ""}
            yield self._frame("response.reasoning_summary_part.added", {**place, "part": empty}, "opening")
            yield from (self.delta(kind, place, word) for word in words(text))
            yield self._frame(f"response.{kind}.done", {**place, "text": text}, "closing")
            yield self._frame("response.reasoning_summary_part.done", {**place, "part": part}, "closing")

    def _content(self, item: JsonObject, at: JsonObject) -> Iterator[Frame]:
        for index, part, _ in _parts(item["content"], "type"):
            member, kind = _TEXTS[str(part["type"])]
            place, text = {**at, "content_index": index}, str(part[member])
            yield self._frame("response.content_part.added", {**place, "part": {**part, member: ""}}, "opening")
            yield from (self.delta(kind, place, word) for word in words(text))
            logprobs: JsonObject = {"logprobs": []} if kind == "output_text" else {}
            yield self._frame(f"response.{kind}.done", {**place, member: text, **logprobs}, "closing")
            yield self._frame("response.content_part.done", {**place, "part": part}, "closing")

    def _payload(self, item: JsonObject, at: JsonObject, kind: str) -> Iterator[Frame]:
        member, name = _PAYLOADS[kind]
        text = str(item[member])
        size = max(1, -(-len(text) // _PAYLOAD_PIECES))
        yield from (self.delta(name, at, text[start : start + size]) for start in range(0, len(text), size))
        yield self._frame(f"response.{name}.done", {**at, member: text}, "closing")

    def _frame(self, kind: str, members: JsonObject, part: Part) -> Frame:
        event = {"type": kind, "sequence_number": self._next, **members}
        self._next += 1
        return Frame(msgspec.json.encode(event).decode(), kind, part=part)

    def _padding(self, text: str) -> str:
        """Fills a short delta up to a length that tells nothing."""
        missing = -len(text) % _PADDED
        return hashlib.sha256(f"{self._next}".encode()).hexdigest()[:missing]


def _begun(item: JsonObject) -> JsonObject:
    """An item before its first piece: the same id, nothing said yet."""
    match item["type"]:
        case "reasoning":
            return {**item, "summary": []}
        case "message":
            return {**item, "status": "in_progress", "content": []}
        case kind:
            return {**item, "status": "in_progress", _PAYLOADS[str(kind)][0]: ""}


def _parts(given: Json, member: str) -> Iterator[tuple[int, dict[str, Json], str]]:
    for index, part in enumerate(given if isinstance(given, list) else ()):
        yield index, part, str(part[member])
