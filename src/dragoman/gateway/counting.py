"""How many tokens a request has, for any model: asked of an upstream that can tell, else estimated.

`POST /v1/messages/count_tokens` and `POST /v1/responses/input_tokens`; the latter counts the history that it
names, too.
"""

from dataclasses import dataclass
from typing import Final

from dragoman import errors
from dragoman.dialects import head as heads
from dragoman.dialects.estimate import by_chars, estimate
from dragoman.dialects.head import Head
from dragoman.dialects.messages.codec import MESSAGES, MessagesCodec
from dragoman.dialects.responses.codec import RESPONSES, ResponsesCodec
from dragoman.gateway.booking import Booking
from dragoman.gateway.call import Call
from dragoman.gateway.exchange import request_headers
from dragoman.gateway.pump import read_all
from dragoman.gateway.render import JSON
from dragoman.gateway.runtime import Runtime, Services
from dragoman.policy.keys import Key
from dragoman.ports import UpstreamRequest
from dragoman.wire.chat import parse_fields, render_fields

MAX_ANSWER = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Form:
    """One of the two: the dialect it is of, where an upstream answers it, and what it cannot do without."""

    codec: MessagesCodec | ResponsesCodec
    path: str
    requires: str | None


FORMS: Final = {
    "count_tokens": Form(MESSAGES, "/messages/count_tokens", "messages"),
    "input_tokens": Form(RESPONSES, "/responses/input_tokens", None),
}


class Counting:
    """One call that counts. `run` is the whole of it."""

    def __init__(self, call: Call, form: Form, runtime: Runtime, services: Services) -> None:
        self._call = call
        self._form = form
        self._runtime = runtime
        self._services = services
        self.booking = Booking(services, call, form.path.rpartition("/")[2])

    async def run(self) -> None:
        """Raises `GatewayError`; the booking is settled by whoever runs this."""
        call, booking, server, form = self._call, self.booking, self._runtime.config.server, self._form
        key = await self._services.keyring.of(call)
        body = await self._whole(key, await call.read(server.max_body, server.body_timeout))
        head = Head(body, form.requires)
        booking.identify(key, head.turn.model)
        target = self._runtime.routes.plan(head.turn.model, key)[0]
        source = self._runtime.config.upstreams.get(target.upstream)
        if source is None or form.codec.name not in source.dialects:
            tokenizer = self._runtime.tokenizer
            count = by_chars if tokenizer is None else tokenizer.count
            tokens = estimate(form.codec.parse_count(body), count)
            headers = [(b"content-type", JSON), (b"x-dragoman-loss", b"input_tokens;defaulted")]
            await call.answer(200, headers, form.codec.render_count(tokens), source="gateway")
            return
        upstream = self._runtime.upstreams[target.upstream]
        await booking.reserve("model", target.upstream)
        booking.model, booking.attempts = target.model, 1
        call.watch.phase(errors.REQUEST_TIMEOUT, upstream.timeouts.first_byte)
        rendered = head.render(target.model, ask_usage=False)
        reply = await call.watch.guard(
            upstream.open(UpstreamRequest("POST", form.path, request_headers(call), rendered))
        )
        try:
            answer = upstream.redact(await read_all(call, reply, MAX_ANSWER, upstream.timeouts.idle))
            await call.answer(reply.status, [(b"content-type", JSON)], answer, source="upstream")
        finally:
            reply.close()

    async def _whole(self, key: Key, body: bytes) -> bytes:
        """The request with what it follows on, if the gateway keeps that."""
        continuity = self._services.continuity
        if continuity is None or self._form.codec is not RESPONSES:
            return body
        given = heads.parse(body)
        memory = await self._call.watch.guard(continuity.begin(key, body))
        if memory is None:
            return body
        whole = parse_fields(memory.body)
        # Who counts stores nothing: the word is put in for an upstream that answers.
        return render_fields({name: value for name, value in whole.items() if name != "store" or name in given})
