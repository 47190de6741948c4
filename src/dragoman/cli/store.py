"""The store as the verbs open it that look into it: beside a running gateway, never as its owner."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from dragoman.gateway.clock import SystemClock
from dragoman.gateway.settings import Settings
from dragoman.stores.database import Database

T = TypeVar("T")


def with_store(path: str | None, work: Callable[[Database], Awaitable[T]]) -> T:
    """Runs `work` on the store of the configuration at `path`. Raises `ConfigError`, `GatewayError`."""
    settings = Settings.from_process(path)
    database = Database.open(settings.store_url(settings.load().config), now=SystemClock().now)

    async def perform() -> T:
        return await work(database)

    try:
        return asyncio.run(perform())
    finally:
        database.close()
