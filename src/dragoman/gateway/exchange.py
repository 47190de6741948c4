"""One model call, straight down: who, read, where, may, render, send, pump, settle."""

from functools import partial
from typing import Final

from msgspec.structs import replace

from dragoman import errors
from dragoman.bridge import Bridge, Ids, Passage
from dragoman.dialects import head
from dragoman.dialects.base import Dialect
from dragoman.dialects.chat.dialect import CHAT
from dragoman.dialects.mapping import NOTHING_EARLIER
from dragoman.dialects.responses.dialect import RESPONSES_DIALECT
from dragoman.dialects.sealing import PLACES, Envelopes
from dragoman.errors import GatewayError
from dragoman.gateway import chat_continuity
from dragoman.gateway.admission import Permit
from dragoman.gateway.booking import Booking
from dragoman.gateway.call import Call
from dragoman.gateway.clock import new_id
from dragoman.gateway.continuity import Memory, assemble
from dragoman.gateway.keeping import Kept
from dragoman.gateway.observe import loss_header
from dragoman.gateway.overheard import Overheard
from dragoman.gateway.pump import ModelStream, read_all
from dragoman.gateway.render import JSON, Headers
from dragoman.gateway.repeat import send_repeatedly
from dragoman.gateway.runtime import Runtime, Services
from dragoman.gateway.turns import TurnAttempt
from dragoman.policy.headers import MODEL_BACK, MODEL_PASS, value_of
from dragoman.policy.keys import Key
from dragoman.policy.resources import Retry
from dragoman.policy.routing import RETRY_STATUS, Target
from dragoman.ports import Reply, Timeouts, TurnUpstream, Upstream, UpstreamRequest
from dragoman.turn import Loss
from dragoman.wire.chat import raw, render_fields

MAX_ANSWER: Final = 64 * 1024 * 1024
"""Bytes of a buffered answer: images in JSON are the largest."""
MAX_ERROR: Final = 1024 * 1024
LIMITED: Final = (
    errors.RATE_LIMIT_EXCEEDED, errors.CONCURRENCY_LIMIT_EXCEEDED, errors.QUEUE_FULL, errors.QUEUE_TIMEOUT,
)  # fmt: skip


class Exchange:
    """One call of the model surface. `run` is the whole of it."""

    __slots__ = ("_call", "_dialect", "_key", "_memory", "_model", "_permit", "_runtime", "_services", "booking")

    def __init__(self, call: Call, dialect: Dialect, runtime: Runtime, services: Services, model: str = "") -> None:
        """With a `model` the call is for that one, whatever its body names."""
        self._call = call
        self._dialect = dialect
        self._model = model
        self._runtime = runtime
        self._services = services
        self._key: Key | None = None
        self._memory: Kept | None = None
        self._permit: Permit | None = None
        self.booking = Booking(services, call, dialect.name)

    async def run(self) -> None:
        """Raises `GatewayError`; the booking is settled by whoever runs this."""
        call, server = self._call, self._runtime.config.server
        key = await self._services.keyring.of(call)
        body = await call.read(server.max_body, server.body_timeout)
        if self._model:
            body = render_fields({**head.parse(body), "model": raw(self._model)})
        elif server.default_model is not None:
            body = _for_model(body, server.default_model)
        memory = await self._remember(key, body)
        if isinstance(memory, Memory) and memory.asked.background:
            await self._submit(key, body, memory)
        else:
            await self.carry(key, body if memory is None else memory.body, memory)

    async def _remember(self, key: Key, body: bytes) -> Kept | None:
        """What the call follows on, and what will be kept of it. Raises `GatewayError`."""
        call, continuity = self._call, self._services.continuity
        if continuity is None:
            return None
        if self._dialect is RESPONSES_DIALECT:
            return await call.watch.guard(continuity.begin(key, body))
        if call.query and self._dialect is CHAT:
            return await call.watch.guard(chat_continuity.begin(continuity, key, body, call.query))
        return None

    async def _submit(self, key: Key, body: bytes, memory: Memory) -> None:
        """Leaves the call to a job, after all that can be known to be wrong with it."""
        call, services, server = self._call, self._services, self._runtime.config.server
        assert services.background is not None
        if call.grant is not None:
            message = "What an agent calls ends with its run: nothing of it is left to the background."
            raise GatewayError(errors.INVALID_REQUEST, message, param="background")
        self._key = key
        bridge = self._bridge(memory.body, memory, keeps=True)
        turn = bridge.turn
        self.booking.identify(key, turn.model)
        plan = self._runtime.routes.plan(turn.model, key)
        target = plan[0]
        self._check_target(bridge, target)
        source = self._runtime.config.upstreams.get(target.upstream)
        if source is not None and source.credential == "caller":
            message = "This upstream takes the caller's own credential, which is not kept for the background."
            raise GatewayError(errors.INVALID_REQUEST, message, param="background")
        durable = len(plan) == 1 and self._runtime.durable(target.upstream)
        stored = await services.background.submit(memory, body, int(services.clock.now()), durable=durable)
        if turn.stream:
            await services.background.follow(call, stored, -1, server.ping_interval)
        else:
            await call.answer_json(assemble(stored, ()))

    def _bridge(self, body: bytes, memory: Kept | None, losses: tuple[Loss, ...] = (), *, keeps: bool) -> Bridge:
        ids = Ids(new_id, self._services.clock.now)
        earlier = NOTHING_EARLIER if memory is None else memory.earlier
        if losses:
            earlier = replace(earlier, losses=(*losses, *earlier.losses))
        max_event = self._runtime.config.server.max_event
        return Bridge(self._dialect, body, ids, max_event=max_event, keeps=keeps, earlier=earlier)

    async def carry(self, key: Key, body: bytes, memory: Kept | None = None, losses: tuple[Loss, ...] = ()) -> None:
        """The call from its whole question on; what comes of it goes into `memory`, if that is given.

        `losses` are of what was asked before it became this question.
        """
        booking = self.booking
        self._key = key
        self._memory = memory
        bridge = self._bridge(body, memory, losses, keeps=memory is not None or self._call.remembered)
        turn = bridge.turn
        booking.identify(key, turn.model)
        booking.stream = turn.stream
        plan = self._runtime.routes.plan(turn.model, key)
        await booking.reserve("model", plan[0].upstream)
        bounds = self._runtime.bounds
        if plan[0].bounds or (bounds and any(target.upstream in bounds for target in plan)):
            with Permit(self._services.admission, self._call, key, self._runtime.trusted_proxies) as self._permit:
                await self._attempt(bridge, plan)
        else:
            await self._attempt(bridge, plan)

    async def _attempt(self, bridge: Bridge, plan: tuple[Target, ...]) -> None:
        """Asks one target after the other until one answers; the last one's failure is the answer."""
        stream = ModelStream(self._call, self.booking, self._memory) if bridge.turn.stream else None
        if stream is not None:
            self._call.watch.ping_every(self._runtime.config.server.ping_interval, stream.ping)
        for number, target in enumerate(plan, 1):
            last = number == len(plan)
            try:
                if await self._within_limits(bridge, target, stream, last=last):
                    return
            except GatewayError as error:
                if last or not _elsewhere(error):
                    if stream is None or not self._call.head_sent:
                        raise
                    self.booking.error = error.kind.code
                    await stream.end(bridge.stream_error(error))
                    return

    async def _within_limits(self, bridge: Bridge, target: Target, stream: ModelStream | None, *, last: bool) -> bool:
        """`_ask`, once the limits of the name and of this upstream have room; the upstream's only for the attempt."""
        permit = self._permit
        if permit is None:
            return await self._ask(bridge, target, stream, last=last)
        bounds = self._runtime.bounds.get(target.upstream, ())
        try:
            await self._call.watch.guard(permit.gain((*target.bounds, *bounds)))
            return await self._ask(bridge, target, stream, last=last)
        finally:
            permit.drop(bounds)

    async def _ask(self, bridge: Bridge, target: Target, stream: ModelStream | None, *, last: bool) -> bool:
        """One attempt; False if the upstream's answer is one after which another may be asked."""
        call, booking = self._call, self.booking
        booking.upstream, booking.model = target.upstream, target.model
        booking.attempts += 1
        booking.estimate = None
        answerer = self._runtime.turns.get(target.upstream)
        if answerer is not None:
            await self._take_turn(bridge, target, answerer, stream)
            return True
        upstream = self._runtime.upstreams[target.upstream]
        timeouts = target.timeouts or upstream.timeouts
        passage = self._passage(bridge, target)
        request = self._request(passage, target)
        call.watch.total(timeouts.total)
        call.watch.phase(errors.REQUEST_TIMEOUT, timeouts.first_byte)
        reply = await self._send(upstream, request, self._runtime.config.upstreams[target.upstream].retry)
        try:
            if not 200 <= reply.status < 300:
                return await self._refused(bridge, passage, upstream, reply, stream, last=last)
            answer = self._overheard(bridge, passage, reply)
            if stream is None:
                await self._buffered(passage, answer, timeouts)
            else:
                check_stream(reply)
                stream.headers = [*loss_header(passage.losses), *_back(reply.headers)]
                stream.redact = upstream.redact
                relay = passage.stream()
                if self._memory is not None:
                    relay = self._memory.stream(relay)
                await stream.run(answer, relay, timeouts)
        except GatewayError as error:
            error.message = upstream.redact(error.message.encode()).decode()  # it may quote the upstream
            raise
        finally:
            reply.close()
        return True

    async def _send(self, upstream: Upstream, request: UpstreamRequest, rule: Retry) -> Reply:
        if rule.attempts > 1:
            return await send_repeatedly(self._call, self.booking, upstream, request, rule, self._services.clock)
        return await self._call.watch.guard(upstream.open(request))

    async def _take_turn(
        self, bridge: Bridge, target: Target, upstream: TurnUpstream, stream: ModelStream | None
    ) -> None:
        """One attempt at an upstream that answers turns."""
        attempt = TurnAttempt(self._call, self.booking, self._memory, bridge, target)
        prepared, losses = attempt.prepare(upstream)
        self._lose(target, losses)
        assert self._key is not None
        await attempt.run(prepared, losses, self._key, target.timeouts or upstream.timeouts, stream)

    def _lose(self, target: Target, losses: tuple[Loss, ...]) -> None:
        self.booking.losses = losses
        if target.strict and losses:
            loss = losses[0]
            message = f"This route is strict, and {loss.param!r} would be {loss.kind}: {loss.note}."
            raise GatewayError(errors.UNSUPPORTED_PARAMETER, message, param=loss.param)

    def _check_target(self, bridge: Bridge, target: Target) -> None:
        """Whether the call could be made there. Raises `GatewayError`."""
        upstream = self._runtime.turns.get(target.upstream)
        if upstream is None:
            self._passage(bridge, target)
        else:
            TurnAttempt(self._call, self.booking, self._memory, bridge, target).prepare(upstream)

    def _passage(self, bridge: Bridge, target: Target) -> Passage:
        settings = self._runtime.config.upstreams[target.upstream]
        profile = self._runtime.profiles[target.upstream]
        if target.allow_unknown:
            profile = replace(profile, allow_unknown=True)
        envelopes = None
        if self._dialect.name in PLACES:
            assert self._key is not None
            bound = f"{self._key.owner}\n{target.upstream}\n{target.model}".encode()
            envelopes = Envelopes(self._services.sealer, bound)
        passage = bridge.toward(
            settings.dialects, target.model, profile, ask_usage=settings.include_usage, envelopes=envelopes
        )
        self._lose(target, passage.losses)
        return passage

    def _request(self, passage: Passage, target: Target) -> UpstreamRequest:
        headers = request_headers(self._call)
        if self._runtime.config.upstreams[target.upstream].credential == "caller":
            headers += self._call.own_credential()
        return UpstreamRequest("POST", passage.path, headers, passage.body)

    def _overheard(self, bridge: Bridge, passage: Passage, reply: Reply) -> Reply:
        """The reply, listened to where its usage is to be estimated should the upstream not report it."""
        tokenizer = self._runtime.tokenizer
        if tokenizer is None or not self._runtime.config.server.estimate_usage:
            return reply
        tally = passage.tally(tokenizer.count)
        if tally is None:
            return reply
        self.booking.estimate = partial(bridge.estimate, tally, tokenizer.count)
        return Overheard(reply, tally)

    async def _buffered(self, passage: Passage, reply: Reply, timeouts: Timeouts) -> None:
        check_encoding(reply)
        answer, usage = passage.answer(await read_all(self._call, reply, MAX_ANSWER, timeouts.idle))
        self.booking.usage = usage
        if self._memory is not None:
            answer = self._memory.answer(answer)
            self._call.watch.ease()
            await self._call.watch.guard(self._memory.keep())
        headers = [(b"content-type", JSON), *loss_header(passage.losses), *_back(reply.headers)]
        if self._memory is not None:
            headers += self._memory.headers
        await self._call.answer(reply.status, headers, answer, source="upstream")

    async def _refused(
        self,
        bridge: Bridge,
        passage: Passage,
        upstream: Upstream,
        reply: Reply,
        stream: ModelStream | None,
        *,
        last: bool,
    ) -> bool:
        """An answer that is no success: another upstream, or the upstream's own words for the caller."""
        if reply.status in RETRY_STATUS and not last:
            return False
        self.booking.error = f"upstream_{reply.status}"
        if 300 <= reply.status < 400:
            message = f"The upstream {upstream.name!r} answered with a redirect ({reply.status})."
            raise GatewayError(errors.PROTOCOL_ERROR, message)
        raw = await read_all(self._call, reply, MAX_ERROR, upstream.timeouts.idle)
        otherwise = f"The upstream {upstream.name!r} answered {reply.status}."
        said = passage.error(upstream.redact(raw), reply.status, otherwise)
        if stream is not None and self._call.head_sent:
            await stream.end(bridge.error_events(said))
        else:
            headers = [(b"content-type", JSON), *_back(reply.headers)]
            await self._call.answer(reply.status, headers, said, source="upstream")
        return True


def _for_model(body: bytes, model: str) -> bytes:
    """The request as it is for `model`, if it names none."""
    fields = head.parse(body)
    if bytes(fields.get("model", b"null")) != b"null":
        return body
    return render_fields({**fields, "model": raw(model)})


def request_headers(call: Call) -> Headers:
    """The headers of a model call: our own, and the few of the caller's that mean something to an upstream."""
    headers = [
        (b"content-type", JSON),
        (b"accept", b"application/json, text/event-stream"),
        (b"accept-encoding", b"identity"),
        (b"user-agent", b"dragoman"),
        (b"x-request-id", call.request_id.encode("ascii")),
    ]
    headers += [(name, value) for name, value in call.headers if name in MODEL_PASS]
    return headers


def check_stream(reply: Reply) -> None:
    """Raises `GatewayError` PROTOCOL_ERROR unless the answer can be a stream of events."""
    check_encoding(reply)
    content_type = value_of(reply.headers, b"content-type")
    if content_type is not None and not content_type.lower().startswith(b"text/event-stream"):
        message = f"The upstream answered with {content_type.decode('latin-1')!r} instead of an event stream."
        raise GatewayError(errors.PROTOCOL_ERROR, message)


def check_encoding(reply: Reply) -> None:
    encoding = value_of(reply.headers, b"content-encoding")
    if encoding is not None and encoding.lower() != b"identity":
        message = f"The upstream encoded its answer as {encoding.decode('latin-1')!r}, which was not asked for."
        raise GatewayError(errors.PROTOCOL_ERROR, message)


def _elsewhere(error: GatewayError) -> bool:
    """Whether another upstream may do better: neither the request itself nor the name's own limits are at fault."""
    if error.kind in LIMITED:
        return "upstream" in error.extra
    return error.kind.status >= 500 and error.kind not in (errors.STORE_UNAVAILABLE, errors.SHUTTING_DOWN)


def _back(headers: Headers) -> Headers:
    kept = [(name, value) for name, value in headers if name in MODEL_BACK]
    upstream_id = value_of(headers, b"x-request-id")
    if upstream_id is not None:
        kept.append((b"x-upstream-request-id", upstream_id))
    return kept
