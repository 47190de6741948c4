"""The statements on the tables of jobs; every change of a running job names its run, or changes nothing.

A run is a job's number and an attempt, which each claim counts up. Whoever was taken for dead and is not
finds its attempt past: it can neither add to the output nor end the job.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import (
    ColumnElement,
    Connection,
    Double,
    and_,
    bindparam,
    cast,
    delete,
    extract,
    func,
    insert,
    select,
    tuple_,
    update,
)

from dragoman.ports import Job, JobRecord, JobState
from dragoman.stores.schema import job_events, job_payloads, jobs
from dragoman.stores.text import storable

ATTEMPTS: Final = 3
"""Runs of an idempotent job, the first included; one that has killed so many processes is not given another."""

DEAD: Final = ("server_error", "The gateway that ran this stopped before it was done.")

_PAGE_EVENTS: Final = 500
_PAGE_BYTES: Final = 1 << 20
_EXPIRE_AT_ONCE: Final = 20  # each may have a long log

_RECORD: Final = [jobs.c[name] for name in JobRecord.__struct_fields__]
_ENDED: Final[tuple[JobState, ...]] = ("completed", "failed", "cancelled")
_GROW: Final = update(jobs).where(jobs.c.seq == bindparam("job")).values(recorded=bindparam("end"))


@dataclass(frozen=True, slots=True)
class Claim:
    """A job that is now this process's to run."""

    seq: int
    attempt: int
    id: str
    kind: str
    owner: str
    payload: bytes
    recorded: int


@dataclass(frozen=True, slots=True)
class Ending:
    """How a run ends: in a final state, or `queued` again if the job may be."""

    state: JobState
    code: str = ""
    message: str = ""


@dataclass(frozen=True, slots=True)
class Batch:
    """Events of one run that follow one another, the first with number `first`."""

    seq: int
    attempt: int
    first: int
    data: Sequence[bytes]


@dataclass(frozen=True, slots=True)
class Glance:
    """What a process must know of a job it runs or follows."""

    seq: int
    state: JobState
    attempt: int
    recorded: int
    cancelling: bool


@dataclass(frozen=True, slots=True)
class Page:
    """Some events; whether there are `more` now, and whether there will never be any."""

    events: Sequence[tuple[int, bytes]]
    more: bool
    over: bool


class JobTable:
    """The statements, run in a caller's transaction.

    `enqueue` is called with id and kind within each transaction that queues a job. `lease` is how long a
    run counts as alive after each `extend`, `None` where nobody else could tell.
    """

    def __init__(self, *, max_queue: int, lease: float | None, enqueue: Callable[[Connection, str, str], None]) -> None:
        self._max_queue = max_queue
        self._lease = lease
        self._enqueue = enqueue

    def submit(self, connection: Connection, job: Job, now: float) -> bool:
        """False if too many are queued. `IntegrityError` if another submits the same id right now."""
        if connection.scalar(select(jobs.c.seq).where(jobs.c.id == job.id)) is not None:
            return True
        queued = connection.scalar(select(func.count()).select_from(jobs).where(jobs.c.state == "queued"))
        if queued is None or queued >= self._max_queue:
            return False
        row = insert(jobs).values(
            id=job.id, kind=job.kind, owner=storable(job.owner), idempotent=job.idempotent, state="queued",
            attempt=0, recorded=0, created_at=now, error_code="", error_message="", cancelling=False,
        )  # fmt: skip
        seq = connection.execute(row.returning(jobs.c.seq)).scalar_one()
        connection.execute(insert(job_payloads).values(job=seq, payload=job.payload))
        self._enqueue(connection, job.id, job.kind)
        return True

    def claim(self, connection: Connection, which: ColumnElement[bool], now: float) -> Claim | None:
        """Makes a queued job ours; `None` if there is none such."""
        running = (
            update(jobs)
            .where(which, jobs.c.state == "queued")
            .values(state="running", attempt=jobs.c.attempt + 1, started_at=now, lease_until=self._until())
            .returning(jobs.c.seq, jobs.c.attempt, jobs.c.id, jobs.c.kind, jobs.c.owner, jobs.c.recorded)
        )
        row = connection.execute(running).one_or_none()
        if row is None:
            return None
        payload = connection.execute(select(job_payloads.c.payload).where(job_payloads.c.job == row.seq)).scalar_one()
        return Claim(row.seq, row.attempt, row.id, row.kind, row.owner, payload, row.recorded)

    def record(self, connection: Connection, batches: Sequence[Batch]) -> list[Batch]:
        """Stores events; gives back those whose run is past. Doing it twice changes nothing."""
        seqs = [batch.seq for batch in batches]
        running = select(jobs.c.seq, jobs.c.attempt, jobs.c.recorded).where(jobs.c.seq.in_(seqs))
        rows = connection.execute(running.where(jobs.c.state == "running").order_by(jobs.c.seq).with_for_update())
        recorded = {(row.seq, row.attempt): row.recorded for row in rows}
        refused, grown = [], []
        for batch in batches:
            stored = recorded.get((batch.seq, batch.attempt))
            if stored == batch.first:
                grown.append(batch)
            elif stored != batch.first + len(batch.data):  # which it is the second time
                refused.append(batch)
        if grown:
            connection.execute(_GROW, [{"job": batch.seq, "end": batch.first + len(batch.data)} for batch in grown])
            connection.execute(
                insert(job_events),
                [
                    {"job": batch.seq, "number": number, "data": data}
                    for batch in grown
                    for number, data in enumerate(batch.data, batch.first)
                ],
            )
        return refused

    def finish(self, connection: Connection, seq: int, attempt: int, ending: Ending, now: float) -> None:
        """Ends a run; does nothing if it is past."""
        row = connection.execute(
            select(jobs.c.id, jobs.c.kind, jobs.c.idempotent, jobs.c.cancelling)
            .where(_run(seq, attempt))
            .with_for_update()
        ).one_or_none()
        if row is None:
            return
        if ending.state == "queued" and row.cancelling:
            ending = Ending("cancelled")
        if ending.state == "queued" and not (row.idempotent and attempt < ATTEMPTS):
            ending = Ending("failed", ending.code, ending.message)
        values = {"state": ending.state, "lease_until": None, "cancelling": False}
        if ending.state == "queued":
            connection.execute(update(jobs).where(jobs.c.seq == seq).values(values))
            self._enqueue(connection, row.id, row.kind)
            return
        said = {"error_code": storable(ending.code), "error_message": storable(ending.message), "ended_at": now}
        connection.execute(update(jobs).where(jobs.c.seq == seq).values(values | said))

    def sweep(self, connection: Connection, ours: Sequence[int], now: float) -> list[str]:
        """Ends or queues again what runs in processes that died, which is never `ours`; the ids."""
        dead = and_(jobs.c.state == "running", jobs.c.seq.not_in(ours))
        if self._lease is not None:
            dead = and_(dead, jobs.c.lease_until < _database_time())
        found = select(jobs.c.seq, jobs.c.attempt, jobs.c.id).where(dead).with_for_update(skip_locked=True)
        rows = connection.execute(found).all()
        for row in rows:
            self.finish(connection, row.seq, row.attempt, Ending("queued", *DEAD), now)
        return [row.id for row in rows]

    def extend(self, connection: Connection, runs: Sequence[tuple[int, int]]) -> set[tuple[int, int]]:
        """Says that these runs, number and attempt, are alive; gives those that still count."""
        alive = update(jobs).where(tuple_(jobs.c.seq, jobs.c.attempt).in_(runs), jobs.c.state == "running")
        rows = connection.execute(alive.values(lease_until=self._until()).returning(jobs.c.seq, jobs.c.attempt))
        return {(row.seq, row.attempt) for row in rows}

    def cancel(self, connection: Connection, job_id: str, now: float) -> JobRecord | None:
        """Ends a queued job, asks a running one to end."""
        mine = jobs.c.id == storable(job_id)
        ended = update(jobs).where(mine, jobs.c.state == "queued").values(state="cancelled", ended_at=now)
        if not connection.execute(ended).rowcount:
            connection.execute(update(jobs).where(mine, jobs.c.state == "running").values(cancelling=True))
        return self.find(connection, job_id)

    def find(self, connection: Connection, job_id: str) -> JobRecord | None:
        row = connection.execute(select(*_RECORD).where(jobs.c.id == storable(job_id))).one_or_none()
        return None if row is None else JobRecord(*row)

    def payload(self, connection: Connection, job_id: str) -> bytes | None:
        found = select(job_payloads.c.payload).join(jobs, jobs.c.seq == job_payloads.c.job)
        payload: bytes | None = connection.scalar(found.where(jobs.c.id == storable(job_id)))
        return payload

    def page(
        self,
        connection: Connection,
        owner: str | None,
        kind: str | None,
        after: str | None,
        limit: int,
        *,
        active: bool = False,
    ) -> list[JobRecord]:
        page = select(*_RECORD).order_by(jobs.c.seq.desc()).limit(limit)
        if owner is not None:
            page = page.where(jobs.c.owner == storable(owner))
        if kind is not None:
            page = page.where(jobs.c.kind == kind)
        if active:
            page = page.where(jobs.c.state.in_(("queued", "running")))
        if after is not None:
            page = page.where(jobs.c.seq < select(jobs.c.seq).where(jobs.c.id == storable(after)).scalar_subquery())
        return [JobRecord(*row) for row in connection.execute(page)]

    def read(self, connection: Connection, job_id: str, after: int) -> Page:
        """Some of the events above `after`."""
        job = connection.execute(
            select(jobs.c.seq, jobs.c.recorded, jobs.c.ended_at).where(jobs.c.id == storable(job_id))
        ).one_or_none()
        if job is None or job.recorded <= after + 1:
            return Page((), more=False, over=job is None or job.ended_at is not None)
        size = func.sum(func.length(job_events.c.data)).over(order_by=job_events.c.number)
        some = (
            select(job_events.c.number, job_events.c.data, (size - func.length(job_events.c.data)).label("before"))
            .where(job_events.c.job == job.seq, job_events.c.number > after)
            .order_by(job_events.c.number)
            .limit(_PAGE_EVENTS)
            .subquery()
        )
        page = select(some.c.number, some.c.data).where(some.c.before < _PAGE_BYTES).order_by(some.c.number)
        rows = [(row.number, row.data) for row in connection.execute(page)]
        more = bool(rows) and rows[-1][0] + 1 < job.recorded  # none if the job was deleted in between
        return Page(rows, more=more, over=not more and job.ended_at is not None)

    def glance(self, connection: Connection, job_ids: Sequence[str]) -> dict[str, Glance]:
        some = select(jobs.c.id, jobs.c.seq, jobs.c.state, jobs.c.attempt, jobs.c.recorded, jobs.c.cancelling)
        rows = connection.execute(some.where(jobs.c.id.in_([storable(job_id) for job_id in job_ids])))
        return {row.id: Glance(*row[1:]) for row in rows}

    def delete(self, connection: Connection, job_id: str) -> bool:
        return connection.execute(delete(jobs).where(jobs.c.id == storable(job_id))).rowcount > 0

    def expire(self, connection: Connection, before: float) -> int:
        """Forgets some of the jobs that ended before a time; 0 once there are none."""
        old = select(jobs.c.seq).where(jobs.c.ended_at < before).limit(_EXPIRE_AT_ONCE)
        return connection.execute(delete(jobs).where(jobs.c.seq.in_(old))).rowcount

    def _until(self) -> ColumnElement[float] | None:
        return None if self._lease is None else _database_time() + self._lease


def next_of(kinds: Sequence[str]) -> ColumnElement[bool]:
    """The queued job of these kinds that was submitted first."""
    first = select(func.min(jobs.c.seq)).where(jobs.c.state == "queued", jobs.c.kind.in_(kinds))
    return jobs.c.seq == first.scalar_subquery()


def one_of(job_id: str) -> ColumnElement[bool]:
    return jobs.c.id == job_id


def _run(seq: int, attempt: int) -> ColumnElement[bool]:
    return and_(jobs.c.seq == seq, jobs.c.attempt == attempt, jobs.c.state == "running")


def _database_time() -> ColumnElement[float]:
    """Leases are between processes, whose clocks differ: the database's own counts."""
    return cast(extract("epoch", func.clock_timestamp()), Double)
