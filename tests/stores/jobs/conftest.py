"""The engines under test, opened and closed; what both must do alike runs over both."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping

import psycopg
import pytest

from dragoman.ports import JobWorker
from dragoman.stores.database import Database
from dragoman.stores.jobs import queue_schema
from dragoman.stores.jobs.core import SqlJobs
from tests.postgres import PostgresServer
from tests.stores.conftest import OpenDatabase
from tests.stores.jobs.engines import bounds, make_jobs
from tests.stores.jobs.gateways import Gateways

OpenJobs = Callable[..., Awaitable[SqlJobs]]


@pytest.fixture(scope="session")
def migrated_url(postgres_server: PostgresServer) -> str:
    """A database that has all its tables, the queue's too; to be copied."""
    url = postgres_server.create_database()
    database = Database.open(url, now=lambda: 0.0)
    queue_schema.prepare(database.engine)
    database.close()
    return url


@pytest.fixture(scope="session")
def worn_url(postgres_server: PostgresServer, migrated_url: str) -> str:
    """A database that tests use one after the other: new ones take their time."""
    return postgres_server.create_database(like=migrated_url)


@pytest.fixture
def postgres_url(worn_url: str) -> str:
    """The URL of a database without a row."""
    with psycopg.connect(worn_url) as connection:
        connection.execute(
            "TRUNCATE jobs, instances, public_procrastinate.procrastinate_jobs, "
            "public_procrastinate.procrastinate_workers CASCADE"
        )
    return worn_url


@pytest.fixture
async def open_jobs_at(open_database: OpenDatabase) -> AsyncIterator[OpenJobs]:
    """An engine with a worker per kind, or one for the kind "test"; what a test leaves open is closed."""
    opened: list[SqlJobs] = []

    async def open_one(where: str | Database, workers: JobWorker | Mapping[str, JobWorker], **limits: float) -> SqlJobs:
        database = open_database(where, owner=True) if isinstance(where, str) else where
        jobs = make_jobs(database, bounds(**limits))  # type: ignore[arg-type]
        for kind, worker in workers.items() if isinstance(workers, Mapping) else [("test", workers)]:
            jobs.register(kind, worker)
        opened.append(jobs)
        await jobs.open()
        return jobs

    yield open_one
    for jobs in opened:
        await jobs.close()


@pytest.fixture
def open_jobs(store_url: str, open_jobs_at: OpenJobs) -> OpenJobs:
    """The same, on an empty database of each kind in turn unless one is given."""

    async def open_one(
        workers: JobWorker | Mapping[str, JobWorker], database: Database | None = None, **limits: float
    ) -> SqlJobs:
        return await open_jobs_at(database or store_url, workers, **limits)

    return open_one


@pytest.fixture(scope="module")
def gateways() -> Iterator[Gateways]:
    """Gateways in processes of their own."""
    gateways = Gateways()
    yield gateways
    gateways.close()
