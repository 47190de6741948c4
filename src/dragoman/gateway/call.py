"""One call at the HTTP edge: what was asked, and the means to answer it.

It knows HTTP and nothing of models or aliases. Everything that is sent to a caller leaves through here,
so that no answer can lack its request id or its source.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from typing import Any, Final, Protocol

from dragoman import errors
from dragoman.errors import GatewayError
from dragoman.gateway.grant import Grant
from dragoman.gateway.render import Headers, Source, Style, head, render_error, render_json
from dragoman.gateway.tunnel import Guest
from dragoman.gateway.watch import Watch
from dragoman.policy.headers import CALLER_CREDENTIALS
from dragoman.ports import Journal, Pipe

Scope = dict[str, Any]
"""An ASGI connection scope; its values are what the ASGI specification says (HTTP, version 2.3)."""
Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

_SAFE_ID: Final = re.compile(rb"[A-Za-z0-9._:/+=@-]{1,128}")
_SINGLE: Final = (
    b"authorization",
    b"x-api-key",
    b"x-dragoman-key",
    b"content-type",
    b"content-length",
    b"x-request-id",
    b"x-oagw-target-host",
)


class Connection(Protocol):
    """What the server puts into the scope as `dragoman.connection`."""

    disconnected: bool
    remembers: bool
    """Whether it keeps an answer by itself, to go on from."""

    def abort(self) -> None:
        """Drops the connection, so that the caller sees a truncated answer."""
        ...

    def switch(self, head: bytes, guest: Guest) -> Pipe:
        """Answers with `head`, a 101, and leaves HTTP. Raises `GatewayError` BAD_HTTP."""
        ...


class Call:
    """Made for each request before anything else is looked at."""

    __slots__ = (
        "_receive", "_send", "added", "connection", "ended", "error_style", "errors_like", "grant", "head_sent",
        "header", "headers", "id", "journal", "method", "path", "peer", "query", "received", "request_id", "sent",
        "source", "started_at", "status", "trace_id", "watch",
    )  # fmt: skip

    def __init__(self, scope: Scope, receive: Receive, send: Send, call_id: str, now: float) -> None:
        self._receive = receive
        self._send = send
        self.id = call_id
        """Ours and unique: what the ledger books under. A caller's X-Request-ID may repeat."""
        self.watch = Watch()
        self.started_at = now
        self.method: str = scope["method"]
        self.path: bytes = scope.get("raw_path") or scope["path"].encode()
        """Percent-encoded as received: what was judged is what is sent on."""
        self.query: bytes = scope["query_string"]
        self.headers: Headers = scope["headers"]
        self.header = dict(self.headers)
        client = scope.get("client")
        self.peer: str = client[0] if client else ""
        """The address of whoever holds the connection; empty on a Unix socket."""
        self.connection: Connection | None = scope.get("dragoman.connection")
        asked = self.header.get(b"x-request-id")
        self.request_id = asked.decode() if asked is not None and _SAFE_ID.fullmatch(asked) else call_id
        self.trace_id = ""
        """The trace that it belongs to, once somebody has looked."""
        self.grant: Grant | None = scope.get("dragoman.grant")
        """What an agent of this gateway calls under; no caller from outside has one."""
        self.journal: Journal | None = None
        """Of a job that may be run again."""
        self.error_style: Style = "openai"
        self.errors_like = ""
        """The path whose form its errors have, if not its own."""
        self.received = 0
        """Bytes of the request's body so far."""
        self.sent = 0
        """Bytes of the answer's body so far."""
        self.added: dict[bytes, bytes] = {}
        """Headers that go with whatever is answered."""
        self.head_sent = False
        self.ended = False
        """Whether the answer is complete; nothing may be sent after it."""
        self.status = 0
        self.source: Source = "gateway"

    @property
    def route_path(self) -> str:
        return self.path.decode("latin-1")

    @property
    def asks_websocket(self) -> bool:
        """Whether the caller wants to go on in WebSocket, and its server could let it."""
        if self.header.get(b"upgrade", b"").lower() != b"websocket" or self.method != "GET" or self.connection is None:
            return False
        options = b",".join(value for name, value in self.headers if name == b"connection")
        return b"upgrade" in (option.strip().lower() for option in options.split(b","))

    @property
    def remembered(self) -> bool:
        """Whether the answer is gone on from by its caller's connection."""
        return self.connection is not None and self.connection.remembers

    def check_headers(self) -> None:
        """Refuses a second value of a header that decides something."""
        if len(self.header) == len(self.headers):
            return
        seen = set()
        for name, _ in self.headers:
            if name in seen and name in _SINGLE:
                raise GatewayError(errors.BAD_HTTP, f"The header {name.decode()!r} must not be repeated.")
            seen.add(name)

    def token(self, *, own_header: bool = False) -> str | None:
        """The gateway key as presented; None if there is none or it is not in a form we read.

        With `own_header` only `X-Dragoman-Key` counts: the usual ones then belong to the upstream.
        """
        value = self.header.get(b"x-dragoman-key")
        if value is None and not own_header:
            value = self.header.get(b"authorization")
            if value is not None:
                scheme, _, value = value.partition(b" ")
                if scheme.lower() != b"bearer":
                    value = None
            else:
                value = self.header.get(b"x-api-key")
        return value.strip().decode("latin-1") if value else None

    def own_credential(self) -> Headers:
        """The caller's own credential for an upstream that takes it, apart from its gateway key.

        Raises `GatewayError` MISSING_API_KEY where they could be mistaken for one another.
        """
        if b"x-dragoman-key" not in self.header:
            message = "This upstream takes the caller's own credential: send the gateway key in X-Dragoman-Key."
            raise GatewayError(errors.MISSING_API_KEY, message)
        return [item for item in self.headers if item[0] in CALLER_CREDENTIALS]

    async def read(self, limit: int, timeout: float) -> bytes:
        """The whole body. Raises `GatewayError` PAYLOAD_TOO_LARGE or BODY_TIMEOUT."""
        self._check_length(limit)
        self.watch.phase(errors.BODY_TIMEOUT, timeout)
        parts: list[bytes] = []
        size = 0
        more = True
        while more:
            body, more = self._part(await self.watch.guard(self._receive()))
            size += len(body)
            if size > limit:
                raise self._too_large(limit)
            parts.append(body)
        self.watch.ease()
        return parts[0] if len(parts) == 1 else b"".join(parts)

    async def stream(self, limit: int, timeout: float) -> AsyncIterator[bytes]:
        """The body as it arrives, under the same limits as `read`; may be consumed by another task.

        A deadline then strikes the call's own task, wherever it waits.
        """
        self._check_length(limit)
        self.watch.phase(errors.BODY_TIMEOUT, timeout)
        size = 0
        more = True
        while more:
            message = await self._receive()
            body, more = self._part(message)
            size += len(body)
            if size > limit:
                raise self._too_large(limit)
            if body:
                yield body

    def _part(self, message: Message) -> tuple[bytes, bool]:
        if message["type"] == "http.disconnect":
            raise GatewayError(errors.BAD_HTTP, "The caller left before its request was complete.")
        self.watch.touch()
        body: bytes = message.get("body", b"")
        self.received += len(body)
        return body, message.get("more_body", False)

    def _check_length(self, limit: int) -> None:
        length = self.header.get(b"content-length")
        if length is not None and int(length) > limit:
            raise self._too_large(limit)

    def _too_large(self, limit: int) -> GatewayError:
        message = f"The request body is larger than {limit} bytes."
        return GatewayError(errors.PAYLOAD_TOO_LARGE, message, headers={"Connection": "close"})

    async def start(self, status: int, headers: Headers, *, source: Source) -> None:
        """Sends the head of an answer whose body follows through `send`."""
        self.head_sent = True
        self.status = status
        self.source = source
        headers = [*head(self.request_id, source), *self.added.items(), *headers]
        await self._send({"type": "http.response.start", "status": status, "headers": headers})

    async def send(self, body: bytes, *, more: bool = True) -> None:
        """Sends a piece of the body, and waits while the caller's side is full."""
        watch = self.watch
        watch.sending(True)
        self.ended = not more
        self.sent += len(body)
        try:
            await self._send({"type": "http.response.body", "body": body, "more_body": more})
        except asyncio.CancelledError:
            reason = watch.take()
            if reason is None:
                raise
            raise reason from None
        watch.sending(False)

    async def answer(self, status: int, headers: Headers, body: bytes, *, source: Source) -> None:
        """Sends a whole answer."""
        await self.start(status, [*headers, (b"content-length", b"%d" % len(body))], source=source)
        await self.send(body, more=False)

    async def answer_json(self, value: object, status: int = 200) -> None:
        headers, body = render_json(value, self.request_id)
        await self._finish(status, headers, body)

    async def answer_error(self, error: GatewayError) -> None:
        """Answers with an error of our own, in the form of the path's family; only before the head is sent."""
        status, headers, body = render_error(
            error,
            path=self.errors_like or self.route_path,
            request_id=self.request_id,
            style=self.error_style,
            trace_id=self.trace_id,
        )
        await self._finish(status, headers, body)

    async def _finish(self, status: int, headers: Headers, body: bytes) -> None:
        self.head_sent = self.ended = True
        self.status = status
        self.sent = len(body)
        headers = [*headers, *self.added.items()]
        await self._send({"type": "http.response.start", "status": status, "headers": headers})
        await self._send({"type": "http.response.body", "body": body, "more_body": False})

    def switch(self, headers: Headers, guest: Guest, *, source: Source) -> Pipe:
        """Answers 101 and leaves HTTP: the connection is then `guest`'s. Raises `GatewayError` BAD_HTTP."""
        assert self.connection is not None
        fields = [b"%b: %b\r\n" % item for item in [*head(self.request_id, source), *self.added.items(), *headers]]
        pipe = self.connection.switch(b"HTTP/1.1 101 Switching Protocols\r\n%b\r\n" % b"".join(fields), guest)
        self.head_sent = self.ended = True
        self.status = 101
        self.source = source
        return pipe

    def channel(self) -> tuple[Receive, Callable[[MutableMapping[str, Any]], Awaitable[None]]]:
        """The call's own ends, for an application that answers by itself; heads still get our two headers."""

        async def send(given: MutableMapping[str, Any]) -> None:
            message = dict(given)
            if message["type"] == "http.response.start":
                self.head_sent = True
                self.status = message["status"]
                present = {name for name, _ in message["headers"]}
                ours = [item for item in head(self.request_id) if item[0] not in present]
                message["headers"] = [*ours, *message["headers"]]
            elif not message.get("more_body", False):
                self.ended = True
            await self._send(message)

        return self._receive, send

    def abort(self) -> None:
        """Breaks off an answer that cannot be completed, so that it does not look complete."""
        if self.connection is not None:
            self.connection.abort()
