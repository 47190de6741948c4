"""Buckets in Redis or Valkey, for gateways that share their limits: one script decides on all buckets of a call.

The script is `policy.limits` in Lua, on the server's clock, and runs there alone: what it grants was there to be
granted, however many gateways ask. Its numbers are doubles, exact up to 2**53 parts of a token: a burst of 10**8 a day.
A key lives as long as its bucket differs from a new one.
"""

import asyncio
from collections.abc import Sequence
from typing import Any, Final

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from dragoman.errors import STORE_UNAVAILABLE, GatewayError
from dragoman.policy.limits import Ask, Verdict

DEADLINE: Final = 0.5
"""Seconds that a call waits for its verdict, connecting included."""
CONNECTIONS: Final = 64
PREFIX: Final = "dragoman:limit:"

CLOCK: Final = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
"""
DECIDE: Final = """
local SLOTS = 50

local function ceil(amount, by)
  local whole = math.floor(amount / by)
  if whole * by < amount then whole = whole + 1 end
  return whole
end

local function floor(amount, by)
  local whole = math.floor(amount / by)
  if whole * by > amount then whole = whole - 1 end
  return whole
end

local function text(number)
  return string.format('%.0f', number)
end

local function bucket(known, rate, window, capacity, cost)
  local full, price = capacity * window, cost * window
  local level = full
  if known then
    local before, at = string.match(known, '^(%d+):(%d+)$')
    level = math.min(full, before + math.max(0, now - at) * rate)
  end
  local granted, wait = level >= price, 0
  if granted then level = level - price else wait = ceil(price - level, rate) end
  local reset = ceil(full - level, rate)
  return granted, floor(level, window), reset, wait, text(level) .. ':' .. text(now), reset
end

local function sliding(known, rate, window, capacity, cost)
  local slot = window / SLOTS
  local newest = math.floor(now / slot)
  local slots, used = {}, 0
  for number, calls in string.gmatch(known or '', '(%d+):(%d+)') do
    slots[#slots + 1] = {tonumber(number), tonumber(calls)}
  end
  local back = #slots > 0 and math.max(0, slots[#slots][1] - newest) or 0
  local kept = {}
  for _, one in ipairs(slots) do
    one[1] = one[1] - back
    if one[1] >= newest - SLOTS then
      kept[#kept + 1] = one
      used = used + one[2]
    end
  end
  local granted, wait = used + cost <= capacity, 0
  if granted then
    if #kept > 0 and kept[#kept][1] == newest then
      kept[#kept][2] = kept[#kept][2] + cost
    else
      kept[#kept + 1] = {newest, cost}
    end
    used = used + cost
  else
    local needed = used + cost - capacity
    for _, one in ipairs(kept) do
      wait = (one[1] + SLOTS + 1) * slot - now
      needed = needed - one[2]
      if needed <= 0 then break end
    end
    wait = math.max(1, wait)
  end
  local reset = #kept > 0 and (kept[#kept][1] + SLOTS + 1) * slot - now or 0
  local state = {}
  for _, one in ipairs(kept) do state[#state + 1] = text(one[1]) .. ':' .. text(one[2]) end
  return granted, math.max(0, capacity - used), reset, wait, table.concat(state, ','), reset
end

local all, answer, writes = true, {}, {}
for number, key in ipairs(KEYS) do
  local first = (number - 1) * 5
  local decide = ARGV[first + 1] == 'token_bucket' and bucket or sliding
  local rate, window = tonumber(ARGV[first + 2]), tonumber(ARGV[first + 3])
  local capacity, cost = tonumber(ARGV[first + 4]), tonumber(ARGV[first + 5])
  local granted, remaining, reset, wait, state, idle = decide(redis.call('GET', key), rate, window, capacity, cost)
  all = all and granted
  answer[number] = {granted and 1 or 0, remaining, reset, wait}
  writes[number] = {granted, state, math.max(1, idle)}
end
for number, key in ipairs(KEYS) do
  local granted, state, idle = unpack(writes[number])
  if all or not granted then redis.call('SET', key, state, 'PX', text(idle)) end
end
return answer
"""


class RedisCounters:
    """`ports.Counters` on a Redis. `open` connects to nothing yet."""

    def __init__(self, client: Redis, deadline: float, script: str) -> None:
        self._client = client
        self._deadline = deadline
        self._decide = client.register_script(script)

    @classmethod
    def open(cls, url: str, *, deadline: float = DEADLINE, clock: str = CLOCK) -> "RedisCounters":
        """`url` is `redis://`, `rediss://` or `unix://`; ValueError for another."""
        # The one repeat is for a connection that stood idle while the server was restarted.
        once = Retry(NoBackoff(), 1)
        pool = BlockingConnectionPool.from_url(url, max_connections=CONNECTIONS, timeout=deadline, retry=once)
        return cls(Redis.from_pool(pool), deadline, clock + DECIDE)

    async def take(self, asks: Sequence[Ask]) -> Sequence[Verdict]:
        keys = [PREFIX + ask.key for ask in asks]
        numbers: list[str | int] = []
        for ask in asks:
            rule = ask.rule
            numbers += [rule.algorithm, rule.rate, rule.window, rule.capacity, ask.cost]
        try:
            async with asyncio.timeout(self._deadline):
                said: list[Any] = await self._decide(keys, numbers)
        except (RedisError, OSError) as error:
            raise _unavailable(error) from None
        return [
            Verdict(bool(granted), ask.rule.capacity, remaining, reset, wait)
            for ask, (granted, remaining, reset, wait) in zip(asks, said, strict=True)
        ]

    async def ping(self) -> None:
        try:
            async with asyncio.timeout(self._deadline):
                await self._client.ping()
        except (RedisError, OSError) as error:
            raise _unavailable(error) from None

    async def close(self) -> None:
        await self._client.aclose()


def _unavailable(error: Exception) -> GatewayError:
    """A URL may hold a password, so that what the driver says of it is not repeated."""
    return GatewayError(STORE_UNAVAILABLE, f"The store of limits cannot be asked ({type(error).__name__}).")
