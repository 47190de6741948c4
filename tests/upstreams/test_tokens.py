import asyncio
from collections.abc import Callable

import pytest

from dragoman import errors
from dragoman.errors import GatewayError
from dragoman.policy.auth import Token
from dragoman.upstreams.tokens import TokenCache, TokenSource


class Endpoint:
    """Grants `t1`, `t2` and so on once it is open; fails instead while `fault` is set."""

    def __init__(self, lifetime: float = 100.0) -> None:
        self.asked = 0
        self.open = asyncio.Event()
        self.lifetime = lifetime
        self.fault: GatewayError | None = None
        self.now = 0.0

    async def __call__(self) -> Token:
        self.asked += 1
        number = self.asked
        await self.open.wait()
        if self.fault is not None:
            raise self.fault
        return Token(f"t{number}", self.lifetime)

    @property
    def clock(self) -> Callable[[], float]:
        return lambda: self.now

    def source(self, deadline: float = 10.0) -> TokenSource:
        return TokenSource(self, self.clock, deadline)


async def test_any_number_of_waiters_share_one_fetch() -> None:
    endpoint = Endpoint()
    source = endpoint.source()
    waiters = [asyncio.ensure_future(source.token()) for _ in range(200)]
    await asyncio.sleep(0)
    endpoint.open.set()
    assert set(await asyncio.gather(*waiters)) == {"t1"}
    assert endpoint.asked == 1
    assert await source.token() == "t1"
    assert endpoint.asked == 1


async def test_a_waiter_that_leaves_ends_nothing_for_the_others() -> None:
    endpoint = Endpoint()
    source = endpoint.source()
    first, second = asyncio.ensure_future(source.token()), asyncio.ensure_future(source.token())
    await asyncio.sleep(0)
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    endpoint.open.set()
    assert await second == "t1"


async def test_a_fetch_whose_only_waiter_left_still_fills_the_cache() -> None:
    endpoint = Endpoint()
    source = endpoint.source()
    waiter = asyncio.ensure_future(source.token())
    await asyncio.sleep(0)
    waiter.cancel()
    await asyncio.gather(waiter, return_exceptions=True)
    endpoint.open.set()
    assert await source.token() == "t1"
    assert endpoint.asked == 1


async def test_a_token_is_used_until_its_time_is_up() -> None:
    endpoint = Endpoint(lifetime=100.0)
    endpoint.open.set()
    source = endpoint.source()
    await source.token()
    endpoint.now = 99.9
    assert await source.token() == "t1"
    endpoint.now = 100.0
    assert await source.token() == "t2"


async def test_a_short_lived_token_is_not_kept() -> None:
    endpoint = Endpoint(lifetime=0.0)
    endpoint.open.set()
    source = endpoint.source()
    assert [await source.token(), await source.token()] == ["t1", "t2"]


async def test_a_failure_reaches_every_waiter_and_is_not_kept() -> None:
    endpoint = Endpoint()
    endpoint.fault = GatewayError(errors.AUTH_FAILED, "no")
    source = endpoint.source()
    waiters = [asyncio.ensure_future(source.token()) for _ in range(3)]
    await asyncio.sleep(0)
    endpoint.open.set()
    found = await asyncio.gather(*waiters, return_exceptions=True)
    assert [getattr(error, "kind", None) for error in found] == [errors.AUTH_FAILED] * 3
    endpoint.fault = None
    assert await source.token() == "t2"


async def test_a_refused_token_is_dropped_but_not_a_newer_one() -> None:
    endpoint = Endpoint()
    endpoint.open.set()
    source = endpoint.source()
    assert await source.token() == "t1"
    source.drop("t1")
    assert await source.token() == "t2"
    source.drop("t1")
    assert await source.token() == "t2"


async def test_a_fetch_has_a_deadline() -> None:
    endpoint = Endpoint()
    with pytest.raises(GatewayError) as late:
        await endpoint.source(deadline=0.01).token()
    assert late.value.kind is errors.REQUEST_TIMEOUT


async def test_closing_ends_a_fetch_and_whoever_waits_for_it() -> None:
    endpoint = Endpoint()
    cache = TokenCache(endpoint.clock)
    source = cache.source("key", endpoint)
    waiter = asyncio.ensure_future(source.token())
    await asyncio.sleep(0)
    cache.close()
    with pytest.raises(GatewayError) as closed:
        await waiter
    assert closed.value.kind is errors.LINK_UNAVAILABLE


async def test_a_grant_has_one_source_for_as_long_as_somebody_uses_it() -> None:
    endpoint = Endpoint()
    endpoint.open.set()
    cache = TokenCache(endpoint.clock)
    source = cache.source("a", endpoint)
    assert cache.source("a", endpoint) is source
    assert cache.source("b", endpoint) is not source
    await source.token()
    del source
    assert await cache.source("a", endpoint).token() == "t2"


async def test_tokens_of_late_are_blanked_out() -> None:
    endpoint = Endpoint(lifetime=0.0)
    endpoint.open.set()
    source = endpoint.source()
    await source.token()
    await source.token()
    assert source.redact(b"t1 t2 t3") == b"[redacted] [redacted] t3"
    assert source.reach == 2
