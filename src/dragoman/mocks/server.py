"""A mock served on a loopback port, inside the running event loop.

uvicorn's HTTP protocol, but not its `Server`: no signal handlers, no lifespan, no logging set up, no
task of its own. Closing aborts every connection, which ends every answer under way at once.
"""

import asyncio
import logging
import ssl
from types import TracebackType
from typing import Final

from starlette.types import ASGIApp
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from uvicorn.server import ServerState
from websockets.http11 import Request

from dragoman.mocks.delivery import SCOPE_TRANSPORT

_KEEP_ALIVE: Final = 75
_CLOSE_WAIT: Final = 5.0
_log = logging.getLogger(__name__)


class _Protocol(HttpToolsProtocol):
    """Puts the transport into the scope, so that a fault can close or reset the connection."""

    def __init__(self, config: Config, state: ServerState, emptied: asyncio.Event) -> None:
        super().__init__(config, state, {}, asyncio.get_running_loop())
        # uvicorn's own loggers belong to whoever else runs uvicorn in this process.
        self.logger = _log
        self.access_log = False
        self._emptied = emptied

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope[SCOPE_TRANSPORT] = self.transport  # type: ignore[typeddict-unknown-key]

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        # uvicorn leaves the keep-alive timer of a connection that was reset.
        self._unset_keepalive_if_required()
        if not self.connections:
            self._emptied.set()


class _Socket(WebSocketsSansIOProtocol):
    """What a `_Protocol` becomes for a WebSocket."""

    emptied: asyncio.Event

    def handle_connect(self, event: Request) -> None:
        super().handle_connect(event)
        self.scope[SCOPE_TRANSPORT] = self.transport  # type: ignore[typeddict-unknown-key]

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        if not self.connections:
            self.emptied.set()


class MockServer:
    """Serves an ASGI app for the length of an `async with`; raises `OSError` if the port is taken."""

    def __init__(
        self, app: ASGIApp, *, host: str = "127.0.0.1", port: int = 0, tls: ssl.SSLContext | None = None
    ) -> None:
        self.host = host
        self.port = port
        """The port asked for, and once open the one in use."""
        self._tls = tls
        self._state = ServerState()
        self._emptied = asyncio.Event()
        self._server: asyncio.Server | None = None
        self._config = Config(
            app,
            http=_Protocol,
            ws=type("BoundSocket", (_Socket,), {"emptied": self._emptied}),
            lifespan="off",
            interface="asgi3",
            log_config=None,
            proxy_headers=False,
            timeout_keep_alive=_KEEP_ALIVE,
        )

    @property
    def url(self) -> str:
        """The root of the server, without a slash at its end."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'https' if self._tls else 'http'}://{host}:{self.port}"

    @property
    def connections(self) -> int:
        """Open connections, idle ones included."""
        return len(self._state.connections)

    @property
    def in_flight(self) -> int:
        """Requests being answered."""
        return sum(not task.done() for task in self._state.tasks)

    async def open(self) -> None:
        """Binds and starts to accept."""
        loop = asyncio.get_running_loop()
        if not self._config.loaded:
            self._config.load()

        def protocol() -> _Protocol:
            return _Protocol(self._config, self._state, self._emptied)

        self._server = await loop.create_server(protocol, self.host, self.port, ssl=self._tls, backlog=2048)
        self.port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        """Stops accepting and breaks every connection; returns when no task is left."""
        if self._server is None:
            return
        self._server.close()
        self.disconnect()
        if tasks := set(self._state.tasks):
            _, late = await asyncio.wait(tasks, timeout=_CLOSE_WAIT)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
        async with asyncio.timeout(_CLOSE_WAIT):
            await self.quiet()
        await self._server.wait_closed()
        self._server = None

    def disconnect(self) -> None:
        """Aborts every open connection and goes on accepting, as an upstream that was restarted does."""
        for connection in list(self._state.connections):
            connection.transport.abort()

    async def quiet(self) -> None:
        """Returns once no connection is open."""
        while self._state.connections:
            self._emptied.clear()
            await self._emptied.wait()

    async def __aenter__(self) -> "MockServer":
        await self.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()
