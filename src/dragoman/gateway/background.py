"""Background responses: answered at once, made by a job, read and followed as long as they are kept.

The job is one model call like any other, streamed into the job's output event by event; whoever follows it reads
that output. The response's row says how it ended. Where the gateway died before it could say so, the first who
asks finds the job ended, and writes it down.
"""

import asyncio
from collections.abc import Sequence
from contextlib import aclosing, suppress
from typing import Final

import msgspec

from dragoman.dialects.base import Setting
from dragoman.dialects.responses import background, continuation
from dragoman.dialects.responses.codec import RESPONSES
from dragoman.errors import GatewayError
from dragoman.gateway.call import Call
from dragoman.gateway.clock import new_id
from dragoman.gateway.continuity import Memory, assemble, stored_items
from dragoman.gateway.journal import is_note
from dragoman.gateway.render import STREAM_HEADERS
from dragoman.ports import Job, Jobs, ResponseStore, StoredItem, StoredResponse
from dragoman.wire import sse
from dragoman.wire.chat import parse_fields, raw, render_fields
from dragoman.wire.common import ErrorBody

KIND: Final = "response"
ENDED: Final = ("completed", "incomplete", "failed", "cancelled")
CANCEL_PATIENCE: Final = 5.0
"""Seconds that a cancellation waits for its job to end."""
_POLL: Final = 0.05
DIED: Final = ErrorBody("The gateway stopped before the response was complete.", "server_error", None, "server_error")


class Background:
    """Submits, reads and follows background responses; `BackgroundRun` runs them."""

    def __init__(self, jobs: Jobs, responses: ResponseStore) -> None:
        self._jobs = jobs
        self._responses = responses

    async def submit(self, memory: Memory, body: bytes, now: int, *, durable: bool) -> StoredResponse:
        """Stores the response as queued, and queues its job; one that is `durable` outlives its gateway.

        Raises `GatewayError`.
        """
        setting = Setting(RESPONSES.parse(body), new_id, now)
        response = background.queued(setting, memory.members)
        stored = memory.queued(render_fields({name: value for name, value in response.items() if name != "output"}))
        await self._responses.add(stored, stored_items(memory.given))
        try:
            await self._jobs.submit(Job(stored.id, KIND, stored.owner, body, idempotent=durable))
        except GatewayError:
            await self._responses.delete(stored.id, stored.owner)
            raise
        return stored

    async def current(
        self, stored: StoredResponse, output: Sequence[StoredItem]
    ) -> tuple[StoredResponse, Sequence[StoredItem]]:
        """A response as it stands: one whose job is over has ended, whether or not that was written down."""
        if stored.status in ENDED:
            return stored, output
        record = await self._jobs.get(stored.id)
        if record is not None and record.state in ("queued", "running"):
            status = "queued" if record.state == "queued" else "in_progress"
            return _with_status(stored, status), output
        events = await self._events(stored.id)
        items = stored_items(continuation.identify(background.partial(events), new_id))
        fields = parse_fields(stored.body)
        if record is not None and record.state == "cancelled":
            ended, status = background.cancelled(fields), "cancelled"
        else:
            ended, status = background.failed(fields, DIED), "failed"
        await self._responses.finish(stored.id, status, render_fields(ended), items)
        return await self._responses.get(stored.id, stored.owner) or (_with_status(stored, status), items)

    async def cancel(
        self, stored: StoredResponse, output: Sequence[StoredItem]
    ) -> tuple[StoredResponse, Sequence[StoredItem]]:
        """Ends a response that still runs; one that has ended stays as it is."""
        found = await self.current(stored, output)
        if found[0].status in ENDED:
            return found
        record = await self._jobs.cancel(stored.id)
        with suppress(TimeoutError):  # it is told as it stands, and ends when it can
            async with asyncio.timeout(CANCEL_PATIENCE):
                while record is not None and record.ended_at is None:
                    await asyncio.sleep(_POLL)
                    record = await self._jobs.get(stored.id)
        again = await self._responses.get(stored.id, stored.owner)
        return found if again is None else await self.current(*again)

    async def forget(self, stored: StoredResponse) -> None:
        """Ends the job of a response that is deleted."""
        await self._jobs.delete(stored.id)

    async def follow(self, call: Call, stored: StoredResponse, after: int, ping_every: float) -> None:
        """Sends the events above `after`, those to come included, until the response has ended."""
        await call.start(200, STREAM_HEADERS, source="gateway")
        call.watch.ping_every(ping_every, lambda: call.send(sse.PING))
        number, over = -1, False
        async with aclosing(self._jobs.events(stored.id)) as events:
            async for _, data in events:
                if is_note(data):
                    continue
                told = background.parse_event(data)
                number, over = told.number, told.kind in background.LAST
                if number > after:
                    call.watch.touch()
                    await call.send(told.render())
        if not over:
            await self._end(call, stored, max(number, after) + 1)
        await call.send(sse.render(sse.DONE), more=False)

    async def _end(self, call: Call, stored: StoredResponse, number: int) -> None:
        found = await self._responses.get(stored.id, stored.owner)
        if found is not None:
            ended, output = await self.current(*found)
            last = background.last(assemble(ended, output), number)
            await call.send(background.parse_event(last).render())

    async def _events(self, response_id: str) -> list[bytes]:
        async with aclosing(self._jobs.events(response_id)) as events:
            return [data async for _, data in events if not is_note(data)]


def _with_status(stored: StoredResponse, status: str) -> StoredResponse:
    fields = {**parse_fields(stored.body), "status": raw(status)}
    return msgspec.structs.replace(stored, status=status, body=render_fields(fields))
