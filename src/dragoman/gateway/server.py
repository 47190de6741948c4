"""The HTTP server: listens, tells when it is ready, and stops without cutting an answer.

Stopping, on SIGTERM, SIGINT or `request_stop()`:

    at once                 `on_drain_begin`: readiness fails, every answer is the last on its connection
    after `shutdown_delay`  listeners and idle connections close
    up to `drain`           calls under way may finish
    then                    `on_drain_deadline`: the application ends its streams with an error event
    after `grace`           what is left is cut
    last                    the application's lifespan ends, which flushes; `serve` returns

SIGINT while it stops goes straight to the cut. It is no process manager: one process, one event loop.
"""

import asyncio
import contextlib
import errno
import logging
import signal
import socket
import threading
from collections.abc import Awaitable, Callable, Generator, Sequence
from typing import Any, Final

import uvicorn

from dragoman.gateway.connection import Connection, ConnectionLimits, Edge, RenderError, bind

Message = dict[str, Any]
"""An ASGI event, whose values are what the ASGI specification says."""
Application = Callable[
    [dict[str, Any], Callable[[], Awaitable[Message]], Callable[[Message], Awaitable[None]]], Awaitable[None]
]

_POLL: Final = 0.05
_CUT_WAIT: Final = 1.0
"""Seconds a cancelled call gets to clean up."""
_FLUSH_WAIT: Final = 30.0
"""Seconds the application's shutdown may take before the process gives it up."""
_FORCED_FLUSH_WAIT: Final = 5.0
"""The same when the user has lost patience."""
_ABSENT: Final = (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT)
"""One address of a name may be missing: `localhost` often names ::1 where there is no IPv6."""
_log = logging.getLogger(__name__)


class Lifespan:
    """Runs the application's lifespan scope in a task of its own, and lets its exceptions through.

    uvicorn's own logs them and exits, so that nobody can say what went wrong.
    """

    def __init__(self, config: uvicorn.Config) -> None:
        self.state: dict[str, Any] = {}
        self._app: Application = config.loaded_app
        self._spec = {"version": config.asgi_version, "spec_version": "2.0"}
        self._asked: asyncio.Queue[Message] = asyncio.Queue()
        self._answered: asyncio.Queue[Message] = asyncio.Queue()
        self._task: asyncio.Task[None] | None = None

    async def startup(self) -> None:
        """Returns when the application is ready; raises what it raised."""
        self._task = asyncio.get_running_loop().create_task(self._run())
        try:
            await self._step("startup")
        except BaseException:
            await self._end(self._task)
            raise

    async def shutdown(self, wait: float) -> None:
        """Returns when the application has closed everything; raises what it raised, or `TimeoutError`."""
        task = self._task
        assert task is not None
        if task.done():
            return task.result()
        try:
            async with asyncio.timeout(wait):
                await self._step("shutdown")
                await task
        finally:
            await self._end(task)

    async def _end(self, task: asyncio.Task[None]) -> None:
        if not task.done():
            task.cancel()
            await asyncio.wait((task,), timeout=_CUT_WAIT)

    async def _run(self) -> None:
        scope = {"type": "lifespan", "asgi": self._spec, "state": self.state}
        await self._app(scope, self._asked.get, self._answered.put)

    async def _step(self, name: str) -> None:
        assert self._task is not None
        self._asked.put_nowait({"type": f"lifespan.{name}"})
        answer = asyncio.get_running_loop().create_task(self._answered.get())
        try:
            await asyncio.wait((self._task, answer), return_when=asyncio.FIRST_COMPLETED)
            if not answer.done():
                self._task.result()
                raise RuntimeError(f"the application ended its lifespan before {name} was complete")
            if answer.result()["type"] != f"lifespan.{name}.complete":
                raise RuntimeError(answer.result().get("message") or f"application {name} failed")
        finally:
            answer.cancel()


class GatewayServer(uvicorn.Server):
    """Serves one ASGI application; `run()` blocks, `serve()` is its coroutine.

    Both raise `OSError` if the address cannot be bound, and whatever the application raises in its
    lifespan; they return normally after a stop. Signals are handled in the main thread only.
    """

    def __init__(
        self,
        app: Application,
        *,
        host: str,
        port: int,
        render: RenderError,
        new_id: Callable[[], str],
        limits: ConnectionLimits | None = None,
        shutdown_delay: float = 0.0,
        drain: float = 300.0,
        grace: float = 5.0,
        ssl_cert: str | None = None,
        ssl_key: str | None = None,
        backlog: int = 2048,
        on_ready: Callable[[int], None] | None = None,
        on_drain_begin: Callable[[], None] | None = None,
        on_drain_deadline: Callable[[], None] | None = None,
        on_reload: Callable[[], None] | None = None,
    ) -> None:
        self.edge = Edge(render, new_id, limits or ConnectionLimits())
        config = uvicorn.Config(
            app,
            host=host,
            port=port,
            http=bind(self.edge),
            ws="none",
            interface="asgi3",
            log_config=None,
            log_level="warning",
            access_log=False,
            proxy_headers=False,
            server_header=False,
            workers=1,
            backlog=backlog,
            ssl_certfile=ssl_cert,
            ssl_keyfile=ssl_key,
        )
        super().__init__(config)
        self.servers: list[asyncio.Server] = []
        self.port = port
        """The port asked for, and once bound the one in use."""
        self._shutdown_delay = shutdown_delay
        self._drain = drain
        self._grace = grace
        self._on_ready = on_ready
        self._on_drain_begin = on_drain_begin
        self._on_drain_deadline = on_drain_deadline
        self._on_reload = on_reload
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop_wanted = False
        self._close_at: float | None = None

    @property
    def draining(self) -> bool:
        """Whether a stop has begun."""
        return self.edge.draining

    def request_stop(self) -> None:
        """Begins the stop described above; from any thread, more than once, even before `serve`."""
        self._stop_wanted = True
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._begin_drain)

    async def serve(self, sockets: list[socket.socket] | None = None) -> None:
        """Listens, answers, and returns once stopped."""
        listeners = sockets or open_listeners(self.config.host, self.port)
        try:
            self.port = listeners[0].getsockname()[1]
            self._loop = asyncio.get_running_loop()
            await super().serve(listeners)
        finally:
            self._loop = None
            for listener in listeners:
                listener.close()

    async def _serve(self, sockets: list[socket.socket] | None = None) -> None:
        config = self.config
        if not config.loaded:
            config.load()
        self._lifespan = Lifespan(config)
        await self._lifespan.startup()
        try:
            await self.startup(sockets)
            await self.main_loop()
        except BaseException:
            self.force_exit = True  # cancelled from outside, or could not start: no time to drain
            raise
        finally:
            await self.shutdown(sockets)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listens on bound sockets, then tells that it does."""
        config, limits = self.config, self.edge.limits
        for listener in sockets or []:
            server = await asyncio.get_running_loop().create_server(
                self._make_connection,
                sock=listener,
                backlog=config.backlog,
                ssl=config.ssl,
                ssl_handshake_timeout=limits.head_timeout if config.ssl else None,
                ssl_shutdown_timeout=limits.linger if config.ssl else None,
            )
            self.servers.append(server)
        self.started = True
        if self._stop_wanted:
            self._begin_drain()
        if self._on_ready is not None:
            self._on_ready(self.port)

    def _make_connection(self) -> asyncio.Protocol:
        return self.config.http_protocol_class(  # type: ignore[call-arg]
            config=self.config, server_state=self.server_state, app_state=self._lifespan.state
        )

    async def on_tick(self, counter: int) -> bool:
        """Ten times a second: refreshes the Date header, ends connections that are over time."""
        done = await super().on_tick(counter)
        now = asyncio.get_running_loop().time()
        for connection in self._connections():
            connection.tick(now)
        return done or (self._close_at is not None and self._close_at <= now)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Everything after the listeners' end, down to the application's flush."""
        self._begin_drain()
        for server in self.servers:
            server.close()
        if not await self._quiet(self._drain) and not self.force_exit:
            if self._on_drain_deadline is not None:
                # Not called here: should it raise, the flush below must come all the same.
                asyncio.get_running_loop().call_soon(self._on_drain_deadline)
            await self._quiet(self._grace)
        await self._cut()
        await self._lifespan.shutdown(_FORCED_FLUSH_WAIT if self.force_exit else _FLUSH_WAIT)

    async def _quiet(self, seconds: float) -> bool:
        """Waits until no connection and no call is left; False if `seconds` or the user's patience ran out."""
        now = asyncio.get_running_loop().time
        end = now() + seconds
        counter = 0
        while not self.force_exit:
            for connection in self._connections():
                connection.shutdown()
            if not self.server_state.connections and not self.server_state.tasks:
                return True
            if now() >= end:
                return False
            await asyncio.sleep(_POLL)
            await self.on_tick(counter)
            counter += 1
        return False

    async def _cut(self) -> None:
        """Drops every connection, which cancels its call, and gives the calls a moment to end."""
        for connection in self._connections():
            connection.transport.abort()
        for _ in range(2):
            if self.server_state.tasks:
                await asyncio.wait(list(self.server_state.tasks), timeout=_CUT_WAIT)
            for task in self.server_state.tasks:
                task.cancel()
        for server in self.servers:
            try:
                # Since Python 3.12 this also waits for the connections, which takes a turn of the loop.
                async with asyncio.timeout(_CUT_WAIT):
                    await server.wait_closed()
            except TimeoutError:
                _log.warning("connections were still open at the end of the stop")

    def _connections(self) -> Sequence[Connection]:
        return [connection for connection in self.server_state.connections if isinstance(connection, Connection)]

    def _begin_drain(self) -> None:
        if self.edge.draining:
            return
        self.edge.draining = True
        self._close_at = asyncio.get_running_loop().time() + self._shutdown_delay
        if self._on_drain_begin is not None:
            self._on_drain_begin()

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None]:
        """Handles SIGTERM and SIGINT (SIGHUP with `on_reload`) for as long as it is entered, and unlike uvicorn
        does not raise them again at the end: a stop on request is a success."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        loop = asyncio.get_running_loop()
        actions: dict[signal.Signals, Callable[[], None]] = {
            signal.SIGTERM: self._begin_drain,
            signal.SIGINT: self._interrupt,
        }
        if self._on_reload is not None:
            actions[signal.SIGHUP] = self._on_reload
        before = {number: signal.getsignal(number) or signal.SIG_DFL for number in actions}
        for number, action in actions.items():
            loop.add_signal_handler(number, action)
        try:
            yield
        finally:
            for number, handler in before.items():
                loop.remove_signal_handler(number)
                signal.signal(number, handler)

    def _interrupt(self) -> None:
        if self.edge.draining:
            self.force_exit = self.should_exit = True
        self._begin_drain()


def open_listeners(host: str, port: int) -> list[socket.socket]:
    """Binds every address of `host`, all to one port; port 0 takes a free one. Raises `OSError` that names both."""
    listeners: list[socket.socket] = []
    absent: OSError | None = None
    try:
        found = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        for family, address in dict.fromkeys((entry[0], entry[4]) for entry in found):
            taken = listeners[0].getsockname()[1] if listeners else port
            try:
                listeners.append(_bind(family, (address[0], taken, *address[2:])))
            except OSError as exc:
                if exc.errno not in _ABSENT:
                    raise
                absent = exc
        if absent is not None and not listeners:
            raise absent
    except OSError as exc:
        for listener in listeners:
            listener.close()
        raise OSError(exc.errno, f"cannot listen on {host}:{port}: {exc.strerror}") from exc
    return listeners


def _bind(family: socket.AddressFamily, address: tuple[str | int, ...]) -> socket.socket:
    # With its protocol named: asyncio sets TCP_NODELAY on no other sockets, and Nagle then holds answers back.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listener.bind(address)
        listener.setblocking(False)
    except OSError:
        listener.close()
        raise
    return listener
