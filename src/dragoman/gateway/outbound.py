"""One alias call, straight down: who, where, may, send, pass on, settle."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Final

import msgspec

from dragoman import errors
from dragoman.errors import GatewayError
from dragoman.gateway.admission import Permit
from dragoman.gateway.booking import Booking
from dragoman.gateway.call import Call
from dragoman.gateway.clock import new_traceparent
from dragoman.gateway.plugged import Answer, Plugged
from dragoman.gateway.raw import RawAnswer
from dragoman.gateway.redacted import redacted
from dragoman.gateway.relay import Relay
from dragoman.gateway.render import Headers, render_problem
from dragoman.gateway.repeat import send_repeatedly
from dragoman.gateway.runtime import Runtime, Services
from dragoman.gateway.upload import Upload, send
from dragoman.policy import aliases, cors, trace
from dragoman.policy.aliases import Alias
from dragoman.policy.balance import target_host
from dragoman.policy.cors import CorsRule
from dragoman.policy.matching import Rule
from dragoman.policy.retry import repeatable
from dragoman.ports import Body, Reply, Timeouts, Upstream, UpstreamRequest
from dragoman.wire import sse

WHOLE_BODY: Final = 1024 * 1024
"""Bytes of a request body of known length that are read before the call goes out, rather than streamed."""


class Outbound:
    """One call of the outbound surface. `run` is the whole of it."""

    __slots__ = ("_call", "_host", "_runtime", "_services", "_upload", "booking")

    def __init__(self, call: Call, runtime: Runtime, services: Services) -> None:
        self._call = call
        self._runtime = runtime
        self._services = services
        self.booking = Booking(services, call, "proxy")
        self._upload: Upload | None = None
        self._host: str | None = None

    async def run(self) -> None:
        """Raises `GatewayError`; the booking is settled by whoever runs this."""
        call, booking, runtime = self._call, self.booking, self._runtime
        self._follow_trace()
        name, path = aliases.split(call.path)
        if call.method == "OPTIONS" and await self._preflight(runtime.views.named.get(name, ()), path):
            return
        own_header = name in runtime.views.callers_own
        key = await self._services.keyring.of(call, own_header=own_header)
        booking.identify(key, name)
        key.require_aliases()
        alias = runtime.views.find(key.tenant, name)
        if alias is None or not key.permits_alias(name):
            # The same answer either way: which aliases others have is none of a caller's business.
            raise GatewayError(errors.ROUTE_NOT_FOUND, f"Unknown alias: {name}", extra={"alias": name})
        if alias.caller_credential and not own_header:
            call.own_credential()
        target = aliases.target(alias, path, call.query)
        route = alias.route(call.method, target)
        booking.went_to(alias.endpoints[0].host if len(alias.endpoints) == 1 else alias.name)
        booking.route = "" if route is None else route.rules.match.path
        across = alias.cors if route is None else route.cors
        if across is not None:
            self._admit(across)
        self._host = target_host(call.header)
        runtime.upstreams[alias.upstream].check(self._host)
        bounds = alias.bounds if route is None else (*alias.bounds, *route.bounds)
        chain = alias.chain if route is None else route.chain
        plugged = None if chain is None else Plugged(chain, call, key, name, booking.route)
        forward = self._pass if plugged is None else self._plug
        if bounds:
            route_id = "" if route is None else route.id
            with Permit(self._services.admission, call, key, runtime.trusted_proxies, route_id) as permit:
                await call.watch.guard(permit.gain(bounds))
                await forward(alias, route, across, target, plugged)
        else:
            await forward(alias, route, across, target, plugged)

    def _follow_trace(self) -> None:
        """The call goes on in its caller's trace, or begins one; the answer says which."""
        call = self._call
        given = call.header.get(b"traceparent")
        call.trace_id = trace.parse(given)
        if given is None or not call.trace_id:
            kept = call.headers
            if given is not None or b"tracestate" in call.header:
                kept = [item for item in kept if item[0] not in trace.HEADERS]
            given = new_traceparent()
            call.trace_id = trace.parse(given)
            call.headers = [*kept, (b"traceparent", given)]
        call.added[b"traceparent"] = given

    async def _plug(
        self, alias: Alias, route: Rule | None, across: CorsRule | None, target: str, plugged: Plugged | None
    ) -> None:
        """As `_pass`, and what plugins make of an error."""
        assert plugged is not None
        try:
            await self._pass(alias, route, across, target, plugged)
        except GatewayError as error:
            if self._call.head_sent:
                raise
            said = await plugged.failure(error)
            if isinstance(said, GatewayError):
                raise said from None
            self.booking.blame(error)
            await self._answer(said)
        finally:
            self.booking.spent["plugins"] = plugged.seconds

    async def _pass(
        self, alias: Alias, route: Rule | None, across: CorsRule | None, target: str, plugged: Plugged | None
    ) -> None:
        """The call from its limits on: to the upstream, and the answer back to its end."""
        call, booking, runtime = self._call, self.booking, self._runtime
        upstream = runtime.upstreams[alias.upstream]
        timeouts = upstream.timeouts if route is None else route.timeouts
        websocket = call.asks_websocket
        body = None if websocket else await self._body(alias, timeouts)
        request = UpstreamRequest(call.method, target, self._headers(alias), body, self._host, booking.went_to)
        if plugged is not None:
            changed = await plugged.request(request)
            if not isinstance(changed, UpstreamRequest):
                await self._answer(changed)
                return
            request = changed
        if websocket:
            await self._relay(alias, request, upstream, timeouts)
            return
        await booking.reserve("alias", alias.upstream)
        booking.upstream = alias.upstream
        booking.attempts = 1
        call.watch.total(timeouts.total)
        call.watch.phase(errors.REQUEST_TIMEOUT, timeouts.first_byte)
        secretive = upstream if plugged is None else plugged.blanks(upstream)
        reply = redacted(await self._send(alias, upstream, request), secretive)
        try:
            if reply.status >= 400:
                booking.error = f"upstream_{reply.status}"
            headers = alias.response_headers.apply(reply.headers)
            if plugged is not None:
                said = await plugged.response(reply, headers, timeouts.idle)
                if isinstance(said, tuple):
                    await self._answer(said)
                    return
                reply, headers = said, said.headers
            answer = RawAnswer(
                call, reply, timeouts, ping=runtime.config.server.ping_interval, error_event=self._error_event
            )
            await answer.run(headers if across is None else cors.without(headers))
        finally:
            reply.close()

    async def _send(self, alias: Alias, upstream: Upstream, request: UpstreamRequest) -> Reply:
        rule, clock = alias.rules.retry, self._services.clock
        began = clock.monotonic()
        try:
            if rule.attempts > 1 and repeatable(request.method, request.headers, request.body):
                return await send_repeatedly(self._call, self.booking, upstream, request, rule, clock)
            return await send(self._call, upstream, request, self._upload)
        finally:
            self.booking.spent["upstream"] = clock.monotonic() - began

    async def _preflight(self, views: Sequence[Alias], path: bytes) -> bool:
        """Answers a browser that asks whether a page may call; it has no key, so that it may be any tenant's.

        Raises `GatewayError`.
        """
        call = self._call
        origin, method = call.header.get(b"origin"), call.header.get(b"access-control-request-method")
        if origin is None or method is None:
            return False
        asked = call.header.get(b"access-control-request-headers")
        refusal: GatewayError | None = None
        for rule in self._rules(views, method.decode("latin-1"), path):
            try:
                permitted = rule.preflight(origin, method, asked)
            except GatewayError as error:
                refusal = refusal or error
                continue
            call.added.update(permitted)
            await call.start(204, [], source="gateway")
            await call.send(b"", more=False)
            return True
        if refusal is None and call.token() is not None:
            return False  # a caller with a key is no browser: what it asks is for the upstream
        call.added.update(cors.VARY)
        raise refusal or cors.refused()

    def _rules(self, views: Sequence[Alias], method: str, path: bytes) -> Iterator[CorsRule]:
        """The rules that a call would be held to, each once."""
        seen: list[CorsRule] = []
        for alias in views:
            with suppress(GatewayError):
                route = alias.route(method, aliases.target(alias, path, self._call.query))
                rule = alias.cors if route is None else route.cors
                if rule is not None and rule not in seen:
                    seen.append(rule)
        yield from seen

    def _admit(self, rule: CorsRule) -> None:
        call = self._call
        call.added.update(cors.VARY)
        origin = call.header.get(b"origin")
        if origin is not None:
            rule.check(origin, call.method)
            call.added.update(rule.answer(origin))

    async def _answer(self, said: Answer) -> None:
        """A plugin's own answer."""
        status, headers, body = said
        await self._call.answer(
            status, [item for item in headers if item[0] != b"content-length"], body, source="gateway"
        )

    async def _relay(self, alias: Alias, request: UpstreamRequest, upstream: Upstream, timeouts: Timeouts) -> None:
        booking = self.booking
        relay = Relay(self._call, booking, upstream, timeouts, alias.response_headers, self._runtime.config.server)
        await booking.reserve("alias", alias.upstream)
        booking.upstream = alias.upstream
        booking.attempts = 1
        await relay.run(request)

    def _headers(self, alias: Alias) -> Headers:
        call = self._call
        headers = alias.request_headers.apply(call.headers)
        headers.append((b"x-request-id", call.request_id.encode("ascii")))
        return headers

    async def _body(self, alias: Alias, timeouts: Timeouts) -> Body:
        call, server = self._call, self._runtime.config.server
        limit = server.max_alias_body if alias.rules.max_body is None else alias.rules.max_body
        length = call.header.get(b"content-length")
        if length is None and b"transfer-encoding" not in call.header:
            return None
        if length is not None and int(length) <= WHOLE_BODY:
            return await call.read(min(WHOLE_BODY, limit), server.body_timeout)
        self._upload = Upload(call, limit, server.body_timeout, timeouts.first_byte)
        return self._upload.parts()

    def _error_event(self, error: GatewayError) -> bytes:
        problem = render_problem(error, self._call.route_path, self._call.request_id, self._call.trace_id)
        return sse.render(msgspec.json.encode(problem), b"error")
