"""The management API: upstreams and routes, made, shown, changed and removed; every call takes an admin key.

A key manages what its tenant has, and is shown what that is given by tenants above; of anything else it is as if it
were not there. What the configuration file made is listed, too, and is read-only here: there are no two truths. A
change is in force on this gateway when it is answered, and on the others within `directory.EVERY` seconds.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import msgspec
import structlog
from msgspec import Raw

from dragoman import errors
from dragoman.config import Config
from dragoman.config import made as config_made
from dragoman.errors import GatewayError
from dragoman.gateway import resource_body
from dragoman.gateway.call import Call
from dragoman.gateway.clock import new_uuid
from dragoman.gateway.directory import Directory
from dragoman.gateway.explain import explain
from dragoman.gateway.resource_body import convert
from dragoman.gateway.runtime import Runtime
from dragoman.policy import exposure, odata
from dragoman.policy.aliases import check_unique
from dragoman.policy.budgets import check_budgets
from dragoman.policy.keys import Key
from dragoman.policy.records import RouteRecord, UpstreamRecord, check_record, check_route_record
from dragoman.policy.resources import ROUTE_ID, UPSTREAM_ID, Origin, PluginSetup, Route, Rules, Upstream, invalid
from dragoman.ports import Clock

PREFIX: Final = "/api/oagw/v1/"

_PATH: Final = re.compile(r"/api/oagw/v1/(upstreams|routes)(?:/([A-Za-z0-9._~:-]{1,128}))?")
_ETAG: Final = re.compile(r'(?:W/)?"([0-9]{1,18})"')
Record = UpstreamRecord | RouteRecord
Check = Callable[[Upstream | Route, Mapping[str, PluginSetup]], None]
"""Whether the plugins that something is bound to can be had. Raises `GatewayError` INVALID_REQUEST."""
_audit = structlog.get_logger("audit")


class UpstreamView(Upstream, frozen=True, kw_only=True, omit_defaults=False):
    """An upstream as the API shows it."""

    id: str
    tenant_id: str
    origin: Origin
    version: int
    created_at: float
    updated_at: float


class RouteView(Route, frozen=True, kw_only=True, omit_defaults=False):
    """A route as the API shows it."""

    id: str
    tenant_id: str
    origin: Origin
    version: int
    created_at: float
    updated_at: float


class UpstreamPage(msgspec.Struct, frozen=True):
    """A list; `total` counts all that the filter lets through."""

    items: list[UpstreamView]
    total: int


class RoutePage(msgspec.Struct, frozen=True):
    """As `UpstreamPage`."""

    items: list[RouteView]
    total: int


class Management:
    """Answers for `/api/oagw/v1/upstreams`, `/routes` and `/explain`."""

    def __init__(
        self, directory: Directory, runtime: Callable[[], Runtime], clock: Clock, check_plugins: Check
    ) -> None:
        self._directory = directory
        self._runtime = runtime
        self._clock = clock
        self._check_plugins = check_plugins

    async def answer(self, call: Call, key: Key) -> None:
        """Raises `GatewayError`; `key` is an admin's."""
        if call.route_path == PREFIX + "explain":
            await self._directory.refresh()
            await call.answer_json(await explain(call, self._runtime(), key.tenant))
            return
        match = _PATH.fullmatch(call.route_path)
        if match is None:
            raise GatewayError(errors.NOT_FOUND, f"No such path: {call.route_path}")
        kind, name = match[1], match[2]
        handlers = _ONE if name else _ALL
        if call.method not in handlers:
            allow = {"Allow": ", ".join(handlers)}
            raise GatewayError(errors.METHOD_NOT_ALLOWED, f"{call.method} is not for this path.", headers=allow)
        await handlers[call.method](self, call, key, kind, name)

    async def _list(self, call: Call, key: Key, kind: str, name: str) -> None:
        view = UpstreamView if kind == "upstreams" else RouteView
        listing = odata.parse(call.query, view.__struct_fields__)
        records = await self._records(kind, self._runtime().line(key))
        page, total = listing.apply([msgspec.to_builtins(_view(record)) for record in records])
        await call.answer_json({"items": page, "total": total})

    async def _show(self, call: Call, key: Key, kind: str, name: str) -> None:
        await _answer(call, await self._find(kind, name, self._runtime().line(key)))

    async def _create(self, call: Call, key: Key, kind: str, name: str) -> None:
        line = self._runtime().line(key)
        given = await resource_body.read_new(call)
        now, tenant = self._clock.now(), line[0]
        leave = self._runtime().config.leave(tenant)
        record: Record
        if kind == "upstreams":
            value = check_record(convert(given, Upstream), leave)
            name = UPSTREAM_ID + new_uuid()
            record = UpstreamRecord(id=name, value=value, tenant=tenant, created_at=now, updated_at=now)
        else:
            route = convert(given, Route)
            check_route_record(route, leave)
            name = ROUTE_ID + new_uuid()
            record = RouteRecord(id=name, value=route, tenant=tenant, created_at=now, updated_at=now)
        await self._put(record, line)
        self._note("created", call, key, record)
        await _answer(call, record, 201, [(b"location", f"{PREFIX}{kind}/{record.id}".encode())])

    async def _replace(self, call: Call, key: Key, kind: str, name: str) -> None:
        line = self._runtime().line(key)
        given = await resource_body.read(call)
        present = await self._writable(call, kind, name, line)
        leave = self._runtime().config.leave(present.tenant)
        for member, fixed in (("id", present.id), ("tenant_id", present.tenant)):
            if member in given and msgspec.json.decode(given[member]) != fixed:
                raise invalid(member, f"{member!r} cannot be changed.")
        if isinstance(present, UpstreamRecord):
            given.setdefault("alias", Raw(msgspec.json.encode(present.value.alias)))
            value = check_record(convert(given, Upstream), leave)
            if value.alias != present.value.alias:
                raise invalid("alias", "An alias cannot be changed: callers know the upstream by it. Make another.")
            record: Record = _next(present, value, self._clock.now())
        else:
            route = convert(given, Route)
            check_route_record(route, leave)
            if route.upstream_id != present.value.upstream_id:
                raise invalid("upstream_id", "A route stays with its upstream: make another.")
            record = _next(present, route, self._clock.now())
        if not await self._put(record, line):
            raise _changed(call)
        self._note("changed", call, key, record)
        await _answer(call, record)

    async def _delete(self, call: Call, key: Key, kind: str, name: str) -> None:
        record = await self._writable(call, kind, name, self._runtime().line(key))
        if not await self._directory.store.delete(record.id, record.version):
            raise _changed(call)
        await self._directory.refresh()
        self._note("deleted", call, key, record)
        await call.answer(204, [], b"", source="gateway")

    async def _put(self, record: Record, line: Sequence[str]) -> bool:
        """Stores a record and puts it in force. Raises `GatewayError` CONFLICT, INVALID_REQUEST, PERMISSION_DENIED."""
        contents, value = await self._directory.refresh(), record.value
        of_file = _of_file(self._runtime().config)[0]
        upstreams = [*of_file, *contents.upstreams]
        if isinstance(record, UpstreamRecord):
            if any((one.tenant, one.value.alias) == (record.tenant, record.value.alias) for one in of_file):
                message = f"The configuration file has the alias {record.value.alias!r} already."
                raise GatewayError(errors.CONFLICT, message, param="alias")
            exposure.check_override(record, upstreams, line)
            check_budgets(record, upstreams, self._runtime().tree)
        else:
            owner = next((one for one in upstreams if one.id == record.value.upstream_id), None)
            if owner is None or owner.tenant != record.tenant:
                raise invalid("upstream_id", f"There is no upstream {record.value.upstream_id!r}.")
            if owner.origin == "file":
                message = "The upstream is made by the configuration file, and so are its routes."
                raise GatewayError(errors.READ_ONLY, message, param="upstream_id")
            check_unique([record.value])
        self._check_plugins(value, contents.setups(line))
        try:
            done = await self._directory.store.put(record)
        except LookupError as missing:
            name = str(missing.args[0])
            if isinstance(value, Route) and name == value.upstream_id:
                raise invalid("upstream_id", f"There is no upstream {name!r} any more.") from None
            raise invalid("plugins", f"There is no plugin {name!r} any more.") from None
        except ValueError:
            param = "alias" if isinstance(value, Upstream) else "match"
            taken = f"alias {value.alias!r}" if isinstance(value, Upstream) else "match, at this priority,"
            message = f"The {taken} is another's already: choose another, or change that one."
            raise GatewayError(errors.CONFLICT, message, param=param) from None
        await self._directory.refresh()
        return done

    async def _records(self, kind: str, line: Sequence[str]) -> Sequence[Record]:
        """What the first of `line` has or is given, the file's before the API's."""
        contents = await self._directory.refresh()
        upstreams, routes = _of_file(self._runtime().config)
        if kind == "upstreams":
            return exposure.upstreams([*upstreams, *contents.upstreams], line)
        return exposure.routes([*routes, *contents.routes], line)

    async def _find(self, kind: str, name: str, line: Sequence[str]) -> Record:
        for record in await self._records(kind, line):
            if record.id == name:
                return record
        raise _unknown(kind, name)

    async def _writable(self, call: Call, kind: str, name: str, line: Sequence[str]) -> Record:
        """What may be changed, if it is still what the caller has seen; what another tenant has is not there."""
        record = await self._find(kind, name, line)
        if record.tenant != line[0]:
            raise _unknown(kind, name)
        if record.origin == "file":
            message = "This is made by the configuration file: change it there, and reload."
            raise GatewayError(errors.READ_ONLY, message)
        wanted = call.header.get(b"if-match")
        if wanted is not None and wanted.strip() != b"*":
            tags = [_ETAG.fullmatch(tag.strip()) for tag in wanted.decode("latin-1").split(",")]
            if not any(tag is not None and int(tag[1]) == record.version for tag in tags):
                raise _changed(call)
        return record

    def _note(self, what: str, call: Call, key: Key, record: Record) -> None:
        value = record.value
        _audit.info(
            f"{'upstream' if isinstance(value, Upstream) else 'route'} {what}",
            request_id=call.request_id,
            principal_id=key.id,
            tenant_id=record.tenant,
            id=record.id,
            version=record.version,
            **({"alias": value.alias} if isinstance(value, Upstream) else {"upstream_id": value.upstream_id}),
        )


_ALL: Final[dict[str, Any]] = {"GET": Management._list, "HEAD": Management._list, "POST": Management._create}
_ONE: Final[dict[str, Any]] = {
    "GET": Management._show, "HEAD": Management._show, "PUT": Management._replace, "DELETE": Management._delete,
}  # fmt: skip


def _of_file(config: Config) -> tuple[Sequence[UpstreamRecord], Sequence[RouteRecord]]:
    """What the configuration file made, in the API's words."""
    upstreams, routes = [], []
    for name in config.aliases:
        made = config_made(config, name)
        rules = {field: getattr(made.rules, field) for field in _SHARED}
        value = Upstream(alias=name, endpoints=made.endpoints, auth=config.aliases[name].auth, **rules)
        tenant = config.aliases[name].tenant
        upstreams.append(UpstreamRecord(id=made.id, value=value, tenant=tenant, origin="file"))
        for route_id, route in made.routes:
            own = {field: getattr(route, field) for field in route.__struct_fields__}
            record = RouteRecord(id=route_id, value=Route(upstream_id=made.id, **own), tenant=tenant, origin="file")
            routes.append(record)
    return upstreams, routes


_SHARED: Final = Rules.__struct_fields__


def _next(present: Any, value: Upstream | Route, now: float) -> Any:
    return msgspec.structs.replace(present, value=value, version=present.version + 1, updated_at=now)


def _view(record: Record) -> UpstreamView | RouteView:
    value = record.value
    members = {name: getattr(value, name) for name in value.__struct_fields__}
    members |= {
        "id": record.id, "tenant_id": record.tenant, "origin": record.origin, "version": record.version,
        "created_at": record.created_at, "updated_at": record.updated_at,
    }  # fmt: skip
    return UpstreamView(**members) if isinstance(value, Upstream) else RouteView(**members)


async def _answer(call: Call, record: Record, status: int = 200, more: Sequence[tuple[bytes, bytes]] = ()) -> None:
    headers = [(b"content-type", b"application/json"), (b"etag", b'"%d"' % record.version), *more]
    await call.answer(status, headers, msgspec.json.encode(_view(record)), source="gateway")


def _unknown(kind: str, name: str) -> GatewayError:
    return GatewayError(errors.RESOURCE_NOT_FOUND, f"There is nothing of the id {name!r} among the {kind}.")


def _changed(call: Call) -> GatewayError:
    message = "It has been changed since: read it again, and decide anew."
    return GatewayError(errors.PRECONDITION_FAILED if b"if-match" in call.header else errors.CONFLICT, message)
