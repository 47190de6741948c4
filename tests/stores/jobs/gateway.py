"""Gateways that run jobs, in processes of their own, to be killed: `python -m tests.stores.jobs.gateway`.

For each line of its input, `URL NAME HEARTBEAT`, it forks one, which prints its process id. Jobs of the kind
"hold" say who runs them and then hold on, adding an event ten times a second, until they are cancelled. At
the end of its input all are killed.
"""

import asyncio
import os
import signal
import sys
import time

import structlog

from dragoman.errors import GatewayError
from dragoman.ports import JobRun
from dragoman.stores.database import Database
from tests.stores.jobs.engines import bounds, make_jobs


async def serve(url: str, name: str, heartbeat: float) -> None:
    database = Database.open(url, now=time.time, owner=True, instance_id=name)
    jobs = make_jobs(database, bounds(heartbeat=heartbeat))

    async def hold(run: JobRun) -> None:
        await run.append(f"{name} attempt {run.attempt}".encode())
        try:
            while True:
                await asyncio.sleep(0.1)
                await run.append(b"tick")
        except asyncio.CancelledError:
            print(f"{name} cancelled {run.id}", flush=True)
            await run.append(f"{name} cancelled".encode())
            raise
        except GatewayError:
            print(f"{name} lost {run.id}", flush=True)
            raise

    jobs.register("hold", hold)
    await jobs.open()
    await asyncio.Event().wait()


def main() -> None:
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the dead are of no interest
    for line in sys.stdin:
        url, name, heartbeat = line.split()
        child = os.fork()
        if child == 0:
            print(os.getpid(), flush=True)
            asyncio.run(serve(url, name, float(heartbeat)))
    os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    main()
