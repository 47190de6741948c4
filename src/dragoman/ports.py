"""What the gateway needs from the outside, as Protocols; adapters live one level up.

Everything that does I/O, reads a clock or keeps a secret stands behind one of these, so that the
gateway names no adapter and every adapter is held to the same contract test.
"""

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

import msgspec

from dragoman.policy.balance import EndpointStatus
from dragoman.policy.keys import Key
from dragoman.policy.limits import Ask, Verdict
from dragoman.policy.routing import Timeouts as Timeouts
from dragoman.turn import Usage

Headers = list[tuple[bytes, bytes]]
Body = bytes | AsyncIterator[bytes] | None


@dataclass(frozen=True, slots=True)
class UpstreamRequest:
    """One request to an upstream; `target` is raw path and query, sent as it stands."""

    method: str
    target: str
    headers: Headers
    body: Body = None
    host: str | None = None
    """The endpoint it is for, of an upstream that has several."""


class Reply(Protocol):
    """An upstream's answer: its head, then its body chunk by chunk.

    `read` returns the next bytes as they came (still content-encoded), `b""` at a clean end, and
    raises `GatewayError` (STREAM_ABORTED, PROTOCOL_ERROR) when the answer breaks off. `read` may be
    cancelled and called again without loss. `close` is synchronous, idempotent, returns the
    connection to the pool after a clean end and drops it otherwise.
    """

    status: int
    headers: Headers

    async def read(self) -> bytes: ...

    def close(self) -> None: ...


class Upgraded(Reply, Protocol):
    """A 101 that was asked for."""

    def switch(self, receiver: "Receiver") -> "Pipe":
        """The connection itself, once; bytes that came with the answer are given to `receiver` at once."""
        ...


class Receiver(Protocol):
    """Whoever takes the bytes of a connection that has left HTTP behind; called by the event loop."""

    def receive(self, data: bytes) -> None: ...

    def writable(self) -> None:
        """There is room again for what we send."""
        ...

    def lose(self) -> None:
        """The connection is gone; nothing is called after it."""
        ...


class Pipe(Protocol):
    """Our end of such a connection. After `close` nothing more is received."""

    @property
    def congested(self) -> bool:
        """Whether the peer does not keep up with what we send."""
        ...

    def write(self, data: bytes) -> None: ...

    async def drain(self) -> None:
        """Returns once there is room again, or the connection is gone."""
        ...

    def pause_reading(self) -> None: ...

    def resume_reading(self) -> None: ...

    def close(self) -> None:
        """Ends the connection once what was written is sent, or the peer has had some seconds to take it."""
        ...

    def abort(self) -> None:
        """Drops the connection at once."""
        ...


class Upstream(Protocol):
    """Something of kind `http` that answers requests.

    `open` sends the request and returns once the head of the answer is there. It enforces the
    `connect` deadline only; the other deadlines are the caller's. It raises `GatewayError`
    (DOWNSTREAM_ERROR, CONNECTION_TIMEOUT, EGRESS_DENIED, PROTOCOL_ERROR, STREAM_ABORTED, OVERLOADED,
    LINK_UNAVAILABLE, INVALID_REQUEST), makes exactly one attempt, follows no redirect and adds no header
    but Host, framing, Via and its credential.
    """

    name: str
    timeouts: Timeouts

    async def open(self, request: UpstreamRequest) -> Reply: ...

    async def upgrade(self, request: UpstreamRequest, protocol: str) -> Upgraded:
        """The same for a request to go on in another protocol. Raises PROTOCOL_ERROR too when that is refused."""
        ...

    def redact(self, text: bytes) -> bytes:
        """`text` with the upstream's own credential blanked out, in case it echoed it."""
        ...

    @property
    def reach(self) -> int:
        """Bytes of the longest thing that `redact` blanks out; 0 if there is none."""
        ...

    async def close(self) -> None: ...


class Pool(Upstream, Protocol):
    """An upstream at one endpoint or several, each with a breaker.

    `open` and `upgrade` choose the endpoint, and raise CIRCUIT_BREAKER_OPEN, MISSING_TARGET_HOST and
    UNKNOWN_TARGET_HOST beside the errors of any upstream.
    """

    def start(self) -> None:
        """Begins the health checks, if there are any; `close` ends them."""
        ...

    def available(self) -> bool:
        """Whether any endpoint may be called."""
        ...

    def status(self) -> Sequence[EndpointStatus]: ...


class KeyStore(Protocol):
    """Stored keys, found by the SHA-256 of their token. Raises `GatewayError` STORE_UNAVAILABLE."""

    async def find(self, digest: bytes) -> Key | None:
        """The key of that token, be it usable or not; `None` only if there is none."""
        ...

    async def get(self, key_id: str) -> Key | None:
        """The key of that id, be it usable or not."""
        ...

    async def add(self, key: Key, digest: bytes) -> None:
        """Stores a key; `ValueError` if there is one of that id or digest."""
        ...

    async def replace(self, old_id: str, key: Key, digest: bytes, now: float) -> bool:
        """Adds `key` and revokes the one of `old_id`, both or neither; False if that is unknown or revoked.

        What the old key had stored belongs to the new one.
        """
        ...

    async def list(self) -> Sequence[Key]:
        """Every key, revoked ones too, the oldest first."""
        ...

    async def revoke(self, key_id: str, now: float) -> bool:
        """Marks a key revoked, the first time for good; False if there is none of that id."""
        ...


class Reservation(msgspec.Struct, frozen=True, gc=False):
    """What a call was admitted for, booked before it goes out.

    `call_id` is ours and unique, and begins with the time: ids in random order make each insert
    several times as dear once the table is large.
    """

    call_id: str
    request_id: str
    key_id: str
    kind: Literal["model", "alias"]
    name: str
    """The model or alias as the caller asked for it."""
    upstream: str
    reserved_at: float
    """Unix time, seconds."""


class Settlement(msgspec.Struct, frozen=True, gc=False):
    """What became of a call, booked once after it."""

    call_id: str
    state: Literal["settled", "failed", "cancelled"]
    status: int
    settled_at: float
    duration_ms: int
    first_token_ms: int | None = None
    upstream: str = ""
    """The upstream that answered in the end; a fallback may differ from the reservation's."""
    model: str = ""
    """The upstream's own name of the model."""
    usage: Usage | None = None
    """`None` when nothing was reported: never invented zeros."""
    error: str = ""
    """Stable error code, or empty."""


@dataclass(frozen=True, slots=True)
class LedgerRow:
    """A reservation and what became of it, for reading.

    `open` is still under way; `lost` was left open by a gateway that died. Neither has a settlement.
    """

    reservation: Reservation
    state: Literal["open", "settled", "failed", "cancelled", "lost"]
    settlement: Settlement | None = None


@dataclass(frozen=True, slots=True)
class UsageTotal:
    """Sums over ledger rows that share a key and a name."""

    key_id: str
    name: str
    calls: int
    failed: int
    input_tokens: int
    output_tokens: int


class Ledger(Protocol):
    """The append-only record of reservations and settlements, written in groups.

    `reserve` and `settle` are synchronous and only queue; a background writer commits at most
    `flush_interval` later. A crash loses what was queued in that interval and nothing committed.
    In strict mode `await durable()` after `reserve` before the call may go out. Writing a row twice
    changes nothing. Raises `GatewayError` STORE_UNAVAILABLE, but never from `settle`.
    """

    strict: bool

    def reserve(self, reservation: Reservation) -> None:
        """Books a call before it goes out; STORE_UNAVAILABLE when the queue is full (store down too long)."""
        ...

    def settle(self, settlement: Settlement) -> None:
        """Books what became of a call, after its reservation."""
        ...

    async def durable(self) -> None:
        """Returns when everything queued so far is committed; STORE_UNAVAILABLE if that takes too long.

        The rows stay queued then: settle the refused call as failed.
        """
        ...

    async def rows(self, *, limit: int = 50, key_id: str | None = None) -> Sequence[LedgerRow]:
        """The newest rows first."""
        ...

    async def totals(self, *, since: float = 0.0, key_id: str | None = None) -> Sequence[UsageTotal]:
        """Sums over the calls reserved at `since` or later, by key and name."""
        ...


class StoredItem(msgspec.Struct, frozen=True, gc=False):
    """One item of a history: `value` is its JSON as it was given, `id` what it is found by."""

    id: str
    value: bytes


class StoredResponse(msgspec.Struct, frozen=True):
    """A response that a caller may come back to.

    `body` is the response object as JSON, but for its `output`. It follows either on the response `previous_id`, or
    on the first `seen` items of the conversation `conversation_id`, or on nothing.
    """

    id: str
    key_id: str
    created_at: float
    """Unix time, seconds."""
    status: str
    body: bytes
    previous_id: str = ""
    conversation_id: str = ""
    seen: int = 0
    background: bool = False
    """Whether a job of the same id makes it, or made it."""


class ResponseStore(Protocol):
    """Responses and their items, each visible to the key that made it and to no other.

    What a call has written, the next one reads, on every gateway of the same store. Raises `GatewayError`
    STORE_UNAVAILABLE.
    """

    async def add(
        self, response: StoredResponse, given: Sequence[StoredItem], output: Sequence[StoredItem] = ()
    ) -> None:
        """Stores a response with its own input and, where it has ended, its output.

        One that ended well and belongs to a conversation is appended to it in the same transaction, input before
        output and nothing between them; to one deleted in the meantime nothing is. `ValueError` if the id is taken.
        """
        ...

    async def finish(self, response_id: str, status: str, body: bytes, output: Sequence[StoredItem]) -> bool:
        """Ends a response that was stored before it ended; False if it has ended already or is gone."""
        ...

    async def get(self, response_id: str, key_id: str) -> tuple[StoredResponse, Sequence[StoredItem]] | None:
        """A response and its output."""
        ...

    async def context(self, response_id: str, key_id: str, *, output: bool) -> Sequence[StoredItem] | None:
        """Everything that a response was made from, the oldest first, and with `output` its own output at the end.

        Deleted responses in between still count: a chain is what it was when it was made. Raises `GatewayError`
        PAYLOAD_TOO_LARGE beyond the store's bounds, and INVALID_REQUEST for the output of one that has not ended.
        """
        ...

    async def delete(self, response_id: str, key_id: str) -> bool:
        """Hides a response; its row goes once no later one follows on it."""
        ...

    async def items(self, item_ids: Sequence[str], key_id: str) -> Mapping[str, bytes]:
        """The items of these ids in any response or conversation of the key's; unknown ones are left out.

        Raises `GatewayError` PAYLOAD_TOO_LARGE beyond the store's bounds.
        """
        ...

    async def expire(self, before: float) -> int:
        """Removes what is older and not followed by anything younger; how many."""
        ...


class Conversation(msgspec.Struct, frozen=True):
    """A history that calls append to. `metadata` is the caller's own."""

    id: str
    key_id: str
    created_at: float
    metadata: dict[str, str]
    length: int = 0
    """How many items were ever appended: the place of the next one."""


class ConversationStore(Protocol):
    """Conversations and their items, under the same rules as `ResponseStore`.

    Those that write to one conversation at once are put in a row: items given together stay together.
    """

    async def add(self, conversation: Conversation, items: Sequence[StoredItem]) -> None: ...

    async def get(self, conversation_id: str, key_id: str) -> Conversation | None: ...

    async def update(self, conversation_id: str, key_id: str, metadata: dict[str, str]) -> Conversation | None: ...

    async def delete(self, conversation_id: str, key_id: str) -> bool:
        """Hides a conversation; its items can still be referred to by id."""
        ...

    async def append(self, conversation_id: str, key_id: str, items: Sequence[StoredItem]) -> bool:
        """False if there is no such conversation; `ValueError` if it has an item of one of these ids."""
        ...

    async def read(self, conversation_id: str, key_id: str) -> tuple[Conversation, Sequence[StoredItem]] | None:
        """A conversation and all its items, the oldest first.

        Raises `GatewayError` PAYLOAD_TOO_LARGE beyond the store's bounds.
        """
        ...

    async def remove(self, conversation_id: str, key_id: str, item_id: str) -> Conversation | None:
        """Takes one item out; `None` if there is no such conversation or item."""
        ...


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
    """Id of the key it was submitted under."""
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
        self, *, owner: str | None = None, kind: str | None = None, after: str | None = None, limit: int = 50
    ) -> Sequence[JobRecord]:
        """The newest first; `after` is the last id of the page before."""
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


class Counters(Protocol):
    """The buckets of limits, each forgotten once it is as if nothing had been taken.

    Every adapter says to the call what `policy.limits` says, on a clock of its own.
    """

    async def take(self, asks: Sequence[Ask]) -> Sequence[Verdict]:
        """The verdicts of these limits. What they are asked for is taken from all if all grant it, else from none.

        No other call comes in between, from this or any gateway of the same store. The keys are distinct.
        Raises `GatewayError` STORE_UNAVAILABLE, and does so in bounded time.
        """
        ...

    async def ping(self) -> None:
        """Raises as `take` does if the store cannot be asked."""
        ...

    async def close(self) -> None: ...


class Vault(Protocol):
    """Resolves a secret reference such as `env:OPENAI_API_KEY` or `file:/run/secrets/key`.

    Raises `GatewayError` SECRET_NOT_FOUND; the message names the reference, never a value.
    """

    def reveal(self, reference: str) -> str: ...


class Tokenizer(Protocol):
    """Tells how many tokens texts may have for a model. It is called in the midst of calls: what it does is bounded."""

    def count(self, texts: Sequence[str]) -> float: ...


class Clock(Protocol):
    """`now` is Unix time in seconds, `monotonic` never goes back."""

    def now(self) -> float: ...

    def monotonic(self) -> float: ...


@dataclass(frozen=True, slots=True)
class Checkup:
    """One row of `dragoman doctor`: what was looked at, whether it holds, and what mends it."""

    name: str
    ok: bool
    detail: str = ""
    fix: str = ""
    data: dict[str, str] = field(default_factory=dict)
