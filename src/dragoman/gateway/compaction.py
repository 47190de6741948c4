"""`POST /v1/responses/compact`: a history made short enough to go on with.

The model that is named writes a summary, by a call like any other; the caller gets it sealed, and passes it back as
it is. So it works over every upstream, and what was compacted over one goes on over another.
"""

from typing import Final

import msgspec
from msgspec import Raw

from dragoman import errors
from dragoman.dialects import head
from dragoman.dialects.responses import compaction
from dragoman.dialects.responses.codec import RESPONSES
from dragoman.dialects.responses.dialect import RESPONSES_DIALECT
from dragoman.errors import GatewayError
from dragoman.gateway.booking import Booking
from dragoman.gateway.call import Call
from dragoman.gateway.clock import new_id
from dragoman.gateway.continuity import Continuity
from dragoman.gateway.inner import Collected, InnerCalls
from dragoman.gateway.runtime import Runtime, Services
from dragoman.turn import Message as Said
from dragoman.turn import Stop, Text
from dragoman.wire.chat import Fields, parse_fields, raw, render_fields

PASSED: Final = ("model", "prompt_cache_key", "prompt_cache_options", "prompt_cache_retention", "service_tier")
"""Parameters that go to the model as they are."""
KNOWN: Final = frozenset((*PASSED, "input", "previous_response_id", "instructions"))
PASSED_BACK: Final = (b"content-type", b"retry-after")
"""Headers of an error answer that go to the caller."""
LOSS: Final = b"x-dragoman-loss"
MAX_OUTPUT: Final = 8192
"""Tokens that a summary may have."""


class Compaction:
    """One call that compacts. `run` is the whole of it."""

    def __init__(
        self, call: Call, runtime: Runtime, services: Services, continuity: Continuity, inner: InnerCalls
    ) -> None:
        self._call = call
        self._runtime = runtime
        self._services = services
        self._continuity = continuity
        self._inner = inner
        self.booking = Booking(services, call, "compact")

    async def run(self) -> None:
        """Raises `GatewayError`; the booking is settled by whoever runs this."""
        call, server = self._call, self._runtime.config.server
        key = await self._services.keyring.of(call)
        fields = head.parse(await call.read(server.max_body, server.body_timeout))
        self.booking.identify(key, head.model(fields))
        _check(fields)
        history = await call.watch.guard(self._continuity.history(key, fields))
        if all(compaction.is_rule(value) for _, value in history):
            raise GatewayError(errors.INVALID_REQUEST, "There is nothing to compact.", param="input")
        question: Fields = {name: fields[name] for name in PASSED if name in fields}
        question |= {"store": raw(False), "max_output_tokens": raw(MAX_OUTPUT)}
        record, losses = compaction.ask(history, _instructions(fields))
        body = render_fields({**question, "input": raw(record)})
        answer = Collected()
        making = self._inner.make(
            key, RESPONSES_DIALECT, body, answer, request_id=call.request_id, headers=call.headers, losses=losses
        )
        await call.watch.guard(making)
        call.added |= {name: value for name, value in answer.headers if name == LOSS}
        if answer.status != 200:
            self.booking.error = f"upstream_{answer.status}"
            headers = [item for item in answer.headers if item[0] in PASSED_BACK]
            await call.answer(answer.status, headers, answer.body, source="upstream")
            return
        rules = tuple(Raw(value) for _, value in history if compaction.is_rule(value))
        short = compaction.Short(_summary(answer.body), rules)
        item = compaction.render(new_id("cmp_"), self._continuity.seal(key, short))
        usage = parse_fields(answer.body).get("usage", Raw(b"null"))
        result = compaction.result(new_id("resp_"), int(self._services.clock.now()), item, usage)
        await call.answer_json(result)


def _check(fields: Fields) -> None:
    for name in fields:
        if name not in KNOWN:
            raise GatewayError(errors.UNSUPPORTED_PARAMETER, f"{name!r} says nothing here.", param=name)


def _instructions(fields: Fields) -> str | None:
    try:
        return msgspec.json.decode(fields.get("instructions", b"null"), type=str | None)
    except msgspec.DecodeError:
        message = "'instructions' must be a string."
        raise GatewayError(errors.INVALID_REQUEST, message, param="instructions") from None


def _summary(body: bytes) -> str:
    """What the model said. Raises `GatewayError` PROTOCOL_ERROR if that is nothing, or not all."""
    answer = RESPONSES.parse_answer(body)
    if answer.stop is Stop.LENGTH:
        raise GatewayError(errors.PROTOCOL_ERROR, f"The model's summary is longer than {MAX_OUTPUT} tokens.")
    said = [
        part.text for item in answer.items if isinstance(item, Said) for part in item.parts if isinstance(part, Text)
    ]
    if not said:
        raise GatewayError(errors.PROTOCOL_ERROR, "The model wrote no summary.")
    return "".join(said)
