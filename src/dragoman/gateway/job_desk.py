"""`/jobs`: what became of what `/execute` was given.

    GET     /jobs              the caller's own, the newest first
    GET     /jobs/{id}         one, with its output so far
    GET     /jobs/{id}/stream  its output as it comes, as server-sent events
    POST    /jobs/{id}/cancel  ends it
    DELETE  /jobs/{id}         ends and forgets it

A job of another key does not exist.
"""

import re
from contextlib import aclosing
from typing import Final

import msgspec
from msgspec import Raw

from dragoman import errors
from dragoman.errors import GatewayError
from dragoman.gateway import job_log
from dragoman.gateway.call import Call
from dragoman.gateway.execute import KIND
from dragoman.gateway.job_log import JobView
from dragoman.gateway.order import Order
from dragoman.gateway.query import MAX_PAGE, Page, Query, no_item
from dragoman.gateway.render import STREAM_HEADERS
from dragoman.policy.keys import Key
from dragoman.ports import JobRecord, Jobs
from dragoman.wire import sse
from dragoman.wire.chat import raw

PREFIX: Final = b"/jobs"
_PATH: Final = re.compile(rb"/jobs(?:/([A-Za-z0-9_]{1,64})(?:/(cancel|stream))?)?")
_METHODS: Final[dict[str, tuple[str, ...]]] = {
    "list": ("GET", "HEAD"),
    "": ("GET", "HEAD", "DELETE"),
    "cancel": ("POST",),
    "stream": ("GET",),
}
_NUMBER: Final = re.compile(rb"[0-9]{1,9}")


class JobDesk:
    """Answers for jobs."""

    def __init__(self, jobs: Jobs) -> None:
        self._jobs = jobs

    async def answer(self, call: Call, key: Key, ping_every: float) -> None:
        """Raises `GatewayError` JOB_NOT_FOUND, METHOD_NOT_ALLOWED or, for what is asked, INVALID_REQUEST."""
        match = _PATH.fullmatch(call.path)
        if match is None:
            raise GatewayError(errors.NOT_FOUND, f"No such path: {call.route_path}")
        name, below = (match[1] or b"").decode(), (match[2] or b"").decode() if match[1] else "list"
        methods = _METHODS[below]
        if call.method not in methods:
            allow = {"Allow": ", ".join(methods)}
            raise GatewayError(errors.METHOD_NOT_ALLOWED, f"{call.method} is not for this path.", headers=allow)
        if below == "list":
            await self._list(call, key)
        elif below == "stream":
            await self._follow(call, await self._find(name, key), ping_every)
        elif below == "cancel":
            record = await self._find(name, key)
            await call.answer_json(await self._view(await self._jobs.cancel(name) or record))
        elif call.method == "DELETE":
            await self._find(name, key)
            await self._jobs.delete(name)
            await call.answer_json({"job_id": name, "deleted": True})
        else:
            await call.answer_json(await self._view(await self._find(name, key)))

    async def _list(self, call: Call, key: Key) -> None:
        query = Query(call.query, ("after", "limit"))
        limit = query.number("limit", 20, least=1, most=MAX_PAGE)
        after = query.text("after")
        if after is not None and (await self._own(after, key)) is None:
            raise no_item(after)
        records = await self._jobs.list(owner=key.owner, kind=KIND, after=after, limit=limit + 1)
        data: list[Raw] = []
        for record in records[:limit]:
            data.append(raw(job_log.view(record, await self._order(record))))
        shown = [record.id for record in records[:limit]]
        first, last = (shown[0], shown[-1]) if shown else (None, None)
        await call.answer_json(Page(data, first, last, len(records) > limit))

    async def _follow(self, call: Call, record: JobRecord, ping_every: float) -> None:
        """Sends the events above the one that the caller has seen, and at the end how the job stands."""
        after = _after(call)
        if record.ended_at is not None and after >= record.recorded:
            await call.start(204, [], source="gateway")  # a browser comes back until it hears this
            await call.send(b"", more=False)
            return
        await call.start(200, STREAM_HEADERS, source="gateway")
        call.watch.ping_every(ping_every, lambda: call.send(sse.PING))
        async with aclosing(self._jobs.events(record.id, after)) as events:
            async for number, data in events:
                call.watch.touch()
                await call.send(sse.render(data, job_log.name_of(data), number))
                after = number
        ended = await self._jobs.get(record.id)
        if ended is not None:
            told = msgspec.json.encode(job_log.view(ended, await self._order(ended)))
            await call.send(sse.render(told, b"end", max(ended.recorded, after + 1)))
        await call.send(b"", more=False)

    async def _view(self, record: JobRecord) -> JobView:
        return job_log.view(record, await self._order(record), await self._stored(record))

    async def _stored(self, record: JobRecord) -> list[bytes]:
        """The events so far."""
        found: list[bytes] = []
        async with aclosing(self._jobs.events(record.id)) as events:
            while len(found) < record.recorded:
                try:
                    found.append((await anext(events))[1])
                except StopAsyncIteration:  # it was forgotten meanwhile
                    break
        return found

    async def _order(self, record: JobRecord) -> Order:
        payload = await self._jobs.payload(record.id)
        if payload is None:
            raise _unknown(record.id)
        return msgspec.json.decode(payload, type=Order)

    async def _find(self, name: str, key: Key) -> JobRecord:
        found = await self._own(name, key)
        if found is None:
            raise _unknown(name)
        return found

    async def _own(self, name: str, key: Key) -> JobRecord | None:
        found = await self._jobs.get(name)
        return found if found is not None and found.kind == KIND and found.owner == key.owner else None


def _after(call: Call) -> int:
    """The number of the last event that the caller has seen; -1 for none."""
    after = Query(call.query, ("starting_after",)).number("starting_after", -1, least=-1, most=2**31)
    seen = call.header.get(b"last-event-id")
    if seen is None or after >= 0:
        return after
    if not _NUMBER.fullmatch(seen):
        raise GatewayError(errors.INVALID_REQUEST, "'Last-Event-ID' must be the id of an event.", param="Last-Event-ID")
    return int(seen)


def _unknown(name: str) -> GatewayError:
    return GatewayError(errors.JOB_NOT_FOUND, f"Job {name!r} not found.")
