"""`POST /convert`: a request, an answer or a stream in another dialect, without asking an upstream.

Query parameters: `from` and `to` (chat, responses or messages; from chat to responses by default, as seed 000
has it), `what` (request, response or stream), `profile` (the kind of upstream a request is for, or a stream is
from). The body comes back converted, a stream as the stream that a caller would have had; `X-Dragoman-Loss`
lists what could not be carried as it was, or with `report=1` the answer is `{"body", "losses"}` with a note on
each. Seed 000's `conversation_id` and `previous_response_id` are set in a request for Responses.
"""

import asyncio
from collections.abc import Collection
from urllib.parse import parse_qsl

import msgspec

from dragoman import errors
from dragoman.bridge import CODECS, Converted, Ids, convert_answer, convert_request, convert_stream
from dragoman.config import ServerConfig
from dragoman.dialects.base import StreamRelay
from dragoman.dialects.profile import PROFILES
from dragoman.errors import GatewayError
from dragoman.gateway.call import Call
from dragoman.gateway.clock import new_id
from dragoman.gateway.observe import loss_header
from dragoman.gateway.render import JSON
from dragoman.ports import Clock
from dragoman.wire.chat import parse_fields, raw, render_fields

SLICE = 16 * 1024
EVENTS = b"text/event-stream; charset=utf-8"
_KNOWN = ("from", "to", "what", "profile", "report", "conversation_id", "previous_response_id")


class Report(msgspec.Struct, frozen=True):
    """The answer with `report=1`."""

    body: msgspec.Raw
    losses: tuple[msgspec.Raw, ...]


async def answer(call: Call, server: ServerConfig, clock: Clock) -> None:
    """Raises `GatewayError` naming the query parameter or the body's field that is wrong."""
    query = _query(call)
    source, target = _one_of(query, "from", "chat", CODECS), _one_of(query, "to", "responses", CODECS)
    what = _one_of(query, "what", "request", ("request", "response", "stream"))
    profile = PROFILES[_one_of(query, "profile", "openai", PROFILES)]
    body = await call.read(server.max_body, server.body_timeout)
    ids = Ids(new_id, clock.now)
    if what == "stream":
        if "report" in query:
            raise GatewayError(
                errors.INVALID_REQUEST, "A stream is answered by a stream, without a report.", param="report"
            )
        await _stream(call, convert_stream(source, target, ids, profile, max_event=server.max_event), body)
        return
    if what == "request":
        converted = _with_state(convert_request(body, source, target, profile), target, query)
    else:
        converted = convert_answer(body, source, target, ids)
    if query.get("report") in ("1", "true"):
        losses = tuple(raw(loss) for loss in converted.losses)
        await call.answer_json(Report(msgspec.Raw(converted.body), losses))
        return
    headers = [(b"content-type", JSON), *loss_header(converted.losses)]
    await call.answer(200, headers, converted.body, source="gateway")


async def _stream(call: Call, relay: StreamRelay, body: bytes) -> None:
    """Sends what becomes of the events in `body`; other calls have their turn between any two slices of it."""
    for begin in range(0, len(body), SLICE):
        await _send(call, relay.receive(body[begin : begin + SLICE]))
        await asyncio.sleep(0)
    await _send(call, relay.eof())
    await call.send(b"", more=False)


async def _send(call: Call, events: list[bytes]) -> None:
    if not events:
        return
    if not call.head_sent:
        await call.start(200, [(b"content-type", EVENTS)], source="gateway")
    await call.send(b"".join(events))


def _query(call: Call) -> dict[str, str]:
    query = dict(parse_qsl(call.query.decode("latin-1"), keep_blank_values=True))
    for name in query:
        if name not in _KNOWN:
            known = ", ".join(_KNOWN)
            raise GatewayError(errors.INVALID_REQUEST, f"Unknown query parameter {name!r}; known: {known}.", param=name)
    return query


def _one_of(query: dict[str, str], name: str, default: str, known: Collection[str]) -> str:
    value = query.get(name, default)
    if value not in known:
        message = f"{name!r} must be one of {', '.join(known)}, not {value!r}."
        raise GatewayError(errors.INVALID_REQUEST, message, param=name)
    return value


def _with_state(converted: Converted, target: str, query: dict[str, str]) -> Converted:
    """Seed 000's two parameters; the reference forbids both at once."""
    conversation, previous = query.get("conversation_id"), query.get("previous_response_id")
    if conversation is None and previous is None:
        return converted
    if target != "responses" or (conversation is not None and previous is not None):
        message = "Give either 'conversation_id' or 'previous_response_id', and convert to 'responses'."
        raise GatewayError(errors.INVALID_REQUEST, message, param="conversation_id")
    fields = parse_fields(converted.body)
    if conversation is not None:
        fields["conversation"] = raw(conversation)
    else:
        fields["previous_response_id"] = raw(previous)
    return Converted(render_fields(fields), converted.losses)
