"""Takes from two shared limits as fast as it can, in a process of its own: `python -m tests.stores.counters.taker URL`.

It begins when a line comes in, and prints how many of its calls were let through.
"""

import asyncio
import sys

from dragoman.policy.limits import Ask, Rule
from dragoman.stores.counters.redis import RedisCounters

CALLS = 400
DAY = 86_400_000
WIDE, TIGHT = Rule("token_bucket", 1, DAY, 900), Rule("sliding_window", 600, DAY, 600)


async def take(url: str) -> int:
    counters = RedisCounters.open(url, deadline=30)
    await counters.ping()
    print("ready", flush=True)
    sys.stdin.readline()
    asks = [Ask("wide", WIDE, 1), Ask("tight", TIGHT, 1)]

    async def several(count: int) -> int:
        verdicts = [await counters.take(asks) for _ in range(count)]
        return sum(all(verdict.granted for verdict in both) for both in verdicts)

    passed = await asyncio.gather(*(several(CALLS // 8) for _ in range(8)))
    await counters.close()
    return sum(passed)


if __name__ == "__main__":
    print(asyncio.run(take(sys.argv[1])))
