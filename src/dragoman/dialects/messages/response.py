"""A finished Messages answer in neutral form, and back.

Neighbouring texts are one text, and neighbouring unsigned thoughts one thought, as they are in a stream, where
nothing marks the border. Blocks of tools that Anthropic runs itself are left out: nobody can have asked for them
by way of another dialect.
"""

from typing import Final

import msgspec

from dragoman import errors
from dragoman.dialects.base import Setting
from dragoman.dialects.calls import Calls
from dragoman.dialects.messages import citations, usage
from dragoman.dialects.messages.blocks import REDACTED, SEALER
from dragoman.dialects.messages.errors import parse as parse_error
from dragoman.dialects.messages.members import Body, absent
from dragoman.dialects.messages.turns import arguments
from dragoman.errors import GatewayError
from dragoman.turn import Answer, Item, Message, Part, Reasoning, Refusal, Stop, Text, ToolCall
from dragoman.wire import messages_answer as wire

STOPS: Final = {
    "end_turn": Stop.END,
    "stop_sequence": Stop.STOP_SEQUENCE,
    "max_tokens": Stop.LENGTH,
    "model_context_window_exceeded": Stop.LENGTH,
    "tool_use": Stop.TOOL_CALLS,
    "pause_turn": Stop.PAUSE,
    "refusal": Stop.REFUSAL,
}
_REASONS: Final = {
    Stop.END: "end_turn",
    Stop.STOP_SEQUENCE: "stop_sequence",
    Stop.LENGTH: "max_tokens",
    Stop.TOOL_CALLS: "end_turn",
    Stop.CONTENT_FILTER: "refusal",
    Stop.REFUSAL: "refusal",
    Stop.PAUSE: "pause_turn",
}
NO_OBJECT: Final = "arguments that are no JSON object"
CUT: Final = (Stop.LENGTH, Stop.CONTENT_FILTER, Stop.REFUSAL)
"""Ends that may come in the middle of a call's arguments."""


def parse(body: bytes) -> Answer:
    """Raises `GatewayError` PROTOCOL_ERROR for what is no answer, STREAM_ABORTED for one without an end."""
    try:
        if not body.isascii():
            body.decode()  # msgspec does not look into what it keeps raw
        message = wire.parse_message(body)
        items = _items(message.content or [])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise GatewayError(errors.PROTOCOL_ERROR, "The upstream's answer is no message.") from None
    if message.content is None or not absent(message.error):
        said = parse_error(body)
        what = f"the error {said.message!r}" if said else "an answer without content"
        raise GatewayError(errors.PROTOCOL_ERROR, f"The upstream answered 200 with {what}.")
    if message.stop_reason is None:
        raise GatewayError(errors.STREAM_ABORTED, "The upstream's answer has no stop reason.")
    explanation = explained(message.stop_details)
    if explanation and message.stop_reason == "refusal":
        _add_refusal(items, explanation)
    used = usage.read(message.usage)
    return Answer(
        id=message.id,
        created=0,
        model=message.model,
        items=tuple(items),
        stop=stop(message.stop_reason, explanation, called=any(isinstance(item, ToolCall) for item in items)),
        stop_sequence=message.stop_sequence or "",
        usage=usage.neutral(used),
        service_tier=usage.tier(used),
    )


def explained(details: wire.StopDetails | None) -> str:
    """Why the model refused, in words for the user; empty if it did not say."""
    return details.explanation or "" if details is not None else ""


def stop(reason: str, explanation: str, *, called: bool) -> Stop:
    """A refusal without a word is a filter's; reasons of a later day end the answer like any other."""
    known = STOPS.get(reason, Stop.END)
    if known is Stop.REFUSAL and not explanation:
        return Stop.CONTENT_FILTER
    if known in (Stop.END, Stop.TOOL_CALLS):
        return Stop.TOOL_CALLS if called else Stop.END
    return known


def _items(blocks: list[wire.Block]) -> list[Item]:
    items: list[Item] = []
    for number, block in enumerate(blocks):
        match block.type:
            case "text":
                _add_text(items, block)
            case "thinking":
                _add_thought(items, block.thinking or "", block.signature or "")
            case "redacted_thinking":
                _add_thought(items, "", f"{REDACTED}{block.data or ''}")
            case "tool_use":
                given = "{}" if absent(block.input) else bytes(block.input).decode()
                items.append(ToolCall(block.id or f"call_{number}", block.name or "", given))
    return items


def _add_text(items: list[Item], block: wire.Block) -> None:
    if not block.text:
        return
    before = Text("")
    if items and isinstance(items[-1], Message) and isinstance(items[-1].parts[0], Text):
        before = items[-1].parts[0]
        items.pop()
    text = before.text + block.text
    cited = (citations.annotation(one, len(before.text), len(text)) for one in block.citations or ())
    items.append(Message("assistant", (Text(text, (*before.annotations, *cited)),)))


def _add_refusal(items: list[Item], explanation: str) -> None:
    """A refusal that follows a text stands in its message."""
    parts: tuple[Part, ...] = ()
    if items and isinstance(items[-1], Message):
        parts = items[-1].parts
        items.pop()
    items.append(Message("assistant", (*parts, Refusal(explanation))))


def _add_thought(items: list[Item], thought: str, seal: str) -> None:
    text = (thought,) if thought else ()
    if items and isinstance(items[-1], Reasoning) and not items[-1].seal:
        text = (*items[-1].text, *text)
        items.pop()
    if text or seal:
        items.append(Reasoning(text, seal=seal, sealed_by=SEALER if seal else ""))


def render(answer: Answer, setting: Setting) -> bytes:
    """Raises `GatewayError` PROTOCOL_ERROR for a call whose arguments are no JSON object."""
    content = _Content(answer.stop, setting)
    for item in answer.items:
        content.add(item)
    used = usage.render(answer.usage, setting.input_estimate)
    tier = usage.native_tier(answer.service_tier)
    if tier is not None:
        used["service_tier"] = tier
    body: Body = {
        "id": answer.id if answer.id.startswith("msg_") else setting.new_id("msg_"),
        "type": "message",
        "role": "assistant",
        "model": setting.turn.model,
        "content": content.blocks,
        **ending(answer.stop, answer.stop_sequence, called=content.called, refused=content.refused),
        "usage": used,
    }
    return msgspec.json.encode(body)


def ending(stop: Stop, sequence: str, *, called: bool, refused: bool) -> Body:
    """The members that say why an answer ended; what it holds counts for more than what the upstream said."""
    reason = _REASONS[stop]
    if stop in (Stop.END, Stop.TOOL_CALLS):
        reason = "tool_use" if called else "refusal" if refused else "end_turn"
    details = {"type": "refusal", "category": None, "explanation": None} if reason == "refusal" else None
    return {"stop_reason": reason, "stop_sequence": sequence or None, "stop_details": details}


class _Content:
    """The blocks of an answer as items are added."""

    def __init__(self, stop: Stop, setting: Setting) -> None:
        self._stop = stop
        self._hidden = setting.turn.thinking.hidden
        self._calls = Calls(setting.turn)
        self._last = ""
        self.blocks: list[Body] = []
        self.called = False
        self.refused = False

    def add(self, item: Item) -> None:
        match item:
            case Message():
                for part in item.parts:
                    self._say(part)
            case ToolCall():
                self.called = True
                self._begin("tool_use", self._call(item))
            case Reasoning():
                self._think(item)
            case _:
                return  # results and native items are never part of an answer that is rendered here

    def _begin(self, kind: str, block: Body) -> None:
        self._last = kind
        self.blocks.append(block)

    def _say(self, part: Part) -> None:
        """Texts that follow one another are one block, and so are refusals and, in `_think`, unsealed thoughts."""
        if not isinstance(part, Text | Refusal) or not part.text:
            return
        kind = "refusal" if isinstance(part, Refusal) else "text"
        if self._last != kind:
            self._begin(kind, {"type": "text", "text": ""})
        block = self.blocks[-1]
        block["text"] += part.text
        if isinstance(part, Refusal):
            self.refused = True
            return
        cited = [one for one in map(citations.citation, part.annotations) if one is not None]
        if cited:
            block.setdefault("citations", []).extend(cited)

    def _call(self, item: ToolCall) -> Body:
        given: msgspec.Raw | Body | None
        given = {"input": item.arguments} if item.kind == "custom" else arguments(item.arguments)
        if given is None:
            if self._stop not in CUT:
                message = f"The upstream's call of {item.name!r} has {NO_OBJECT}."
                raise GatewayError(errors.PROTOCOL_ERROR, message)
            given = {}
        return {"type": "tool_use", "id": item.call_id, "name": self._calls.name(item.name), "input": given}

    def _think(self, item: Reasoning) -> None:
        seal = item.seal if item.sealed_by == SEALER else ""
        text = "" if self._hidden else "\n\n".join((*item.summary, *item.text))
        redacted = seal.startswith(REDACTED)
        signature = "" if redacted else seal
        if self._last == "thinking":
            self.blocks[-1]["thinking"] += f"\n\n{text}" if text else ""
            self.blocks[-1]["signature"] = signature
        elif text or signature:
            self._begin("thinking", {"type": "thinking", "thinking": text, "signature": signature})
        if redacted:
            self._begin("redacted", {"type": "redacted_thinking", "data": seal.removeprefix(REDACTED)})
        elif item.seal and self._last == "thinking":
            self._last = "sealed"  # also by a seal that means nothing here
