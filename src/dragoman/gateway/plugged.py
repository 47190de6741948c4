"""One call's way through its plugins: out, back, and where no answer came.

    out     auth, guards, transforms      before anything is booked or sent
    back    guards, transforms            after the header rules, before the caller gets a byte
    error   transforms                    of a call that was sent, while nothing of an answer went out

Each is asked in its turn and has its own deadline. One that fails, or says what it may not, fails the call, whatever
its kind: what it was to keep out or to blank out would pass otherwise. Only where the call has failed already does its
own error stand.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final, TypeVar

import msgspec
import structlog

from dragoman import errors
from dragoman.errors import GatewayError
from dragoman.gateway import begun
from dragoman.gateway.begun import Begun
from dragoman.gateway.call import Call
from dragoman.gateway.render import Headers
from dragoman.gateway.watch import NEVER
from dragoman.policy import plugin_verdicts as verdicts
from dragoman.policy import plugins
from dragoman.policy.credentials import REDACTED
from dragoman.policy.headers import CALLER_CREDENTIALS, value_of
from dragoman.policy.keys import Key
from dragoman.policy.plugins import Auth, Bound, Chain, Failure, Reject, Request, Respond, Response
from dragoman.ports import Body, Reply, Upstream, UpstreamRequest

MAX_BODY: Final = 1024 * 1024
"""Bytes of a body that are held back for plugins, whatever they ask for."""
E = TypeVar("E", Request, Response)
S = TypeVar("S")
T = TypeVar("T")
Answer = tuple[int, Headers, bytes]
"""Status, headers and body of an answer that a plugin gives by itself."""
_log = structlog.get_logger("dragoman")


class Plugged:
    """The plugins of one call; `alias` and `route` are what it took."""

    __slots__ = ("_alias", "_call", "_chain", "_key", "_readers", "_route", "_secrets", "_sent", "seconds")

    def __init__(self, chain: Chain, call: Call, key: Key, alias: str, route: str) -> None:
        self._chain = chain
        self._call = call
        self._key = key
        self._alias = alias
        self._route = route
        self._readers = chain.readers
        self._secrets: Sequence[bytes] = () if chain.auth is None else chain.auth.secrets
        self._sent: Request | None = None
        """What went out, while no answer has come or one is on its way."""
        self.seconds = 0.0
        """How long plugins have taken so far."""

    async def request(self, given: UpstreamRequest) -> UpstreamRequest | Answer:
        """What goes out instead of `given`, or a plugin's own answer. Raises `GatewayError`."""
        fault = self._chain.fault
        if fault is not None:
            raise GatewayError(fault.kind, fault.message, extra=fault.extra)
        kept = [item for item in given.headers if item[0] in CALLER_CREDENTIALS]
        shown = [item for item in given.headers if item[0] not in CALLER_CREDENTIALS]
        if self._readers:  # an encoded answer could not be looked at
            shown = [item for item in shown if item[0] != b"accept-encoding"]
        body, event = await self._look(given, shown)
        if self._chain.auth is not None:
            kept = await self._authorize(self._chain.auth, event)
        for guard in self._chain.guards:
            await self._heed(guard, guard.plugin.on_request, event)
        for transform in self._chain.transforms:
            said = await self._ask(transform, transform.plugin.on_request, self._shown(transform, event))
            if isinstance(said, Respond):
                return self._judge(transform, verdicts.own_answer, said)
            if said is not None:
                event = self._judge(transform, verdicts.rewritten, event, self._expect(transform, Request, said))
        self._sent = msgspec.structs.replace(event, body=None)
        if event.body is not None:
            body = event.body or None
        target = f"{event.path}?{event.query}" if event.query else event.path
        return UpstreamRequest(
            given.method, target, [*verdicts.raw(event.headers), *kept], body, given.host, given.chosen
        )

    async def response(self, reply: Reply, headers: Headers, idle: float) -> Reply | Answer:
        """What comes back instead of `reply`, of which the caller may see `headers`. Raises `GatewayError`."""
        assert self._sent is not None
        bare = self._call.method == "HEAD" or reply.status in (204, 304)
        first, ended = (b"", True) if bare else await self._begin(reply, headers, idle)
        event = came = Response(
            request=self._sent,
            status=reply.status,
            headers=verdicts.fields(headers),
            length=len(first) if ended else begun.announced(headers),
            body=first if ended and not begun.encoded(headers) else None,
        )
        sent, self._sent = self._sent, None  # an answer has come: what is said of it is no error of the call's
        for guard in self._chain.guards:
            await self._heed(guard, guard.plugin.on_response, event)
        for transform in self._chain.transforms:
            said = await self._ask(transform, transform.plugin.on_response, self._shown(transform, event))
            if isinstance(said, Respond):
                return self._judge(transform, verdicts.own_answer, said)
            if said is not None:
                event = self._judge(transform, verdicts.changed, event, self._expect(transform, Response, said))
        self._sent = sent
        out = verdicts.raw(event.headers)
        if not bare and event.body is not None and event.body != came.body:
            out = [item for item in out if item[0] not in (b"content-length", b"content-encoding", b"etag")]
            out.append((b"content-length", b"%d" % len(event.body)))
            first, ended = event.body, True
        return Begun(reply, event.status, out, first, ended=ended)

    async def failure(self, error: GatewayError) -> GatewayError | Answer:
        """What the caller is told instead of `error`."""
        if self._sent is None:  # a plugin said so, or it never got that far
            return error
        event = Failure(request=self._sent, status=error.kind.status, code=error.kind.code, detail=error.message)
        for transform in self._chain.transforms:
            try:
                said = await self._ask(transform, transform.plugin.on_error, event)
                if isinstance(said, Respond):
                    return self._judge(transform, verdicts.own_answer, said)
                if isinstance(said, Reject):
                    return self._judge(transform, plugins.rejection, transform.id, said)
                if said is not None:
                    raise self._meaningless(transform, said)
            except GatewayError:
                return error
        return error

    def blanks(self, upstream: Upstream) -> "Blanks":
        """What blanks out the credential of `upstream`, and what a plugin has added to it."""
        return Blanks(upstream, self._secrets)

    async def _look(self, given: UpstreamRequest, headers: Headers) -> tuple[Body, Request]:
        """The body as it goes on, and what there is to be told of the call."""
        call, body = self._call, given.body
        most = 0 if begun.encoded(headers) else self._limit(headers)
        whole: bytes | None = b"" if body is None else None
        if most and body is not None:
            body, whole = await call.watch.guard(begun.begin_upload(body, most))
        path, _, query = given.target.partition("?")
        length = len(whole) if whole is not None else begun.announced(call.headers)
        return body, Request(
            alias=self._alias, method=given.method, path=path, query=query, headers=verdicts.fields(headers),
            length=length, body=whole, route=self._route, tenant=self._key.tenant, key_id=self._key.id,
            request_id=call.request_id,
        )  # fmt: skip

    async def _begin(self, reply: Reply, headers: Headers, idle: float) -> tuple[bytes, bool]:
        """The beginning of an answer's body, as much as anybody wants to see, and whether that is all of it."""
        length, watch = begun.announced(headers), self._call.watch
        most = 0 if begun.is_events(headers) or begun.encoded(headers) else self._limit(headers)
        if not most or (length is not None and length > most):
            return b"", length == 0
        watch.phase(errors.IDLE_TIMEOUT, idle)
        found = await watch.guard(begun.begin_answer(reply, most))
        watch.phase(errors.IDLE_TIMEOUT, NEVER)
        return found

    def _limit(self, headers: Headers) -> int:
        """Bytes of a body with these headers that anybody wants to see."""
        content_type = (value_of(headers, b"content-type") or b"").decode("latin-1")
        return min(MAX_BODY, max((self._limit_of(reader, content_type) for reader in self._readers), default=0))

    def _limit_of(self, bound: Bound[Any], content_type: str) -> int:
        try:
            return int(bound.plugin.body_limit(content_type))
        except Exception as error:  # noqa: BLE001 - as in `_ask`
            raise self._failed(bound, error) from None

    def _shown(self, bound: Bound[Any], event: E) -> E:
        """`event` with no more of its body than this plugin wants to see."""
        if not event.body:
            return event
        content_type = next((value for name, value in event.headers if name == "content-type"), "")
        hidden = not bound.reads or len(event.body) > self._limit_of(bound, content_type)
        return msgspec.structs.replace(event, body=None) if hidden else event

    async def _authorize(self, auth: Bound[Auth], event: Request) -> Headers:
        said = await self._ask(auth, auth.plugin.authorize, self._shown(auth, event))
        if isinstance(said, Reject):
            raise self._judge(auth, plugins.rejection, auth.id, said)
        added = self._judge(auth, verdicts.credentials, said)
        words = {word for _, value in added for word in (value, value.rpartition(b" ")[2]) if word}
        self._secrets = sorted({*self._secrets, *words}, key=len, reverse=True)
        return added

    async def _heed(self, bound: Bound[Any], hook: Callable[[E], Awaitable[object]], event: E) -> None:
        said = await self._ask(bound, hook, self._shown(bound, event))
        if isinstance(said, Reject):
            raise self._judge(bound, plugins.rejection, bound.id, said)
        if said is not None:
            raise self._meaningless(bound, said)

    def _expect(self, bound: Bound[Any], kind: type[T], said: object) -> T:
        """What a transform says, if it is of that kind; a rejection is raised."""
        if isinstance(said, kind):
            return said
        if isinstance(said, Reject):
            raise self._judge(bound, plugins.rejection, bound.id, said)
        raise self._meaningless(bound, said)

    def _meaningless(self, bound: Bound[Any], said: object) -> GatewayError:
        return self._failed(bound, TypeError(f"says {type(said).__name__}, which means nothing here"))

    def _judge(self, bound: Bound[Any], verdict: Callable[..., T], *said: object) -> T:
        try:
            return verdict(*said)
        except ValueError as error:
            raise self._failed(bound, error) from None

    async def _ask(self, bound: Bound[Any], hook: Callable[[S], Awaitable[T]], event: S) -> T:
        """What a plugin says. Raises `GatewayError`; nothing that it raises itself gets any further."""
        watch, clock = self._call.watch, asyncio.get_running_loop().time
        began = clock()
        try:
            async with asyncio.timeout(bound.timeout):
                return await hook(event)
        except asyncio.CancelledError:
            reason = watch.take()
            if reason is None:
                raise
            raise reason from None
        except Exception as error:  # noqa: BLE001 - somebody else's code, which must not end in anything but a row
            fault: Exception = error
        finally:
            self.seconds += clock() - began
        raise self._failed(bound, fault)

    def _failed(self, bound: Bound[Any], why: Exception) -> GatewayError:
        _log.error("plugin failed", plugin=bound.id, request_id=self._call.request_id, exc_info=why)
        return plugins.failed(bound.id, bound.plugin.kind)


class Blanks:
    """Blanks out an upstream's credential, and further secrets."""

    __slots__ = ("_secrets", "_upstream")

    def __init__(self, upstream: Upstream, secrets: Sequence[bytes]) -> None:
        self._upstream = upstream
        self._secrets = secrets

    def redact(self, text: bytes) -> bytes:
        for secret in self._secrets:
            text = text.replace(secret, REDACTED)
        return self._upstream.redact(text)

    @property
    def reach(self) -> int:
        """Bytes of the longest of them."""
        return max(self._upstream.reach, max(map(len, self._secrets), default=0))
