"""Work that outlives the call which submitted it."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from typing import Literal, Protocol

import msgspec

JobState = Literal["queued", "running", "completed", "failed", "cancelled"]
"""The last three are final."""


class Job(msgspec.Struct, frozen=True, gc=False):
    """Long work as it is handed over: what its worker needs is in `payload`, JSON as a rule and never pickle.

    `id` is ours and unique, and begins with the time. Work that may run twice is `idempotent`: if the
    process that ran it dies, it is queued again instead of failed.
    """

    id: str
    kind: str
    """Which of the registered workers it is for, such as "response"."""
    owner: str
    """Of the key it was submitted under: see `Key.owner`."""
    payload: bytes
    idempotent: bool = False


class JobRecord(msgspec.Struct, frozen=True, gc=False):
    """How a job stands. Times are Unix time in seconds."""

    id: str
    kind: str
    owner: str
    idempotent: bool
    state: JobState
    attempt: int
    """Which run this is or was, from 1; 0 for a job that never ran."""
    recorded: int
    """How many events of its output are stored."""
    created_at: float
    started_at: float | None = None
    """Begin of the latest run."""
    ended_at: float | None = None
    """Set once the state is final."""
    error_code: str = ""
    """Why it failed: a code of the table of errors, or `server_error` if the gateway that ran it died."""
    error_message: str = ""


class JobRun(Protocol):
    """A job under way, as its worker sees it."""

    id: str
    owner: str
    payload: bytes
    attempt: int
    """1, and more only for an idempotent job that is run again."""
    cancelled: bool
    """Whether someone asked for the end; if not, `CancelledError` means that the gateway stops."""

    @property
    def recorded(self) -> int:
        """Number of the next event. The output of earlier runs stays, and a further run adds to it."""
        ...

    async def append(self, data: bytes) -> None:
        """Adds an event to the output, and waits while too much of it is not stored yet.

        It is stored, and seen by those who follow, about 100 ms later at most. Raises `GatewayError`
        STORE_UNAVAILABLE if the job is no longer run here.
        """
        ...

    async def stored(self) -> None:
        """Returns once all that was appended is stored. Raises as `append` does."""
        ...


JobWorker = Callable[[JobRun], Awaitable[None]]
"""Does the work of one kind. Returning completes the job, raising `GatewayError` fails it with that code.

On `CancelledError` it may append what remains to be said, for a few seconds, and raises it again.
"""


class Jobs(Protocol):
    """Long work that outlives the call which submitted it, and its output, which any caller can follow.

    The output is an append-only log of events, numbered from 0, in the store. A job runs at most once
    at a time, however many gateways share the store. One whose gateway died ends `failed` within
    a heartbeat, its output kept, unless it is idempotent: then it is queued again, up to a few times.
    Raises `GatewayError` STORE_UNAVAILABLE.
    """

    def register(self, kind: str, worker: JobWorker) -> None:
        """Names the worker for jobs of a kind; before `open`. Jobs of other kinds stay queued."""
        ...

    async def open(self) -> None:
        """Begins to take jobs."""
        ...

    def begin_drain(self) -> None:
        """Takes no more jobs; those that run here go on until `close`."""
        ...

    async def close(self) -> None:
        """Ends the jobs that run here: idempotent ones are queued again, the others fail with SHUTTING_DOWN."""
        ...

    async def submit(self, job: Job) -> None:
        """Queues a job, durably; OVERLOADED if too many are queued. The same id twice changes nothing."""
        ...

    async def get(self, job_id: str) -> JobRecord | None: ...

    async def payload(self, job_id: str) -> bytes | None:
        """What the job was submitted with."""
        ...

    async def list(
        self,
        *,
        owner: str | None = None,
        kind: str | None = None,
        after: str | None = None,
        active: bool = False,
        limit: int = 50,
    ) -> Sequence[JobRecord]:
        """The newest first; `after` is the last id of the page before. `active` ones have not ended."""
        ...

    async def cancel(self, job_id: str) -> JobRecord | None:
        """Ends a job, wherever it runs, and returns how it stands then; a job that has ended stays as it is.

        A worker that takes its time to end may still be `running` in what is returned.
        """
        ...

    def events(self, job_id: str, after: int = -1) -> AsyncGenerator[tuple[int, bytes], None]:
        """The events with numbers above `after`: those stored, then those to come, until the job has ended.

        Ends at once for an unknown job. To stop earlier, `aclose` it or let it go.
        """
        ...

    async def delete(self, job_id: str) -> bool:
        """Forgets a job and its output, ending it first if it runs; False if it is unknown."""
        ...

    async def expire(self, before: float) -> int:
        """Forgets the jobs that ended before that time, and says how many those were."""
        ...
