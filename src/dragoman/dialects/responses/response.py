"""A finished Responses answer in neutral form, and back."""

import msgspec
from msgspec import UNSET, Raw

from dragoman import errors
from dragoman.dialects.base import Setting
from dragoman.dialects.calls import Calls, unwrap
from dragoman.dialects.responses import echo
from dragoman.dialects.responses.errors import parse as parse_error
from dragoman.dialects.responses.errors import raised
from dragoman.dialects.responses.items import SEALER
from dragoman.dialects.responses.namespaces import Homes, whole
from dragoman.dialects.responses.parts import native_logprobs, neutral_logprob
from dragoman.dialects.responses.request import SEALED_REASONING
from dragoman.errors import GatewayError
from dragoman.turn import Answer, Item, Message, Native, Part, Reasoning, Refusal, Stop, Text, ToolCall, Turn, Usage
from dragoman.wire import responses as wire

_FAILED = ("failed", "cancelled")
_REASONS = {"content_filter": Stop.CONTENT_FILTER, "steered": Stop.END}


def parse(body: bytes) -> Answer:
    """Raises `GatewayError`: PROTOCOL_ERROR for what is no finished response, what a failed one says."""
    try:
        if not body.isascii():
            body.decode("utf-8")  # what is kept raw is not looked into
        response = wire.parse_response(body)
        items = tuple(parse_item(value, number) for number, value in enumerate(response.output or ()))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise GatewayError(errors.PROTOCOL_ERROR, "The upstream's answer is no response object.") from None
    if response.status == "cancelled" and response.error is None:
        raise GatewayError(errors.PROTOCOL_ERROR, "The upstream's response was cancelled.")
    if response.status in _FAILED or (response.status is None and response.error is not None):
        raise raised(response.error)
    if response.output is None:
        said = parse_error(body)
        what = f"the error {said.message!r}" if said else "a body without 'output'"
        raise GatewayError(errors.PROTOCOL_ERROR, f"The upstream answered 200 with {what}.")
    if response.status not in (None, "completed", "incomplete"):
        message = f"The upstream answered with a response that is {response.status}."
        raise GatewayError(errors.PROTOCOL_ERROR, message)
    return Answer(
        id=response.id,
        created=int(response.created_at),
        model=response.model or "",
        items=items,
        stop=read_stop(response, called=any(isinstance(item, ToolCall) for item in items)),
        usage=read_usage(response.usage),
        service_tier=response.service_tier,
    )


def read_stop(response: wire.GivenResponse, *, called: bool) -> Stop:
    """Why a response ended, by its status; the reasons for which there is no word count as its length."""
    if response.status == "incomplete":
        reason = response.incomplete_details.reason if response.incomplete_details else None
        return _REASONS.get(reason or "", Stop.LENGTH)
    return Stop.TOOL_CALLS if called else Stop.END


def read_usage(value: Raw) -> Usage | None:
    """Usage in neutral form; None where it is absent or unreadable, never invented zeros."""
    try:
        usage = wire.parse_usage(value)
    except (msgspec.DecodeError, RecursionError):
        return None
    if usage is None or (usage.input_tokens is None and usage.output_tokens is None):
        return None
    into = usage.input_tokens_details or wire.GivenDetails()
    out = usage.output_tokens_details or wire.GivenDetails()
    return Usage(
        input_tokens=usage.input_tokens or 0,
        output_tokens=usage.output_tokens or 0,
        cached_tokens=into.cached_tokens or 0,
        cache_write_tokens=into.cache_write_tokens or 0,
        reasoning_tokens=out.reasoning_tokens or 0,
    )


def parse_item(value: Raw, number: int) -> Item:
    """An item of the output; a hosted tool's stays as it is. Raises `msgspec.DecodeError`."""
    kind = wire.parse_kind(value).type or ""
    if kind not in wire.READ_ITEMS:
        return Native("responses", kind, f"output[{number}]", value)
    item = wire.parse_item(value)
    match kind:
        case "message":
            return Message("assistant", _parts(item), item.id or "", phase=item.phase or "")
        case "function_call":
            name, arguments = whole(item.namespace, item.name or ""), item.arguments or "{}"
            return ToolCall(item.call_id or "", name, arguments, id=item.id or "", namespace=item.namespace or "")
        case "custom_tool_call":
            name, space = whole(item.namespace, item.name or ""), item.namespace or ""
            return ToolCall(item.call_id or "", name, item.input or "", "custom", item.id or "", space)
        case _:
            seal = item.encrypted_content or ""
            text = tuple(part.text for part in item.content or () if part.text)
            summary = tuple(part.text for part in item.summary or () if part.text)
            return Reasoning(text, summary, seal, SEALER if seal else "", item.id or "")


def _parts(item: wire.GivenItem) -> tuple[Part, ...]:
    parts: list[Part] = []
    for part in item.content or ():
        if part.text and part.type == "output_text":
            logprobs = tuple(map(neutral_logprob, part.logprobs or ()))
            parts.append(Text(part.text, tuple(part.annotations or ()), logprobs))
        elif part.refusal:
            parts.append(Refusal(part.refusal))
    return tuple(parts)


def render(answer: Answer, setting: Setting) -> bytes:
    """The whole response object, every key present."""
    begun = echo.begin(setting, answer.id, answer.created)
    output = _Output(setting).render(answer.items)
    status, _ = echo.outcome(answer.stop, refused=echo.refuses(output))
    if status == "incomplete" and output:
        output[-1] = incomplete(output[-1])
    ended = echo.end(begun, output, setting, stop=answer.stop, usage=answer.usage, service_tier=answer.service_tier)
    return msgspec.json.encode(ended)


def incomplete(item: wire.OutputItem) -> wire.OutputItem:
    """The last item of a response that was cut."""
    return item if isinstance(item, Raw) else msgspec.structs.replace(item, status="incomplete")


def wants_seal(turn: Turn) -> bool:
    """Whether the caller asked for sealed reasoning."""
    return any(
        extra.param == "include" and SEALED_REASONING in msgspec.json.decode(extra.value, type=list[str])
        for extra in turn.extras
        if extra.dialect == "responses"
    )


class _Output:
    """The items of an answer as output; each gets an id in the order in which they stand."""

    def __init__(self, setting: Setting) -> None:
        self._new_id = setting.new_id
        self._calls = Calls(setting.turn)
        self._homes = Homes(setting.turn.tools)
        self._sealed = setting.keeps or wants_seal(setting.turn)

    def render(self, items: tuple[Item, ...]) -> list[wire.OutputItem]:
        rendered = [self._item(item) for item in items]
        return [item for item in rendered if item is not None]

    def _item(self, item: Item) -> wire.OutputItem | None:
        match item:
            case Message():
                return self._message(item)
            case ToolCall():
                return self._call(item)
            case Reasoning():
                return self._reasoning(item)
            case Native(dialect="responses"):
                return item.value
            case _:
                return None  # another dialect's hosted tools; results are never part of an answer

    def _id(self, identity: str, prefix: str) -> str:
        return identity if identity.startswith(prefix) else self._new_id(prefix)

    def _message(self, item: Message) -> wire.OutputItem | None:
        content: list[wire.OutputText | wire.RefusalPart] = []
        for part in item.parts:
            if isinstance(part, Text):
                content.append(wire.OutputText(part.text, list(part.annotations), native_logprobs(part.logprobs)))
            elif isinstance(part, Refusal):
                content.append(wire.RefusalPart(part.text))
        if not content:
            return None
        phase = item.phase or UNSET
        return wire.OutputMessage(id=self._id(item.id, "msg_"), status="completed", content=content, phase=phase)

    def _call(self, item: ToolCall) -> wire.OutputItem | None:
        name = self._calls.name(item.name)
        if not self._calls.permits(name):
            return None
        wrapped = self._calls.unwraps(name, item.kind)
        name, space = self._homes.of(name)
        if wrapped or item.kind == "custom":
            text = unwrap(item.arguments) if wrapped else item.arguments
            return wire.CustomToolCall(item.call_id, name, text, self._id(item.id, "ctc_"), "completed", space)
        arguments = item.arguments or "{}"
        return wire.FunctionCall(item.call_id, name, arguments, self._id(item.id, "fc_"), "completed", space)

    def _reasoning(self, item: Reasoning) -> wire.OutputItem:
        sealed = self._sealed and item.sealed_by == SEALER
        return wire.ReasoningItem(
            [wire.SummaryText(text) for text in item.summary],
            self._id(item.id, "rs_"),
            [wire.ReasoningText(text) for text in item.text] or UNSET,
            item.seal if sealed else UNSET,
            "completed",
        )
