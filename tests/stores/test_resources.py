"""What the store of upstreams and routes does, on SQLite and on PostgreSQL."""

import asyncio

import msgspec
import pytest

from dragoman.policy.records import PluginRecord, RouteRecord, UpstreamRecord
from dragoman.policy.resources import (
    Endpoint,
    Match,
    Method,
    PluginBinding,
    Plugins,
    PluginSetup,
    Route,
    Upstream,
)
from dragoman.ports.resources import InUse
from dragoman.stores.resources import SqlResourceStore
from tests.stores.conftest import OpenDatabase


@pytest.fixture
def store(store_url: str, open_database: OpenDatabase) -> SqlResourceStore:
    return SqlResourceStore(open_database(store_url))


def upstream(name: str, **members: object) -> UpstreamRecord:
    value = Upstream(alias=name, endpoints=(Endpoint(host=f"{name}.example.com"),), tags=("tag",))
    return msgspec.structs.replace(
        UpstreamRecord(id=f"u-{name}", value=value, created_at=1.5, updated_at=2.5), **members
    )


def route(name: str, owner: str, path: str = "/", *methods: Method, priority: int = 0) -> RouteRecord:
    value = Route(upstream_id=owner, match=Match(methods=methods or ("GET",), path=path), priority=priority)
    return RouteRecord(id=name, value=value, created_at=3.5, updated_at=4.5)


async def test_what_is_put_is_read_the_oldest_first(store: SqlResourceStore) -> None:
    assert (await store.read()).upstreams == []
    first, second = upstream("b"), upstream("a", created_at=2.0)
    taken = route("r", "u-a", "/v1", "GET", "POST")
    for record in (first, second, taken):
        assert await store.put(record)
    contents = await store.read()
    assert (contents.upstreams, contents.routes) == ([first, second], [taken])
    assert contents.revision == await store.revision() == 3


async def test_only_the_next_version_replaces_the_present_one(store: SqlResourceStore) -> None:
    await store.put(upstream("a"))
    second = upstream("a", version=2, updated_at=9.0)
    assert await store.put(second)
    assert not await store.put(second)
    assert not await store.put(upstream("unknown", version=2))
    assert (await store.read()).upstreams == [second]


async def test_an_alias_is_one_upstreams_in_a_tenant(store: SqlResourceStore) -> None:
    await store.put(upstream("a"))
    before = await store.revision()
    with pytest.raises(ValueError, match="alias"):
        await store.put(upstream("a", id="another"))
    assert await store.revision() == before
    assert await store.put(upstream("a", id="another", tenant="other"))


async def test_a_match_is_one_routes(store: SqlResourceStore) -> None:
    await store.put(upstream("a"))
    await store.put(upstream("b"))
    await store.put(route("r1", "u-a", "/v1/", "GET", "PUT"))
    with pytest.raises(ValueError, match="match"):
        await store.put(route("r2", "u-a", "//%76%31", "PUT", "POST"))
    for other in (route("r3", "u-a", "/v1", "POST"), route("r4", "u-a", "/v1", priority=1), route("r5", "u-b", "/v1")):
        assert await store.put(other)
    # A route may become what it is already, and what it was is free again.
    moved = route("r1", "u-a", "/v2", "GET")
    assert await store.put(msgspec.structs.replace(moved, version=2))
    assert await store.put(route("r6", "u-a", "/v1", "GET"))


async def test_a_route_needs_its_upstream(store: SqlResourceStore) -> None:
    with pytest.raises(LookupError):
        await store.put(route("r", "u-none"))


async def test_routes_go_with_their_upstream(store: SqlResourceStore) -> None:
    await store.put(upstream("a"))
    await store.put(route("r", "u-a"))
    assert not await store.delete("u-a", 7)
    assert await store.delete("u-a", 1)
    assert not await store.delete("u-a", 1)
    contents = await store.read()
    assert (contents.upstreams, contents.routes) == ([], [])
    await store.put(upstream("a"))
    assert await store.put(route("r", "u-a"))
    assert await store.delete("r", 1)


async def test_of_those_who_change_one_version_at_once_one_succeeds(
    store_url: str, open_database: OpenDatabase
) -> None:
    stores = [SqlResourceStore(open_database(store_url)) for _ in range(4)]
    await stores[0].put(upstream("a"))
    done = await asyncio.gather(*(store.put(upstream("a", version=2)) for store in stores))
    assert sorted(done) == [False, False, False, True]


def guard(number: int) -> PluginRecord:
    name = f"gts.cf.core.oagw.guard_plugin.v1~00000000-0000-4000-8000-{number:012}"
    return PluginRecord(
        id=name, value=PluginSetup(type="guard", plugin="p", config={"a": [1]}), created_at=float(number)
    )


def bound(to: PluginRecord) -> Plugins:
    return Plugins(items=(PluginBinding(id="installed"), PluginBinding(id=to.id)))


async def test_a_plugin_stays_for_as_long_as_something_is_bound_to_it(store: SqlResourceStore) -> None:
    first, second = guard(1), guard(2)
    assert await store.put(second) and await store.put(first)
    await store.put(upstream("a", value=msgspec.structs.replace(upstream("a").value, plugins=bound(first))))
    below = route("r", "u-a")
    await store.put(msgspec.structs.replace(below, value=msgspec.structs.replace(below.value, plugins=bound(second))))
    contents = await store.read()
    assert contents.plugins == [first, second]
    assert (contents.users(first.id), contents.users(second.id)) == (["u-a"], ["r"])
    for record, by in ((first, "u-a"), (second, "r")):
        with pytest.raises(InUse) as caught:
            await store.delete(record.id, 1)
        assert caught.value.args == (by,)
    assert (await store.read()).plugins == [first, second]
    await store.delete("u-a", 1)
    assert await store.delete(first.id, 1) and await store.delete(second.id, 1)
    assert not await store.delete(first.id, 1)
    assert (await store.read()).plugins == []


async def test_nothing_is_bound_to_a_plugin_that_is_gone(store: SqlResourceStore) -> None:
    with pytest.raises(LookupError, match=guard(1).id):
        await store.put(upstream("a", value=msgspec.structs.replace(upstream("a").value, plugins=bound(guard(1)))))
    assert (await store.read()).upstreams == []
