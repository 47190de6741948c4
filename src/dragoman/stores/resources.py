"""Upstreams, routes and plugins in the database. Every change counts the revision up, in the same transaction."""

import re
from collections.abc import Sequence
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, Row, Table, delete, exists, insert, select, update
from sqlalchemy.exc import IntegrityError

from dragoman.policy.matching import split
from dragoman.policy.records import Contents, PluginRecord, Record, RouteRecord, UpstreamRecord
from dragoman.policy.resources import PluginSetup, Route, Upstream, bindings
from dragoman.ports.resources import InUse
from dragoman.stores.database import Database
from dragoman.stores.schema import plugins, resource_revision, route_matches, routes, upstreams

_upstream: Final = msgspec.json.Decoder(Upstream)
_route: Final = msgspec.json.Decoder(Route)
_plugin: Final = msgspec.json.Decoder(PluginSetup)
_SET_UP: Final = re.compile(r"_plugin\.v1~[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$")
"""Ids of plugins that the API has set up; others are installed, and not the database's to know."""


class SqlResourceStore:
    """`ports.ResourceStore` on a database."""

    def __init__(self, database: Database) -> None:
        self._lane = database.lane("resources", threads=1)

    async def revision(self) -> int:
        return await self._lane.run(_revision)

    async def read(self) -> Contents:
        def work(connection: Connection) -> Contents:
            # The revision first: on PostgreSQL a change may be committed in between, and is then read again.
            revision = _revision(connection)
            found = connection.execute(select(upstreams).order_by(upstreams.c.created_at, upstreams.c.id))
            below = connection.execute(select(routes).order_by(routes.c.created_at, routes.c.id))
            setups = connection.execute(select(plugins).order_by(plugins.c.created_at, plugins.c.id))
            return Contents(
                revision,
                [_parse_upstream(row) for row in found],
                [_parse_route(row) for row in below],
                [_parse_plugin(row) for row in setups],
            )

        return await self._lane.run(work)

    async def put(self, record: Record) -> bool:
        def work(connection: Connection) -> bool:
            _count(connection)
            if isinstance(record, PluginRecord):
                return _put_plugin(connection, record)
            _check_plugins(connection, record)
            if isinstance(record, UpstreamRecord):
                return _put(connection, upstreams, record, {"alias": record.value.alias})
            owner = record.value.upstream_id
            if not connection.scalar(select(exists().where(upstreams.c.id == owner))):
                raise LookupError(owner)
            return _put(connection, routes, record, {"upstream_id": owner}) and _put_matches(connection, record)

        try:
            return await self._lane.run(work, write=True)
        except IntegrityError:
            raise ValueError("another has this alias or match") from None

    async def delete(self, resource_id: str, version: int) -> bool:
        def work(connection: Connection) -> bool:
            _count(connection)
            gone = connection.execute(delete(plugins).where(plugins.c.id == resource_id)).rowcount
            if gone and (by := _users(connection, resource_id)):
                raise InUse(*by)
            for table in (upstreams, routes):
                this = (table.c.id == resource_id) & (table.c.version == version)
                gone += connection.execute(delete(table).where(this)).rowcount
            return bool(gone)

        return await self._lane.run(work, write=True)


def _revision(connection: Connection) -> int:
    return int(connection.execute(select(resource_revision.c.number)).scalar_one())


def _count(connection: Connection) -> None:
    connection.execute(update(resource_revision).values(number=resource_revision.c.number + 1))


def _put(connection: Connection, table: Table, record: UpstreamRecord | RouteRecord, keys: dict[str, str]) -> bool:
    values = {
        **keys,
        "tenant": record.tenant,
        "version": record.version,
        "created_at": record.created_at,
        "updated_at": record.updated_at,
        "body": msgspec.json.encode(record.value).decode(),
    }
    if record.version == 1:
        connection.execute(insert(table).values(id=record.id, **values))
        return True
    this = (table.c.id == record.id) & (table.c.version == record.version - 1)
    return bool(connection.execute(update(table).where(this).values(values)).rowcount)


def _put_plugin(connection: Connection, record: PluginRecord) -> bool:
    body = msgspec.json.encode(record.value).decode()
    connection.execute(
        insert(plugins).values(id=record.id, tenant=record.tenant, created_at=record.created_at, body=body)
    )
    return True


def _check_plugins(connection: Connection, record: UpstreamRecord | RouteRecord) -> None:
    """Writers take turns, so that what is there now cannot be gone before the record is."""
    for binding in bindings(record.value):
        if _SET_UP.search(binding.id) and not connection.scalar(select(exists().where(plugins.c.id == binding.id))):
            raise LookupError(binding.id)


def _users(connection: Connection, plugin_id: str) -> Sequence[str]:
    found = []
    for table, decoder in ((upstreams, _upstream), (routes, _route)):
        for row in connection.execute(select(table.c.id, table.c.body)):
            value: Upstream | Route = decoder.decode(row.body)
            if any(binding.id == plugin_id for binding in bindings(value)):
                found.append(row.id)
    return found


def _put_matches(connection: Connection, record: RouteRecord) -> bool:
    connection.execute(delete(route_matches).where(route_matches.c.route_id == record.id))
    match = record.value.match
    rows = [
        {
            "upstream_id": record.value.upstream_id,
            "path": b"/".join(split(match.path.encode())),
            "priority": record.value.priority,
            "method": method,
            "route_id": record.id,
        }
        for method in dict.fromkeys(match.methods)
    ]
    connection.execute(insert(route_matches), rows)
    return True


def _parse_upstream(row: Row[Any]) -> UpstreamRecord:
    return UpstreamRecord(
        id=row.id,
        value=_upstream.decode(row.body),
        tenant=row.tenant,
        version=row.version,
        created_at=row.created_at,
        updated_at=row.updated_at,
    )


def _parse_plugin(row: Row[Any]) -> PluginRecord:
    return PluginRecord(id=row.id, value=_plugin.decode(row.body), tenant=row.tenant, created_at=row.created_at)


def _parse_route(row: Row[Any]) -> RouteRecord:
    return RouteRecord(
        id=row.id,
        value=_route.decode(row.body),
        tenant=row.tenant,
        version=row.version,
        created_at=row.created_at,
        updated_at=row.updated_at,
    )
