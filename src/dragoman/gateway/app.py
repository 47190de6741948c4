"""The ASGI application: one request from its first byte to its settled account.

It is the one place that turns an error into an answer, and the owner of all that runs beside the calls.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager
from typing import Final

import msgspec
import structlog

from dragoman import errors
from dragoman.bridge import FRONT_DOORS
from dragoman.config import Config, model_of
from dragoman.errors import GatewayError
from dragoman.gateway import convert, openapi, resolve
from dragoman.gateway.admin import Admin
from dragoman.gateway.admission import Admission
from dragoman.gateway.archive import Archive
from dragoman.gateway.background import KIND, Background
from dragoman.gateway.background_run import BackgroundRuns
from dragoman.gateway.booking import Booking
from dragoman.gateway.call import Call, Receive, Scope, Send
from dragoman.gateway.catalog import Catalog
from dragoman.gateway.clock import SystemClock, new_id
from dragoman.gateway.compaction import Compaction
from dragoman.gateway.compose import Composer, Store, open_store
from dragoman.gateway.continuity import Continuity
from dragoman.gateway.conversations import Conversations
from dragoman.gateway.counting import FORMS, Counting
from dragoman.gateway.directory import Directory
from dragoman.gateway.exchange import Exchange
from dragoman.gateway.execute import KIND as EXECUTE
from dragoman.gateway.execute import Execute
from dragoman.gateway.execution import Executions
from dragoman.gateway.health import Health
from dragoman.gateway.inner import Flow, InnerCalls
from dragoman.gateway.inside import OPEN
from dragoman.gateway.issuing import Issuer
from dragoman.gateway.job_desk import JobDesk
from dragoman.gateway.keyring import Keyring
from dragoman.gateway.management import Management
from dragoman.gateway.observe import Observer
from dragoman.gateway.outbound import Outbound
from dragoman.gateway.passthrough import PassThrough
from dragoman.gateway.plugin_api import PluginApi
from dragoman.gateway.pool_metrics import PoolCollector
from dragoman.gateway.responses_socket import ResponsesSocket
from dragoman.gateway.routes import Entry, Table
from dragoman.gateway.run_metrics import RunCollector
from dragoman.gateway.runtime import Runtime, Services
from dragoman.gateway.settings import Settings
from dragoman.gateway.visit import ERRORS_LIKE, Visit, entry_of
from dragoman.policy.keys import Key
from dragoman.policy.records import Contents

FLUSH_EVERY: Final = 0.5
EXPIRE_EVERY: Final = 3600.0
_LIVE: Final = ("server.port", "server.host", "server.ssl", "store.", "log.")
"""Beginnings of keys that only a restart can change."""

_log = structlog.get_logger("dragoman")
_audit = structlog.get_logger("audit")


class Gateway:
    """An ASGI application; `open` before the first call, `close` after the last."""

    def __init__(
        self,
        settings: Settings,
        write_log: Callable[[bytes], object] | None = None,
        *,
        agents: Sequence[object] = (),
    ) -> None:
        """Reads and checks the configuration; `agents` are served as models `agent/NAME`. Raises `ConfigError`."""
        self._settings = settings
        self._loaded = settings.load()
        self.clock = SystemClock()
        self._composer = Composer(settings, self.clock, agents, self)
        self._runtime = self._composer.build(self._loaded.config)
        self._observer = Observer(write_log)
        self._observer.registry.register(PoolCollector(lambda: self._runtime.upstreams))
        self._observer.registry.register(RunCollector(lambda: self._runtime.turns))
        self._table = Table(FRONT_DOORS)
        self._calls: set[Call] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._store: Store | None = None

    @property
    def config(self) -> Config:
        return self._loaded.config

    @property
    def runtime(self) -> Runtime:
        return self._runtime

    @property
    def in_flight(self) -> int:
        return len(self._calls)

    async def open(self) -> None:
        """Opens the store and starts what runs beside the calls. Raises `ConfigError`."""
        self._store = store = await asyncio.to_thread(open_store, self._settings, self.config, self.clock)
        self.ledger = store.ledger
        self.keyring = Keyring(store.keys, self.clock, self._settings.admin_key)
        self.issuer = Issuer(store.keys, self.clock)
        self._services = self._compose_services(store)
        self.health = health = Health(self._services, self._pings(store))
        self._probes = {
            "health": health.healthy, "ready": health.ready, "status": health.status, "version": health.version,
            "openapi": openapi.answer,
        }  # fmt: skip
        self._reports = {"outbound_status": health.outbound_status, "metrics": health.metrics}
        self._catalog = Catalog(self._runtime, self.clock)
        self._admin = Admin(self.issuer, self.keyring, self.ledger, lambda: self._runtime, self.reload)
        self._runtime.hold()
        self._directory = Directory(store.resources, self._adopt)
        await self._directory.refresh()
        self._own(self._directory.follow())
        composer = self._composer
        self._management = Management(self._directory, lambda: self._runtime, self.clock, composer.check_plugins)
        self._plugins = PluginApi(
            self._directory, self.clock, composer.plugins, composer.check_setup, lambda: self._runtime
        )
        await store.jobs.open()
        self._own(self._flush_forever())
        self._own(self._expire_forever(store))

    def _pings(self, store: Store) -> list[Callable[[], Awaitable[None]]]:
        """What calls cannot do without; they pass without counters where the configuration says so."""
        return [store.ping] if self.config.store.counters_fail_open else [store.ping, store.counters.ping]

    def _compose_services(self, store: Store) -> Services:
        """The parts that calls share, and what answers for kept responses."""
        continuity = Continuity(store.responses, store.conversations, store.sealer, self.clock)
        background = Background(store.jobs, store.responses)
        self._archive = Archive(store.responses, background)
        self._conversations = Conversations(store.conversations, self.clock)
        keeps = bool(self.config.store.keep_responses)
        services = Services(
            self.keyring, self.ledger, self._observer, self.clock,
            continuity if keeps else None, background if keeps else None,
            store.sealer,
            Admission(
                store.counters, self.clock, self._observer.limits, fail_open=self.config.store.counters_fail_open
            ),
        )  # fmt: skip
        self.inner = InnerCalls(services, self._enter)
        runs = BackgroundRuns(store.jobs, store.responses, continuity, self.keyring, self.inner)
        store.jobs.register(KIND, runs.work)
        store.jobs.register(EXECUTE, Executions(services, self.keyring, self.inner).work)
        self._execute, self._desk = Execute(store.jobs), JobDesk(store.jobs)
        return services

    async def close(self) -> None:
        """Ends what `open` began; rows and log lines that wait are written first."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._store is not None:
            await self._store.jobs.close()  # first, for what runs there uses all the rest
        await self._runtime.close()
        await self._composer.close()
        if self._store is not None:
            await self._store.close()
        self._observer.flush()

    def reload(self, principal_id: str = "") -> list[str]:
        """Swaps the whole configuration, or none of it; gives the changed keys that only a restart takes up.

        `principal_id` is the key of whoever asked for it, if it was not a signal. Raises `ConfigError`, and
        everything stays as it was.
        """
        loaded = self._settings.load()
        runtime = self._composer.revise(self._composer.build(loaded.config), self._directory.contents)
        before, self._loaded = self._loaded, loaded
        self._catalog = Catalog(runtime, self.clock)
        self._swap(runtime)
        changed = _changed(before.config, loaded.config)
        _audit.info("configuration reloaded", principal_id=principal_id, changed=changed)
        return [key for key in changed if key.startswith(_LIVE)]

    def _adopt(self, contents: Contents) -> None:
        self._swap(self._composer.revise(self._runtime, contents))

    def _swap(self, runtime: Runtime) -> None:
        """Serves `runtime` from now on; the old one goes with the last call that uses it."""
        runtime.hold()
        old, self._runtime = self._runtime, runtime
        old.retired = True
        self._release(old)

    def begin_drain(self) -> None:
        """From now on `/readyz` says 503, and jobs that are queued stay so."""
        self.health.draining = True
        if self._store is not None:
            self._store.jobs.begin_drain()

    def end_streams(self) -> None:
        """The drain deadline: what still runs ends with an error it can be told apart by."""
        error = GatewayError(errors.SHUTTING_DOWN, "The gateway is shutting down.")
        for call in list(self._calls):
            call.watch.abort(error)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
            return
        call = Call(scope, receive, send, new_id("req_"), self.clock.monotonic())
        with self._enter(call) as runtime:
            call.error_style = runtime.config.server.error_style
            await self._carry(call, runtime, scope)

    @contextmanager
    def _enter(self, call: Call) -> Iterator[Runtime]:
        """Counts a call among those in flight, and gives it the configuration of this moment."""
        runtime = self._runtime
        runtime.calls += 1
        self._calls.add(call)
        self._observer.in_flight.inc()
        try:
            yield runtime
        finally:
            call.watch.stop()
            self._calls.discard(call)
            self._observer.in_flight.dec()
            runtime.calls -= 1
            if runtime.retired:
                self._release(runtime)

    async def _carry(self, call: Call, runtime: Runtime, scope: Scope) -> None:
        """Runs one call; every error ends here."""
        booking: Booking | None = None
        try:
            entry = self._admit(call, runtime)
            flow = self._flow(entry, call, runtime)
            if flow is None:
                await self._answer(entry, call, runtime, scope)
            else:
                booking = flow.booking
                await flow.run()
        except GatewayError as error:
            await self._fail(call, booking, error)
        except asyncio.CancelledError:
            reason = call.watch.take()
            if reason is not None:
                await self._fail(call, booking, reason)
                return
            if booking is not None:
                booking.settle(cancelled=True)
            if call.connection is None or not call.connection.disconnected:
                raise
        except Exception as error:  # noqa: BLE001 - the outermost handler
            _log.error("call failed", request_id=call.request_id, exc_info=error)
            internal = GatewayError(errors.INTERNAL_ERROR, f"Internal error; the log has it as {call.request_id}.")
            await self._fail(call, booking, internal)
        finally:
            if booking is not None:
                booking.settle()

    async def _fail(self, call: Call, booking: Booking | None, error: GatewayError) -> None:
        if booking is not None:
            booking.blame(error)
        if call.ended:
            return
        if call.head_sent:
            call.abort()
        else:
            await call.answer_error(error)

    def _admit(self, call: Call, runtime: Runtime) -> Entry:
        """What the call is for. Raises `GatewayError` for what no route takes."""
        call.check_headers()
        via = call.header.get(b"via")
        if via is not None and self._composer.via.encode() in via:
            raise GatewayError(errors.LOOP_DETECTED, "This request has been here before: an upstream leads back to us.")
        if len(self._calls) > runtime.config.server.max_in_flight:
            raise GatewayError(errors.OVERLOADED, "Too many calls are in flight.")
        entry = self._table.find(call.path) or entry_of(call.path, runtime.agents)
        if entry is None:
            raise GatewayError(errors.NOT_FOUND, f"No such path: {call.route_path}")
        if entry.agent:
            call.errors_like = ERRORS_LIKE
        if call.grant is not None and entry.kind not in OPEN:
            raise GatewayError(errors.PERMISSION_DENIED, "This is not for calls that agents make.")
        if (
            entry.methods is not None
            and call.method not in entry.methods
            and not (entry.websocket and call.asks_websocket)
        ):
            allow = {"Allow": ", ".join(entry.methods)}
            raise GatewayError(errors.METHOD_NOT_ALLOWED, f"{call.method} is not for this path.", headers=allow)
        return entry

    def _flow(self, entry: Entry, call: Call, runtime: Runtime) -> Flow | None:
        if entry.kind == "exchange":
            assert entry.dialect is not None
            if call.method == "GET":  # which is let in for a WebSocket only
                return ResponsesSocket(call, runtime, self._services, self)
            model = model_of(entry.agent) if entry.agent else ""
            return Exchange(call, entry.dialect, runtime, self._services, model)
        if entry.kind == "agent":
            return Visit(call, entry.agent, runtime, self._services)
        if entry.kind == "outbound":
            return Outbound(call, runtime, self._services)
        if entry.kind == "passthrough":
            return PassThrough(call, runtime, self._services)
        if entry.kind == "compact" and self._services.continuity is not None:
            return Compaction(call, runtime, self._services, self._services.continuity, self.inner)
        if entry.kind in FORMS:
            return Counting(call, FORMS[entry.kind], runtime, self._services)
        return None

    async def _answer(self, entry: Entry, call: Call, runtime: Runtime, scope: Scope) -> None:
        probe = self._probes.get(entry.kind)
        if probe is not None:
            await probe(call)
            return
        report = self._reports.get(entry.kind)
        if report is not None:
            await report(call, runtime)
            return
        match entry.kind:
            case "models" | "model":
                await self._show_models(entry, call, scope)
            case "convert":
                await self.keyring.of(call)
                await convert.answer(call, runtime.config.server, self.clock)
            case "admin":
                key = await self.keyring.of(call)
                key.require_operator()
                await self._administer(call, key, scope)
            case "archive" | "conversations" | "compact":
                await self._recall(entry, call, runtime)
            case "resolve":
                await resolve.answer(call, await self.keyring.of(call), runtime)
            case "execute" | "jobs":
                await self._long(entry, call, runtime)
            case "resources" | "plugins" | "explain":
                key = await self.keyring.of(call)
                key.require_admin()
                await (self._plugins if entry.kind == "plugins" else self._management).answer(call, key)
            case _:
                raise AssertionError(entry.kind)

    async def _long(self, entry: Entry, call: Call, runtime: Runtime) -> None:
        key = await self.keyring.of(call)
        if entry.kind == "execute":
            await self._execute.answer(call, key, runtime)
        else:
            await self._desk.answer(call, key, runtime.config.server.ping_interval)

    async def _show_models(self, entry: Entry, call: Call, scope: Scope) -> None:
        key = await self.keyring.of(call)
        if entry.kind == "models":
            await call.answer_json(await self._catalog.models(key))
        else:
            await call.answer_json(await self._catalog.model(scope["path"].removeprefix("/v1/models/"), key))

    async def _recall(self, entry: Entry, call: Call, runtime: Runtime) -> None:
        key = await self.keyring.of(call)
        if self._services.continuity is None:
            raise GatewayError(errors.NOT_FOUND, "This gateway keeps no responses: 'store.keep_responses' is 0.")
        if entry.kind == "archive":
            await self._archive.answer(call, key, runtime.config.server.ping_interval)
        else:
            await self._conversations.answer(call, key)

    async def _administer(self, call: Call, key: Key, scope: Scope) -> None:
        scope["state"] = {**scope.get("state", {}), "request_id": call.request_id, "principal_id": key.id}
        await self._admin.app(scope, *call.channel())

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        await receive()
        await self.open()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await self.close()
        await send({"type": "lifespan.shutdown.complete"})

    def _release(self, runtime: Runtime) -> None:
        """Closes a replaced runtime once nothing uses it."""
        if runtime.calls == 0:
            self._own(runtime.close())

    def _own(self, work: Coroutine[object, object, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _expire_forever(self, store: Store) -> None:
        """Removes responses that were kept long enough; several gateways on one store may do so at once."""
        while keep := self.config.store.keep_responses:
            try:
                await store.responses.expire(self.clock.now() - keep)
            except GatewayError as error:
                _log.warning("responses not expired", reason=error.message)
            await asyncio.sleep(EXPIRE_EVERY)

    async def _flush_forever(self) -> None:
        while True:
            await asyncio.sleep(FLUSH_EVERY)
            self._observer.flush()


def _changed(before: object, after: object, at: str = "") -> list[str]:
    """Dotted names of the settings that differ."""
    if isinstance(before, msgspec.Struct) and type(before) is type(after):
        found = []
        for field in before.__struct_fields__:
            found += _changed(getattr(before, field), getattr(after, field), f"{at}.{field}" if at else field)
        return found
    return [] if before == after else [at]
