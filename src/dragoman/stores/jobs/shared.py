"""The engine of several processes on one PostgreSQL: Procrastinate's queue brings the ids of jobs to them.

Theory of operation. Each transaction that queues a job also defers a Procrastinate task with its id, in a
queue named after the job's kind. Whoever fetches the task claims the job, and holds the task for as long as
the job runs, so that Procrastinate gives nobody more than `max_concurrency`. Everything else is in our own
tables: a task whose job is not queued any more is nothing to do, and a task too many does no harm. So a task is
given back, to be fetched again, whenever it is not certain that its job was claimed.

Procrastinate's heartbeats tell only which tasks were left behind: they end without a word once one fails, so
that jobs have leases of ours (see `pulse`).
"""

import asyncio
import math
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Final

import procrastinate
import psycopg
import psycopg_pool
from procrastinate.exceptions import ConnectorException
from procrastinate.jobs import Job as QueueJob
from procrastinate.manager import JobManager
from procrastinate.retry import BaseRetryStrategy, RetryDecision
from procrastinate.tasks import configure_task
from procrastinate.worker import Worker
from psycopg import sql
from sqlalchemy import Connection, text

from dragoman.errors import STORE_UNAVAILABLE, GatewayError
from dragoman.stores import engine as engines
from dragoman.stores.database import Database
from dragoman.stores.jobs import queue_schema
from dragoman.stores.jobs.core import Bounds, SqlJobs
from dragoman.stores.jobs.pulse import BEATS
from dragoman.stores.jobs.table import one_of
from dragoman.stores.jobs.waiting import end

POLL: Final = 0.2
"""Seconds between looks into the queue; a notification comes sooner, unless it falls into a look."""

_TASK: Final = "dragoman.job"
_CONNECTIONS: Final = 4
_STALLED: Final = 3.0  # heartbeats after which a task was left behind; no job waits for that but one never claimed
_PAUSE: Final = 1.0
_AT_ONCE: Final = datetime(2000, 1, 1, tzinfo=UTC)  # in the past, whatever the database's clock says

_IN_OUR_SCHEMA: Final = text(
    "SELECT set_config('search_path', quote_ident(:name) || ', ' || current_setting('search_path'), true)"
)


class _GiveBack(BaseRetryStrategy):
    """A task that was interrupted is for whoever comes next."""

    def get_retry_decision(self, *, exception: BaseException, job: QueueJob) -> RetryDecision:
        return RetryDecision(retry_at=_AT_ONCE)


class SharedDispatch:
    """Fetches tasks from the queue in the schema `schema` of a PostgreSQL database."""

    alone = False

    def __init__(self, database: Database, schema: str, bounds: Bounds) -> None:
        self._schema = schema
        self._bounds = bounds
        self._deferrer = JobManager(procrastinate.SyncPsycopgConnector())  # uses our connections, has none itself
        self._deadline = database.deadline
        self._conninfo = database.engine.url.set(drivername="postgresql").render_as_string(hide_password=False)

    async def _configure(self, connection: psycopg.AsyncConnection) -> None:
        await connection.execute(sql.SQL("SET search_path TO {}").format(sql.Identifier(self._schema)))
        await connection.execute(f"SET statement_timeout = {math.ceil(self._deadline * 1000)}")
        await connection.commit()

    def enqueue(self, connection: Connection, job_id: str, kind: str) -> None:
        connection.execute(_IN_OUR_SCHEMA, {"name": self._schema})
        session = queue_schema.session_of(connection)
        task = configure_task(name=_TASK, job_manager=self._deferrer, queue=kind, connection=session)
        try:
            task.defer(job_id=job_id)
        except ConnectorException as error:
            raise _unavailable() from error

    def nudge(self) -> None:
        return  # Procrastinate's trigger notifies who listens

    async def run(self, jobs: SqlJobs) -> None:
        """Fetches tasks until the engine closes, or the database fails."""
        if jobs.closing.is_set():
            return
        pool = psycopg_pool.AsyncConnectionPool(
            self._conninfo,
            kwargs=engines.postgres_arguments(self._deadline),
            configure=self._configure,
            check=psycopg_pool.AsyncConnectionPool.check_connection,
            min_size=1,
            max_size=_CONNECTIONS,
            timeout=self._deadline,
            open=False,
        )
        connector = procrastinate.PsycopgConnector(configure=self._configure)
        try:
            await pool.open(wait=True, timeout=self._deadline)
            async with procrastinate.App(connector=connector).open_async(pool) as app:
                await self._work(app, jobs)
        except (ConnectorException, psycopg.Error) as error:
            raise _unavailable() from error
        finally:
            await pool.close()

    async def _work(self, app: procrastinate.App, jobs: SqlJobs) -> None:
        @app.task(name=_TASK, retry=_GiveBack())
        async def carry(job_id: str) -> None:
            await _carry(jobs, job_id)

        heartbeat = self._bounds.heartbeat
        worker = Worker(
            app,
            queues=list(jobs.workers),
            concurrency=self._bounds.max_concurrency,
            fetch_job_polling_interval=POLL,
            shutdown_graceful_timeout=0,  # the jobs are ours and go on
            delete_jobs="always",
            install_signal_handlers=False,
            update_heartbeat_interval=heartbeat / BEATS,
            stalled_worker_timeout=heartbeat * _STALLED,
        )
        loop = asyncio.get_running_loop()
        fetch: asyncio.Task[None] = loop.create_task(worker.run())  # type: ignore[no-untyped-call]
        mend = loop.create_task(self._mend_forever(app.job_manager))
        closing = loop.create_task(_until(jobs.closing))
        await asyncio.wait((fetch, mend, closing), return_when=asyncio.FIRST_COMPLETED)
        worker.stop()  # type: ignore[no-untyped-call]
        await asyncio.wait((fetch,))
        await end(mend, closing)
        for task in (fetch, mend):
            if not task.cancelled():
                task.result()
        if not jobs.closing.is_set():
            raise _unavailable()  # the worker has stopped itself, and said why

    async def _mend_forever(self, manager: JobManager) -> None:
        """Gives back the tasks of workers that died."""
        while True:
            left: Iterable[QueueJob] = await manager.get_stalled_jobs(
                seconds_since_heartbeat=self._bounds.heartbeat * _STALLED
            )
            for task in left:
                await manager.retry_job(task, retry_at=_AT_ONCE)
            await asyncio.sleep(self._bounds.heartbeat)


async def _carry(jobs: SqlJobs, job_id: str) -> None:
    """What a task does: claims its job, and stays as long as that runs."""
    await jobs.vacancy()
    try:
        job = await jobs.take(one_of(job_id))
    except GatewayError:
        await asyncio.sleep(_PAUSE)
        raise
    if job is not None:
        await asyncio.wait((job,))  # which ends nothing if this is cancelled


async def _until(event: asyncio.Event) -> None:
    await event.wait()


def open_shared(database: Database, bounds: Bounds) -> SqlJobs:
    """Jobs in a PostgreSQL database that other gateways use too; makes the queue's tables if need be. Blocks."""
    return SqlJobs(database, SharedDispatch(database, queue_schema.prepare(database.engine), bounds), bounds)


def _unavailable() -> GatewayError:
    return GatewayError(STORE_UNAVAILABLE, "The store does not answer; try again in a moment.")
