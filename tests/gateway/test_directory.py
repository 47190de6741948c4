"""How a gateway learns of upstreams that were made at another one."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from dragoman.gateway.directory import Directory
from dragoman.policy.records import Contents, UpstreamRecord
from dragoman.policy.resources import Endpoint, Upstream
from dragoman.stores.database import Database
from dragoman.stores.resources import SqlResourceStore


def record(name: str) -> UpstreamRecord:
    return UpstreamRecord(id=name, value=Upstream(alias=name, endpoints=(Endpoint(host=f"{name}.example.com"),)))


@pytest.fixture
def stores(tmp_path: Path) -> Any:
    databases = [Database.open(f"sqlite:///{tmp_path}/d.db", now=lambda: 0.0) for _ in range(2)]
    yield [SqlResourceStore(database) for database in databases]
    for database in databases:
        database.close()


async def test_what_one_makes_the_other_adopts_within_a_second(stores: list[SqlResourceStore]) -> None:
    adopted: asyncio.Queue[Contents] = asyncio.Queue()
    here = Directory(stores[0], adopted.put_nowait)
    await here.refresh()
    assert (await adopted.get()).upstreams == []
    following = asyncio.get_running_loop().create_task(here.follow())
    await stores[1].put(record("a"))
    async with asyncio.timeout(1.0):
        assert (await adopted.get()).upstreams == [record("a")]
    following.cancel()
    await asyncio.gather(following, return_exceptions=True)


async def test_what_has_not_changed_is_not_read_again(stores: list[SqlResourceStore]) -> None:
    adopted: list[Contents] = []
    here = Directory(stores[0], adopted.append)
    first = await here.refresh()
    assert await here.refresh() is first
    assert len(adopted) == 1
