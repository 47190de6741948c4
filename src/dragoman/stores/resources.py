"""Upstreams and routes in the database. Every change counts the revision up, in the same transaction."""

from typing import Any, Final

import msgspec
from sqlalchemy import Connection, Row, Table, delete, exists, insert, select, update
from sqlalchemy.exc import IntegrityError

from dragoman.policy.matching import split
from dragoman.policy.records import Contents, RouteRecord, UpstreamRecord
from dragoman.policy.resources import Route, Upstream
from dragoman.stores.database import Database
from dragoman.stores.schema import resource_revision, route_matches, routes, upstreams

_upstream: Final = msgspec.json.Decoder(Upstream)
_route: Final = msgspec.json.Decoder(Route)


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
            return Contents(revision, [_parse_upstream(row) for row in found], [_parse_route(row) for row in below])

        return await self._lane.run(work)

    async def put(self, record: UpstreamRecord | RouteRecord) -> bool:
        def work(connection: Connection) -> bool:
            _count(connection)
            if isinstance(record, UpstreamRecord):
                return _put(connection, upstreams, record, {"alias": record.value.alias})
            owner = record.value.upstream_id
            if not connection.scalar(select(exists().where(upstreams.c.id == owner))):
                raise LookupError(f"no upstream of id {owner!r}")
            return _put(connection, routes, record, {"upstream_id": owner}) and _put_matches(connection, record)

        try:
            return await self._lane.run(work, write=True)
        except IntegrityError:
            raise ValueError("another has this alias or match") from None

    async def delete(self, resource_id: str, version: int) -> bool:
        def work(connection: Connection) -> bool:
            _count(connection)
            gone = 0
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


def _parse_route(row: Row[Any]) -> RouteRecord:
    return RouteRecord(
        id=row.id,
        value=_route.decode(row.body),
        tenant=row.tenant,
        version=row.version,
        created_at=row.created_at,
        updated_at=row.updated_at,
    )
