"""The engines under test, opened and closed; what both must do alike runs over both."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping

import pytest

from dragoman.ports import JobWorker
from dragoman.stores.database import Database
from dragoman.stores.jobs.core import Core
from tests.stores.conftest import OpenDatabase
from tests.stores.jobs.engines import bounds, make_jobs
from tests.stores.jobs.gateways import Gateways

OpenJobs = Callable[..., Awaitable[Core]]


@pytest.fixture
async def open_jobs_at(open_database: OpenDatabase) -> AsyncIterator[OpenJobs]:
    """An engine with a worker per kind, or one for the kind "test"; what a test leaves open is closed."""
    opened: list[Core] = []

    async def open_one(where: str | Database, workers: JobWorker | Mapping[str, JobWorker], **limits: float) -> Core:
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
    ) -> Core:
        return await open_jobs_at(database or store_url, workers, **limits)

    return open_one


@pytest.fixture(scope="module")
def gateways() -> Iterator[Gateways]:
    """Gateways in processes of their own."""
    gateways = Gateways()
    yield gateways
    gateways.close()
