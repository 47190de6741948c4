"""What the management API has made, as this gateway last read it, and how it learns of changes.

A gateway that changes something reads it again at once; the others ask for the revision every `EVERY` seconds. While
the store cannot be read, what was read last goes on being served.
"""

import asyncio
from collections.abc import Callable
from typing import Final

import structlog

from dragoman.errors import GatewayError
from dragoman.policy.records import Contents
from dragoman.ports.resources import ResourceStore

EVERY: Final = 0.5

_log = structlog.get_logger("dragoman")


class Directory:
    """The contents in force; `adopt` is told of each new one before anybody else sees it."""

    def __init__(self, store: ResourceStore, adopt: Callable[[Contents], None]) -> None:
        self.store = store
        self.contents = Contents()
        self._adopt = adopt
        self._turn = asyncio.Lock()

    async def refresh(self) -> Contents:
        """Takes over what has changed, and gives what is now in force. Raises `GatewayError` STORE_UNAVAILABLE."""
        async with self._turn:
            if await self.store.revision() != self.contents.revision:
                contents = await self.store.read()
                self._adopt(contents)
                self.contents = contents
            return self.contents

    async def follow(self) -> None:
        """Refreshes for ever."""
        while True:
            await asyncio.sleep(EVERY)
            try:
                await self.refresh()
            except GatewayError as error:
                _log.warning("upstreams not read", reason=error.message)
