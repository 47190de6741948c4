"""The job of a background response: one model call like any other, streamed into the job's output.

A failure of the call is part of the response, and no failure of the job.

What is durable is run again if its gateway dies. Those who follow have then been told a part of an answer, which cannot
be taken back and will hardly come again word for word: they are told no more of it but its end, which has all of it.
"""

from collections.abc import Sequence

from dragoman.dialects.responses import background, continuation
from dragoman.dialects.responses import errors as responses_errors
from dragoman.dialects.responses.dialect import RESPONSES_DIALECT
from dragoman.errors import GatewayError
from dragoman.gateway.background import DIED
from dragoman.gateway.call import Message
from dragoman.gateway.clock import new_id
from dragoman.gateway.continuity import Continuity, stored_items
from dragoman.gateway.inner import InnerCalls
from dragoman.gateway.journal import JobJournal, is_note, output_of
from dragoman.gateway.keyring import Keyring
from dragoman.ports import JobRun, Jobs, ResponseStore
from dragoman.wire.chat import parse_fields, raw, render_fields
from dragoman.wire.common import ErrorBody


class BackgroundRuns:
    """The worker of such jobs."""

    def __init__(
        self, jobs: Jobs, responses: ResponseStore, continuity: Continuity, keyring: Keyring, inner: InnerCalls
    ) -> None:
        self._jobs = jobs
        self._responses = responses
        self._continuity = continuity
        self._keyring = keyring
        self._inner = inner

    async def work(self, run: JobRun) -> None:
        """Runs one job. It ends when the response has, or has been deleted."""
        kept = await output_of(self._jobs, run)
        sink = _Sink(run, [data for data in kept if not is_note(data)])
        try:
            error = await self._carry(run, sink, JobJournal(run, kept))
        except GatewayError as raised:
            error = ErrorBody(raised.message, raised.kind.type, raised.param, raised.kind.code)
        if error is not None and not sink.over:
            await self._fail(run, sink, error)

    async def _carry(self, run: JobRun, sink: "_Sink", journal: JobJournal) -> ErrorBody | None:
        """Makes the call; what it ended with if not in its own stream. Raises `GatewayError`."""
        key = await self._keyring.by_id(run.owner)
        memory = await self._continuity.resume(key, run.id, run.payload)
        if memory is None:
            return None
        await self._inner.make(
            key, RESPONSES_DIALECT, memory.body, sink, request_id=run.id, memory=memory, journal=journal
        )
        return sink.refusal()

    async def _fail(self, run: JobRun, sink: "_Sink", error: ErrorBody) -> None:
        """Ends a response whose stream has not done so itself."""
        found = await self._responses.get(run.id, run.owner)
        if found is None:
            return
        fields = background.failed(parse_fields(found[0].body), error)
        if not sink.begun:
            await run.append(background.created(fields))
        items = background.partial(sink.done)
        response = {**fields, "output": raw(items)}
        await run.append(background.last(response, max(sink.number, 0) + 1))
        output = stored_items(continuation.identify(items, new_id))
        await self._responses.finish(run.id, "failed", render_fields(fields), output)


class _Sink:
    """What the call sends, on its way into the job's output."""

    def __init__(self, run: JobRun, told: Sequence[bytes]) -> None:
        """`told` are the events of earlier attempts."""
        self._run = run
        self._status = 0
        self._said = b""
        self.begun = bool(told)
        self.over = False
        self.number = background.parse_event(told[-1]).number if told else -1
        self._quiet = self.begun
        self.done: list[bytes] = []

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._status = message["status"]
            return
        body: bytes = message.get("body", b"")
        if self._status != 200:
            self._said += body
        elif body.startswith(b"event: "):
            data = body.split(b"\n", 2)[1].removeprefix(b"data: ")
            told = background.number_event(data, self.number + 1)
            self.begun = True
            self.over = told.kind in background.LAST
            if told.kind == "response.output_item.done":
                self.done.append(told.data)
            if self.over or not self._quiet:
                self.number = told.number
                await self._run.append(told.data)

    def refusal(self) -> ErrorBody | None:
        """What an upstream said instead of a stream, or that a stream has no end."""
        if self._status not in (0, 200):
            return responses_errors.parse(self._said) or responses_errors.read(None)
        return None if self.over else DIED
