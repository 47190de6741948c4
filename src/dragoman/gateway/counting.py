"""`POST /v1/messages/count_tokens` for any model: asked of an upstream that can tell, else estimated."""

from dragoman import errors
from dragoman.dialects.estimate import by_chars, estimate
from dragoman.dialects.head import Head
from dragoman.dialects.messages.codec import MESSAGES
from dragoman.gateway.booking import Booking
from dragoman.gateway.call import Call
from dragoman.gateway.exchange import request_headers
from dragoman.gateway.pump import read_all
from dragoman.gateway.render import JSON
from dragoman.gateway.runtime import Runtime, Services
from dragoman.ports import UpstreamRequest

MAX_ANSWER = 1024 * 1024


class Counting:
    """One call that counts. `run` is the whole of it."""

    def __init__(self, call: Call, runtime: Runtime, services: Services) -> None:
        self._call = call
        self._runtime = runtime
        self._services = services
        self.booking = Booking(services, call, "count_tokens")

    async def run(self) -> None:
        """Raises `GatewayError`; the booking is settled by whoever runs this."""
        call, booking, server = self._call, self.booking, self._runtime.config.server
        key = await self._services.keyring.identify(call.token())
        body = await call.read(server.max_body, server.body_timeout)
        head = Head(body, "messages")
        booking.identify(key, head.turn.model)
        target = self._runtime.routes.plan(head.turn.model, key)[0]
        if "messages" not in self._runtime.config.upstreams[target.upstream].dialects:
            tokenizer = self._runtime.tokenizer
            count = by_chars if tokenizer is None else tokenizer.count
            tokens = estimate(MESSAGES.parse_count(body), count)
            headers = [(b"content-type", JSON), (b"x-dragoman-loss", b"input_tokens;defaulted")]
            await call.answer(200, headers, MESSAGES.render_count(tokens), source="gateway")
            return
        upstream = self._runtime.upstreams[target.upstream]
        await booking.reserve("model", target.upstream)
        booking.model, booking.attempts = target.model, 1
        call.watch.phase(errors.REQUEST_TIMEOUT, upstream.timeouts.first_byte)
        request = UpstreamRequest(
            "POST", "/messages/count_tokens", request_headers(call), head.render(target.model, ask_usage=False)
        )
        reply = await call.watch.guard(upstream.open(request))
        try:
            answer = upstream.redact(await read_all(call, reply, MAX_ANSWER, upstream.timeouts.idle))
            await call.answer(reply.status, [(b"content-type", JSON)], answer, source="upstream")
        finally:
            reply.close()
