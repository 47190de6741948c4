"""A gateway's ledger in a process of its own, to be killed: `python -m tests.stores.victim`.

For each line of its input, `URL FIRST`, it becomes that many-th owner of the database in a fork of its
own, and books calls from number FIRST on without end: the fork prints its process id, and then, after
each commit, the number up to which all is committed. Of every ten calls, the last is never settled.
"""

import asyncio
import os
import sys
import time

from dragoman.stores.database import Database
from dragoman.stores.ledger import SqlLedger
from dragoman.turn import Usage
from tests.stores.calls import reservation, settlement

USAGE = Usage(input_tokens=3, output_tokens=5)


def stays_open(number: int) -> bool:
    return number % 10 == 9


async def book(url: str, first: int) -> None:
    database = Database.open(url, now=time.time, owner=True, instance_id=f"victim-{first}")
    ledger = SqlLedger(database, flush_interval=0.002)
    number = first
    while True:
        for _ in range(25):
            ledger.reserve(reservation(number))
            if not stays_open(number):
                ledger.settle(settlement(number, usage=USAGE))
            number += 1
        if number % 4 == 0:
            await ledger.durable()
            print(number, flush=True)
        else:
            await asyncio.sleep(0)


def main() -> None:
    for line in sys.stdin:
        url, first = line.split()
        victim = os.fork()
        if victim == 0:
            print(os.getpid(), flush=True)
            asyncio.run(book(url, int(first)))
        os.waitpid(victim, 0)
        print("dead", flush=True)


if __name__ == "__main__":
    main()
