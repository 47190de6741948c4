"""Writes of one kind, gathered while another is under way and committed together.

The first goes out at once; what comes while it is written goes in the next transaction, however many that are. So
a quiet store is as quick as ever, and a busy one pays for a transaction and a thread's turn once for all.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, Generic, TypeVar

from dragoman.errors import GatewayError

T = TypeVar("T")
MAX_GROUP: Final = 200


class Groups(Generic[T]):
    """`write` commits all that it is given or raises; if it raises, each is tried alone.

    But for `GatewayError`: a store that does not answer would be waited for as often as there are items.
    """

    def __init__(self, write: Callable[[Sequence[T]], Awaitable[None]]) -> None:
        self._write = write
        self._waiting: list[tuple[T, asyncio.Future[None]]] = []
        self._writing: asyncio.Task[None] | None = None

    async def put(self, item: T) -> None:
        """Returns when the item is committed, and raises what kept it from being so.

        Whoever is cancelled meanwhile leaves the item behind: it may still be committed.
        """
        loop = asyncio.get_running_loop()
        done: asyncio.Future[None] = loop.create_future()
        self._waiting.append((item, done))
        if self._writing is None:
            self._writing = loop.create_task(self._write_all())
        await done

    async def close(self) -> None:
        """Returns when all that was put is written."""
        if self._writing is not None:
            await self._writing

    async def _write_all(self) -> None:
        try:
            while self._waiting:
                group, self._waiting = self._waiting[:MAX_GROUP], self._waiting[MAX_GROUP:]
                await self._commit(group)
        finally:
            self._writing = None

    async def _commit(self, group: Sequence[tuple[T, asyncio.Future[None]]]) -> None:
        try:
            await self._write([item for item, _ in group])
        except Exception as error:  # noqa: BLE001 - it is those who wait that it is raised to
            if len(group) > 1 and not isinstance(error, GatewayError):
                for one in group:
                    await self._commit([one])
                return
            for _, done in group:
                if not done.done():
                    done.set_exception(error)
        else:
            for _, done in group:
                if not done.done():
                    done.set_result(None)
