"""`/v1/responses` as a WebSocket: one `response.create` after the other, each made as a POST would make it.

Every response is a call of its own, to the gateway as an ASGI application: its key is looked at again, it has a row
in the ledger, falls back, is translated and kept. What is added is what a connection can know: the latest response,
so that a call may go on from one that nobody stores; an age; a goodbye when the server stops.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from msgspec import Raw

from dragoman import errors
from dragoman.dialects.responses import continuation
from dragoman.dialects.responses import socket as messages
from dragoman.dialects.responses.continuation import Asked
from dragoman.dialects.responses.kept import KeptAnswer
from dragoman.dialects.responses.socket import Latest
from dragoman.errors import GatewayError
from dragoman.gateway.booking import Booking
from dragoman.gateway.call import Call, Message, Receive, Scope, Send
from dragoman.gateway.framed import Framed
from dragoman.gateway.handshake import Handshake
from dragoman.gateway.render import JSON, Headers, render_error
from dragoman.gateway.runtime import Runtime, Services
from dragoman.gateway.websocket import GOING_AWAY, NORMAL, WebSocket
from dragoman.policy.headers import HOP_BY_HOP, value_of
from dragoman.policy.keys import Key
from dragoman.wire.chat import Fields, raw, render_fields

Serve = Callable[[Scope, Receive, Send], Awaitable[None]]

_OF_THE_HANDSHAKE: Final = HOP_BY_HOP | {b"content-length", b"content-type", b"idempotency-key", b"x-request-id"}
"""Headers that say nothing of a single response; an idempotency key would make all of them one."""


class ResponsesSocket:
    """One connection. `run` is the whole of it."""

    __slots__ = ("_call", "_key", "_latest", "_made", "_runtime", "_serve", "_services", "booking")

    def __init__(self, call: Call, runtime: Runtime, services: Services, serve: Serve) -> None:
        self._call = call
        self._runtime = runtime
        self._services = services
        self._serve = serve
        self._key: Key | None = None
        self._latest: Latest | None = None
        self._made = 0
        self.booking = Booking(services, call, "websocket")

    async def run(self) -> None:
        """Raises `GatewayError` for a connection that is refused."""
        call, server = self._call, self._runtime.config.server
        self._key = await self._services.keyring.of(call)
        self.booking.identify(self._key, call.route_path)
        handshake = Handshake(call, max_message=server.max_body)
        socket = handshake.accept(ping_interval=server.ping_interval, source="gateway")
        try:
            await socket.close(*await self._converse(socket))
        except asyncio.CancelledError:
            if call.watch.take() is None:
                raise
            await socket.close(GOING_AWAY)
        finally:
            socket.release()

    async def _converse(self, socket: WebSocket) -> tuple[int, str]:
        """Makes responses until one of the sides has had enough; the goodbye to say."""
        clock = asyncio.get_running_loop().time
        until = clock() + self._runtime.config.server.websocket_lifetime
        while True:
            message = None
            try:
                async with asyncio.timeout_at(until):
                    message = await socket.message()
            except TimeoutError:
                pass
            if socket.over:
                return NORMAL, ""
            if socket.draining:
                return GOING_AWAY, "the gateway is shutting down"
            if message is None or clock() >= until:
                text = "This WebSocket has reached its age limit: open a new one to go on."
                await self._refuse(socket, GatewayError(errors.WEBSOCKET_CONNECTION_LIMIT_REACHED, text))
                return NORMAL, "age limit"
            await self._create(socket, message)

    async def _create(self, socket: WebSocket, message: bytes) -> None:
        """Makes one response, and remembers it for the next."""
        self._made += 1
        previous = ""
        try:
            fields = messages.parse(message)
            previous = messages.previous(fields)
            asked = continuation.parse(fields)
            items = await self._items(fields, asked)
        except GatewayError as error:
            self._forget(previous)
            await self._refuse(socket, error)
            return
        members: Fields = {}
        if previous and items is not None:
            fields = messages.follow(fields, items)
            members["previous_response_id"] = raw(previous)
        if socket.over:
            return
        kept = KeptAnswer(members, seals=asked.seals)
        answer = Framed(socket, kept)
        await socket.during(self._serve(*self._request(fields, answer)))
        if not answer.ended and not socket.over:
            await self._refuse(socket, GatewayError(errors.INTERNAL_ERROR, "The gateway broke off this response."))
        if answer.failed or not kept.ended:
            self._forget(previous)
        elif items is None or (asked.store and self._services.continuity is not None):
            self._latest = None
        else:
            self._latest = Latest(kept.id, (*items, *kept.output))

    async def _items(self, fields: Fields, asked: Asked) -> Sequence[Raw] | None:
        """All that a call follows on, and its own items; None where only who serves the call can know.

        Raises `GatewayError` PREVIOUS_RESPONSE_NOT_FOUND for a response that is neither the latest nor stored.
        """
        if asked.conversation:
            return None
        if not asked.previous:
            return asked.items
        if self._latest is not None and self._latest.id == asked.previous:
            return (*self._latest.history, *asked.items)
        if asked.store:
            return None
        if self._services.continuity is None:
            message = f"Previous response with id {asked.previous!r} not found: it is not the latest here, nor stored."
            raise GatewayError(errors.PREVIOUS_RESPONSE_NOT_FOUND, message, param="previous_response_id")
        assert self._key is not None
        return [Raw(item) for _, item in await self._services.continuity.history(self._key, fields)]

    def _forget(self, previous: str) -> None:
        """A response that could not be gone on from is not offered again."""
        if self._latest is not None and self._latest.id == previous:
            self._latest = None

    def _request(self, fields: Fields, answer: Framed) -> tuple[Scope, Receive, Send]:
        """The call that makes a response."""
        call = self._call
        headers: Headers = [
            (name, value)
            for name, value in call.headers
            if name not in _OF_THE_HANDSHAKE and not name.startswith(b"sec-websocket-")
        ]
        headers += [
            (b"content-type", JSON),
            (b"x-request-id", f"{call.request_id}.{self._made}".encode("ascii")),
        ]
        scope: Scope = {
            "type": "http",
            "method": "POST",
            "path": call.route_path,
            "raw_path": call.path,
            "query_string": call.query,
            "headers": headers,
            "client": (call.peer, 0),
            "dragoman.connection": answer,
        }
        body = render_fields(fields)

        async def receive() -> Message:
            return {"type": "http.request", "body": body, "more_body": False}

        return scope, receive, answer.send

    async def _refuse(self, socket: WebSocket, error: GatewayError) -> None:
        status, headers, body = render_error(error, path=self._call.route_path, request_id=self._call.request_id)
        await socket.send_text(messages.render_error(body, status, value_of(headers, b"retry-after")))
