"""A gateway over mock upstreams, on real sockets, in a thread of its own.

Tests call it with whatever client they like, blocking ones included, and may look inside by `run`.
"""

import asyncio
import re
import socket
import threading
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from dragoman.config import Layer
from dragoman.gateway import demo
from dragoman.gateway.app import Gateway
from dragoman.gateway.clock import new_id
from dragoman.gateway.connection import ConnectionLimits
from dragoman.gateway.render import render_error
from dragoman.gateway.server import GatewayServer
from dragoman.gateway.settings import Settings
from dragoman.mocks.app import MockApp
from dragoman.mocks.app import app as mock_app
from dragoman.mocks.journal import Entry
from dragoman.mocks.server import MockServer
from dragoman.ports import LedgerRow

T = TypeVar("T")
ADMIN_KEY = "admin-key-for-tests-0123456789"
DEADLINE = 30.0


class Live:
    """A running gateway: where it is, a key for it, and the mock behind it."""

    def __init__(self, loop: asyncio.AbstractEventLoop, gateway: Gateway, mock: MockApp) -> None:
        self._loop = loop
        self.gateway = gateway
        self.mock = mock
        self.url = ""
        self.mock_url = ""
        self.key = ""
        self.admin_key = ADMIN_KEY
        self.server: GatewayServer | None = None
        self.log: list[bytes] = []

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])

    def headers(self, key: str | None = None) -> dict[str, str]:
        return {"Authorization": f"Bearer {key or self.key}"}

    def stop(self) -> None:
        """Begins the gateway's shutdown, as SIGTERM does."""
        assert self.server is not None
        self._loop.call_soon_threadsafe(self.server.request_stop)

    def run(self, work: Callable[[], Awaitable[T]]) -> T:
        """Runs a coroutine function in the gateway's loop."""

        async def perform() -> T:
            return await work()

        return asyncio.run_coroutine_threadsafe(perform(), self._loop).result(DEADLINE)

    def call_later(self, seconds: float, action: Callable[[], object]) -> None:
        """Does something in the gateway's thread after a while."""
        self._loop.call_soon_threadsafe(self._loop.call_later, seconds, action)

    def raw(self, data: bytes) -> bytes:
        """Sends bytes as they are and gives the first answer, head and body."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=DEADLINE) as connection:
            connection.sendall(data)
            received = b""
            while b"\r\n\r\n" not in received:
                part = connection.recv(65536)
                if not part:
                    return received
                received += part
            head, _, body = received.partition(b"\r\n\r\n")
            length = re.search(rb"(?i)\r\ncontent-length: *(\d+)", head)
            while length is not None and len(body) < int(length[1]):
                body += connection.recv(65536)
            return head + b"\r\n\r\n" + body

    def rows(self, count: int) -> list[LedgerRow]:
        """The newest ledger rows, once all that is queued is written."""
        self.run(self.gateway.ledger.durable)
        return list(self.run(lambda: self.gateway.ledger.rows(limit=count)))

    def issue(
        self,
        *,
        models: Sequence[str] = ("*",),
        aliases: Sequence[str] = ("*",),
        tenant: str = "default",
        admin: bool = False,
    ) -> str:
        """A further key, as far as its scopes reach."""
        create = partial(self.gateway.issuer.create, "scoped", models=models, aliases=aliases, tenant=tenant)
        _, token = self.run(partial(create, admin=admin))
        return token

    @property
    def received(self) -> int:
        """How many requests the mock has had so far; a mark for `entries`."""
        return self.mock.journal.received

    def entries(self, after: int = 0) -> list[Entry]:
        """What reached the mock since `received` was `after`, the oldest first."""

        async def read() -> list[Entry]:
            journal = self.mock.journal
            new = journal.received - after
            return list(journal.entries)[-new:] if new else []

        return self.run(read)

    def booked(self, request_id: str) -> LedgerRow:
        """The ledger row of a call once it is closed: that may be a moment after its answer has come."""

        async def look() -> LedgerRow:
            async with asyncio.timeout(DEADLINE):
                while True:
                    await self.gateway.ledger.durable()
                    for row in await self.gateway.ledger.rows(limit=200):
                        if row.reservation.request_id == request_id and row.state != "open":
                            return row
                    await asyncio.sleep(0.01)

        return self.run(look)

    def until(self, holds: Callable[[], bool], what: str) -> None:
        """Waits for something that must become true in the gateway or its mock."""

        async def look() -> None:
            async with asyncio.timeout(DEADLINE):
                while True:
                    if holds():
                        return
                    await asyncio.sleep(0.005)

        try:
            self.run(look)
        except TimeoutError:
            raise AssertionError(f"did not happen in {DEADLINE:g} s: {what}") from None


Change = Callable[[dict[str, Any], str], None]
"""Edits the demo's configuration before the gateway starts; gets the mock's base URL."""


@dataclass(frozen=True)
class Setup:
    """How a live gateway differs from the demo."""

    state: Path
    change: Change | None
    scenario: str
    timing: str
    limits: ConnectionLimits | None
    drain: float
    environ: Mapping[str, str]
    agents: Sequence[object]


@contextmanager
def running(
    state: Path,
    change: Change | None = None,
    *,
    scenario: str = "",
    timing: str = "",
    limits: ConnectionLimits | None = None,
    drain: float = 5.0,
    environ: Mapping[str, str] | None = None,
    agents: Sequence[object] = (),
) -> Iterator[Live]:
    """A live gateway with the demo's configuration, as `change` leaves it; everything ends with the block."""
    setup = Setup(state, change, scenario, timing, limits, drain, environ or {}, agents)
    ready: Future[Live] = Future()

    def work() -> None:
        try:
            asyncio.run(_serve(setup, ready))
        except BaseException as error:
            if ready.done():
                raise
            ready.set_exception(error)

    thread = threading.Thread(target=work, name="gateway")
    thread.start()
    try:
        live = ready.result(DEADLINE)
        try:
            yield live
        finally:
            with suppress(RuntimeError):  # the loop has ended already: the test stopped the gateway itself
                live.stop()
    finally:
        thread.join(DEADLINE)
        assert not thread.is_alive(), "the gateway did not stop"


async def _serve(setup: Setup, ready: "Future[Live]") -> None:
    mock = mock_app(default_scenario=setup.scenario, timing=setup.timing)
    async with MockServer(mock) as upstreams:
        values = dict(demo.layer(upstreams.url).values)
        values["server"] = {"port": 0}
        values["store"] = {"url": f"sqlite:///{setup.state / 'dragoman.db'}", "flush_interval": 0.01}
        if setup.change is not None:
            setup.change(values, upstreams.url)
        environ = {"HOME": str(setup.state), "DRAGOMAN_ADMIN_KEY": ADMIN_KEY, **setup.environ}
        log: list[bytes] = []
        gateway = Gateway(Settings(environ, base=Layer("test", values)), log.append, agents=setup.agents)
        live = Live(asyncio.get_running_loop(), gateway, mock)
        live.log = log
        live.mock_url = upstreams.url
        listening = asyncio.Event()

        def on_ready(port: int) -> None:
            live.url = f"http://127.0.0.1:{port}"
            listening.set()

        live.server = GatewayServer(
            gateway,
            host="127.0.0.1",
            port=0,
            render=render_error,
            new_id=partial(new_id, "req_"),
            limits=setup.limits,
            drain=setup.drain,
            grace=2.0,
            on_ready=on_ready,
            on_drain_begin=gateway.begin_drain,
            on_drain_deadline=gateway.end_streams,
        )
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(live.server.serve())
            await listening.wait()
            _, live.key = await gateway.issuer.create("test")
            ready.set_result(live)
