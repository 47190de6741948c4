"""Plugins in the management API: those that are installed, and those that it has set up, to be bound by id.

One that is set up never changes, so what is bound to it keeps what it was bound to; it cannot be removed before
whatever uses it. No code comes in here: what a plugin does is installed with the gateway.
"""

import re
from collections.abc import Callable, Sequence
from typing import Any, Final, Literal

import msgspec
import structlog

from dragoman import errors
from dragoman.errors import GatewayError
from dragoman.gateway import resource_body
from dragoman.gateway.call import Call
from dragoman.gateway.clock import new_uuid
from dragoman.gateway.directory import Directory
from dragoman.gateway.runtime import Runtime
from dragoman.policy import exposure, odata
from dragoman.policy.keys import Key
from dragoman.policy.plugins import Kind, plugin_id
from dragoman.policy.records import PluginRecord, RouteRecord, UpstreamRecord, check_setup
from dragoman.policy.resources import PluginSetup
from dragoman.policy.tenants import ROOT
from dragoman.ports import Clock
from dragoman.ports.resources import InUse

PATH: Final = "/api/oagw/v1/plugins"
_PATH: Final = re.compile(PATH + r"(?:/([A-Za-z0-9._~:-]{1,256}))?")
Installed = Callable[[], Sequence[tuple[str, Kind]]]
"""Names and kinds of the plugins that are installed."""
_audit = structlog.get_logger("audit")


class PluginView(PluginSetup, frozen=True, kw_only=True, omit_defaults=False):
    """A plugin as the API shows it."""

    id: str
    tenant_id: str
    origin: Literal["installed", "api"]
    created_at: float
    referenced_by: Sequence[str]
    """The ids of the upstreams and routes that are bound to it by its id."""


class PluginPage(msgspec.Struct, frozen=True):
    """As `UpstreamPage`."""

    items: list[PluginView]
    total: int


class PluginApi:
    """Answers for `/api/oagw/v1/plugins`; `check` judges what is set up as far as installed plugins go."""

    def __init__(
        self,
        directory: Directory,
        clock: Clock,
        installed: Installed,
        check: Callable[[PluginSetup], None],
        runtime: Callable[[], Runtime],
    ) -> None:
        self._directory = directory
        self._clock = clock
        self._installed = installed
        self._check = check
        self._runtime = runtime

    async def answer(self, call: Call, key: Key) -> None:
        """Raises `GatewayError`; `key` is an admin's."""
        match = _PATH.fullmatch(call.route_path)
        if match is None:
            raise GatewayError(errors.NOT_FOUND, f"No such path: {call.route_path}")
        handlers = _ONE if match[1] else _ALL
        if call.method not in handlers:
            allow = {"Allow": ", ".join(handlers)}
            message = f"{call.method} is not for this path: a plugin that is set up never changes."
            raise GatewayError(errors.METHOD_NOT_ALLOWED, message, headers=allow)
        await handlers[call.method](self, call, key, match[1])

    async def _list(self, call: Call, key: Key, name: str) -> None:
        listing = odata.parse(call.query, PluginView.__struct_fields__)
        views = await self._views(self._runtime().line(key))
        page, total = listing.apply([msgspec.to_builtins(view) for view in views])
        await call.answer_json({"items": page, "total": total})

    async def _show(self, call: Call, key: Key, name: str) -> None:
        await call.answer_json(await self._find(name, self._runtime().line(key)))

    async def _create(self, call: Call, key: Key, name: str) -> None:
        runtime = self._runtime()
        tenant = runtime.line(key)[0]
        value = resource_body.convert(await resource_body.read_new(call), PluginSetup)
        check_setup(value, runtime.config.leave(tenant))
        self._check(value)
        name, now = plugin_id(value.type, new_uuid()), self._clock.now()
        record = PluginRecord(id=name, value=value, tenant=tenant, created_at=now)
        await self._directory.store.put(record)
        await self._directory.refresh()
        self._note("created", call, key, record.id)
        headers = [(b"content-type", b"application/json"), (b"location", f"{PATH}/{record.id}".encode())]
        await call.answer(201, headers, msgspec.json.encode(_view(record, ())), source="gateway")

    async def _delete(self, call: Call, key: Key, name: str) -> None:
        line = self._runtime().line(key)
        view = await self._find(name, line)
        if view.origin == "installed":
            raise GatewayError(errors.READ_ONLY, "This is installed with the gateway: nobody can remove it here.")
        if view.tenant_id != line[0]:
            raise _unknown(name)
        try:
            gone = await self._directory.store.delete(name, 1)
        except InUse:
            by = ", ".join(view.referenced_by) or "something of a tenant below"
            message = f"The plugin is bound to {by}: take it away there first."
            raise GatewayError(errors.PLUGIN_IN_USE, message, extra={"plugin": name}) from None
        if not gone:
            raise _unknown(name)
        await self._directory.refresh()
        self._note("deleted", call, key, name)
        await call.answer(204, [], b"", source="gateway")

    async def _views(self, line: Sequence[str]) -> Sequence[PluginView]:
        """The plugins that are there for the first of `line`, and what it has bound to each."""
        contents = await self._directory.refresh()
        every: Sequence[UpstreamRecord | RouteRecord] = [*contents.upstreams, *contents.routes]
        own = {one.id for one in every if one.tenant == line[0]}

        def users(name: str) -> Sequence[str]:
            return [user for user in contents.users(name) if user in own]

        views = [_installed(name, kind, users(plugin_id(kind, name))) for name, kind in self._installed()]
        return [*views, *(_view(record, users(record.id)) for record in exposure.plugins(contents.plugins, line))]

    async def _find(self, name: str, line: Sequence[str]) -> PluginView:
        for view in await self._views(line):
            if view.id == name:
                return view
        raise _unknown(name)

    def _note(self, what: str, call: Call, key: Key, name: str) -> None:
        _audit.info(f"plugin {what}", request_id=call.request_id, principal_id=key.id, tenant_id=key.tenant, id=name)


_ALL: Final[dict[str, Any]] = {"GET": PluginApi._list, "HEAD": PluginApi._list, "POST": PluginApi._create}
_ONE: Final[dict[str, Any]] = {"GET": PluginApi._show, "HEAD": PluginApi._show, "DELETE": PluginApi._delete}


def _view(record: PluginRecord, users: Sequence[str]) -> PluginView:
    members = {name: getattr(record.value, name) for name in record.value.__struct_fields__}
    members |= {"id": record.id, "tenant_id": record.tenant, "origin": "api", "created_at": record.created_at}
    return PluginView(**members, referenced_by=users)


def _installed(name: str, kind: Kind, users: Sequence[str]) -> PluginView:
    return PluginView(
        type=kind, plugin=name, name=name, id=plugin_id(kind, name), tenant_id=ROOT, origin="installed",
        created_at=0.0, referenced_by=users,
    )  # fmt: skip


def _unknown(name: str) -> GatewayError:
    return GatewayError(errors.RESOURCE_NOT_FOUND, f"There is nothing of the id {name!r} among the plugins.")
