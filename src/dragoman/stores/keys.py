"""Keys in the database, found by the SHA-256 of their token; the token itself is never here.

Trouble with the database is STORE_UNAVAILABLE, a 503, and never "no such key". Nothing is cached:
who asks on every call keeps what it was told for a while.
"""

from collections.abc import Sequence
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, Row, Select, exists, insert, select, update
from sqlalchemy.exc import IntegrityError

from dragoman.policy.keys import Key
from dragoman.stores.database import Database
from dragoman.stores.schema import keys
from dragoman.stores.text import storable

THREADS: Final = 2
_COLUMNS: Final = tuple(column for column in keys.columns if column.name != "digest")
_patterns: Final = msgspec.json.Decoder(tuple[str, ...])


class SqlKeyStore:
    """`ports.KeyStore` on a database."""

    def __init__(self, database: Database) -> None:
        self._lane = database.lane("keys", threads=THREADS)

    async def find(self, digest: bytes) -> Key | None:
        return await self._one(select(*_COLUMNS).where(keys.c.digest == digest))

    async def heir(self, key_id: str) -> Key | None:
        owner = select(keys.c.owner).where(keys.c.id == storable(key_id)).scalar_subquery()
        # All of a line but the last are revoked, and the last may be, too.
        order = (keys.c.revoked_at.is_(None).desc(), keys.c.created_at.desc())
        return await self._one(select(*_COLUMNS).where(keys.c.owner == owner).order_by(*order).limit(1))

    async def _one(self, this: Select[Any]) -> Key | None:
        def work(connection: Connection) -> Key | None:
            row = connection.execute(this).one_or_none()
            return None if row is None else _parse(row)

        return await self._lane.run(work)

    async def add(self, key: Key, digest: bytes) -> None:
        try:
            await self._lane.run(lambda connection: _insert(connection, key, digest), write=True)
        except IntegrityError:
            raise ValueError(f"a key of id {key.id!r} or of that token exists") from None

    async def replace(self, old_id: str, key: Key, digest: bytes, now: float) -> bool:
        def work(connection: Connection) -> bool:
            revoke = update(keys).where(keys.c.id == storable(old_id), keys.c.revoked_at.is_(None))
            if not connection.execute(revoke.values(revoked_at=now)).rowcount:
                return False
            _insert(connection, key, digest)
            return True

        try:
            return await self._lane.run(work, write=True)
        except IntegrityError:
            raise ValueError(f"a key of id {key.id!r} or of that token exists") from None

    async def list(self) -> Sequence[Key]:
        def work(connection: Connection) -> Sequence[Key]:
            statement = select(*_COLUMNS).order_by(keys.c.created_at, keys.c.id)
            return [_parse(row) for row in connection.execute(statement)]

        return await self._lane.run(work)

    async def revoke(self, key_id: str, now: float) -> bool:
        def work(connection: Connection) -> bool:
            this = keys.c.id == storable(key_id)
            connection.execute(update(keys).where(this, keys.c.revoked_at.is_(None)).values(revoked_at=now))
            return bool(connection.scalar(select(exists().where(this))))

        return await self._lane.run(work, write=True)


def _insert(connection: Connection, key: Key, digest: bytes) -> None:
    connection.execute(
        insert(keys).values(
            id=storable(key.id),
            owner=storable(key.owner),
            tenant=storable(key.tenant),
            digest=digest,
            name=storable(key.name),
            hint=storable(key.hint),
            created_at=key.created_at,
            expires_at=key.expires_at,
            revoked_at=key.revoked_at,
            models=_render_patterns(key.models),
            aliases=_render_patterns(key.aliases),
            admin=key.admin,
        )
    )


def _render_patterns(patterns: tuple[str, ...]) -> str:
    return msgspec.json.encode([storable(pattern) for pattern in patterns]).decode()


def _parse(row: Row[tuple[Any, ...]]) -> Key:
    return Key(
        id=row.id,
        owner=row.owner,
        tenant=row.tenant,
        name=row.name,
        hint=row.hint,
        created_at=row.created_at,
        expires_at=row.expires_at,
        revoked_at=row.revoked_at,
        models=_patterns.decode(row.models),
        aliases=_patterns.decode(row.aliases),
        admin=row.admin,
    )
