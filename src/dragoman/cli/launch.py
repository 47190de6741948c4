"""One gateway process, from its settings to its last line: what `serve` and `demo` start.

It decides nothing about calls. What it does decide: that no gateway runs without a key to it, that none
can be reached from outside before there is one, and what an operator is told about a start that failed.
"""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from ipaddress import ip_address
from pathlib import Path

import structlog

from dragoman.cli.process import cannot_listen
from dragoman.config import Tree
from dragoman.errors import ConfigError
from dragoman.gateway import demo
from dragoman.gateway.app import Gateway
from dragoman.gateway.clock import SystemClock, new_id
from dragoman.gateway.connection import ConnectionLimits
from dragoman.gateway.render import render_error
from dragoman.gateway.server import GatewayServer, open_listeners
from dragoman.gateway.settings import ADMIN_KEY, Settings
from dragoman.mocks.app import app as mock_app
from dragoman.mocks.server import MockServer

_log = structlog.get_logger("dragoman")


class KeyedGateway(Gateway):
    """A gateway that does not open without a key to it, and not to strangers before it has one.

    `token` is that of the key made at this start, if one was: always with `fresh`, else when no stored key
    is usable and the environment gives none.
    """

    def __init__(self, settings: Settings, write_log: Callable[[bytes], object] | None, *, fresh: bool = False) -> None:
        super().__init__(settings, write_log)
        self._admin_key = settings.admin_key  # here, so that one too short is found before anything is opened
        self._fresh = fresh
        self.token: str | None = None

    async def open(self) -> None:
        await super().open()
        try:
            await self._provide_key()
        except BaseException:
            await self.close()
            raise

    async def _provide_key(self) -> None:
        now = self.clock.now()
        guarded = self._admin_key is not None or any(key.usable(now) for key in await self.issuer.list())
        host = self.config.server.host
        if not guarded and not is_loopback(host):
            raise ConfigError(
                "server.host",
                f"{host!r} can be reached from other machines, and there is no key yet",
                f"create one first: dragoman keys create NAME; or set {ADMIN_KEY}",
            )
        if self._fresh or not guarded:
            _, self.token = await self.issuer.create("first key", admin=True)


def is_loopback(host: str) -> bool:
    """Whether `host` can only be reached from this machine; a name other than localhost may lead anywhere."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def bind(host: str, port: int) -> list[socket.socket]:
    """The listeners of a gateway. Raises `Failure` that names the way out."""
    try:
        return open_listeners(host, port)
    except OSError as error:
        raise cannot_listen(error, host, port) from None


def make_server(gateway: Gateway, on_ready: Callable[[int], None]) -> GatewayServer:
    """The server of a gateway as its configuration has it. Raises `ConfigError`."""
    config = gateway.config.server

    def drain() -> None:
        gateway.begin_drain()
        hint = {"hint": "once more ends them at once"} if gateway.in_flight else {}
        _log.info("stopping", in_flight=gateway.in_flight, **hint)

    server = GatewayServer(
        gateway,
        host=config.host,
        port=config.port,
        render=render_error,
        new_id=partial(new_id, "req_"),
        limits=ConnectionLimits(head_timeout=config.head_timeout, connections=config.max_connections),
        shutdown_delay=config.shutdown_delay,
        drain=config.drain,
        ssl_cert=config.ssl_cert,
        ssl_key=config.ssl_key,
        on_ready=on_ready,
        on_drain_begin=drain,
        on_drain_deadline=gateway.end_streams,
        on_reload=partial(_reload, gateway),
    )
    try:
        server.config.load()
    except OSError as error:  # ssl.SSLError is one
        reason = "no certificate and key that belong together" if isinstance(error, ssl.SSLError) else error.strerror
        raise ConfigError("server.ssl_cert", f"cannot be loaded: {reason}", "PEM files, see ssl_key too") from None
    return server


def _reload(gateway: Gateway) -> None:
    try:
        waiting = gateway.reload()
    except ConfigError as error:
        _log.error("configuration kept", setting=error.key, reason=error.message, hint=error.hint)
    else:
        _log.info("configuration reloaded", needs_restart=waiting)


@asynccontextmanager
async def serving(
    gateway: Gateway, listeners: list[socket.socket]
) -> AsyncIterator[tuple[GatewayServer, "asyncio.Task[None]"]]:
    """A gateway that answers, for the length of the block; gives its server, and the task that ends with it."""
    loop = asyncio.get_running_loop()
    ready: asyncio.Future[int] = loop.create_future()
    server = make_server(gateway, ready.set_result)
    task = loop.create_task(server.serve(listeners))
    try:
        await asyncio.wait((task, ready), return_when=asyncio.FIRST_COMPLETED)
        if not ready.done():
            task.result()
            raise AssertionError("the server ended before it was ready")
        yield server, task
    finally:
        server.request_stop()
        await task


@asynccontextmanager
async def demo_settings(state: Path, flags: Tree) -> AsyncIterator[Settings]:
    """The demo's settings, with its mock upstreams running for the length of the block."""
    async with MockServer(mock_app(clock=SystemClock())) as upstreams:
        yield demo.settings(upstreams.url, state, flags)
