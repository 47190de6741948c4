"""The output of a job of `/execute`, event by event, and the job as it is shown.

A run's log begins with `begun`, has what the agent says as `output` and what it thinks as `reasoning`, and ends with
`result`, unless its gateway died. A job that is run again adds a further run to its log; what is shown is the latest.
Whether it was well is said by the job's record.
"""

from collections.abc import Iterable
from typing import Final, Literal

import msgspec

from dragoman import errors
from dragoman.gateway.order import Order
from dragoman.ports import JobRecord
from dragoman.turn import Usage

Status = Literal["queued", "running", "completed", "failed", "timeout", "error", "cancelled"]
"""`failed` is a run that went wrong, `timeout` one that took too long, `error` a job that never came to run."""

_TIMEOUTS: Final = (errors.REQUEST_TIMEOUT.code, errors.IDLE_TIMEOUT.code)


class Begun(msgspec.Struct, frozen=True, tag="begun", tag_field="type"):
    """The agent has begun; `at` is Unix time in seconds."""

    at: float
    attempt: int = 1


class Output(msgspec.Struct, frozen=True, tag="output", tag_field="type"):
    """A piece of the answer."""

    text: str


class Thought(msgspec.Struct, frozen=True, tag="reasoning", tag_field="type"):
    """A piece of what the agent thinks."""

    text: str


class Result(msgspec.Struct, frozen=True, tag="result", tag_field="type"):
    """How the run ended. A program has an exit code, negative for a signal; an agent of the gateway's process none."""

    exit_code: int | None = None
    stderr: str = ""
    usage: Usage | None = None


Logged = Begun | Output | Thought | Result
_logged: Final[msgspec.json.Decoder[Logged]] = msgspec.json.Decoder(Logged)


def render(event: Logged) -> bytes:
    return msgspec.json.encode(event)


def parse(data: bytes) -> Logged:
    return _logged.decode(data)


class _Head(msgspec.Struct, frozen=True):
    type: str = ""


def name_of(data: bytes) -> bytes:
    """What an event is called in a stream."""
    return msgspec.json.decode(data, type=_Head).type.encode()


class JobError(msgspec.Struct, frozen=True):
    code: str
    message: str


class UsageView(msgspec.Struct, frozen=True):
    input_tokens: int
    output_tokens: int
    cost_usd: float | None


class JobView(msgspec.Struct, frozen=True, kw_only=True):
    """A job as a caller sees it; times are Unix time in seconds. Lists show neither output nor stderr."""

    job_id: str
    status: Status
    prompt: str
    agent: str
    created_at: float
    started_at: float | None
    finished_at: float | None
    exit_code: int | None = None
    output: list[str] | msgspec.UnsetType = msgspec.UNSET
    """What was said, line by line."""
    stderr: str | msgspec.UnsetType = msgspec.UNSET
    """The end of what a program wrote there."""
    error: JobError | None
    usage: UsageView | None = None
    timeout_seconds: float
    attempt: int
    metadata: msgspec.Raw


def view(record: JobRecord, order: Order, events: Iterable[bytes] | None = None) -> JobView:
    """A job, with what its log says if that is given."""
    begun, said, result = None, "", Result()
    if events is not None:
        begun, said, result = _read(events)
    started = begun.at if begun is not None else record.started_at if record.recorded else None
    usage = result.usage
    return JobView(
        job_id=record.id,
        status=status_of(record),
        prompt=order.prompt,
        agent=order.agent,
        created_at=record.created_at,
        started_at=started,
        finished_at=record.ended_at,
        exit_code=result.exit_code,
        output=msgspec.UNSET if events is None else said.splitlines(),
        stderr=msgspec.UNSET if events is None else result.stderr,
        error=JobError(record.error_code, record.error_message) if record.error_code else None,
        usage=None if usage is None else UsageView(usage.input_tokens, usage.output_tokens, usage.cost_usd),
        timeout_seconds=order.timeout_seconds,
        attempt=record.attempt,
        metadata=order.metadata,
    )


def status_of(record: JobRecord) -> Status:
    match record.state:
        case "running":
            return "running" if record.recorded else "queued"  # it waits for room at its agent
        case "failed":
            if not record.recorded:
                return "error"
            return "timeout" if record.error_code in _TIMEOUTS else "failed"
        case _:
            return record.state


def _read(events: Iterable[bytes]) -> tuple[Begun | None, str, Result]:
    """The latest run: its begin, all it said, its end."""
    begun: Begun | None = None
    said: list[str] = []
    result = Result()
    for event in map(parse, events):
        match event:
            case Begun():
                begun, said, result = event, [], Result()
            case Output():
                said.append(event.text)
            case Result():
                result = event
            case Thought():
                continue
    return begun, "".join(said), result
