"""The last requests a mock received, so that a test can say what reached the upstream. Not a log.

Headers are kept as they came, credentials included: what a gateway injects is just what one wants to
see here. A mock is given no real ones.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from typing import Final

import msgspec

from dragoman.mocks.request import Request

MAX_ENTRIES: Final = 1000
MAX_TEXT: Final = 64 * 1024
_MAX_TEXT_IN_ALL: Final = 16 * 1024 * 1024


class Entry(msgspec.Struct, frozen=True):
    """One request; `body` is its text, cut after `MAX_TEXT` characters."""

    method: str
    path: str
    """Raw, a scenario prefix included."""
    query: str
    headers: tuple[tuple[str, str], ...]
    body: str
    body_length: int
    body_sha256: str
    complete: bool
    """False when the client left before its body had come."""
    scenario: str = ""


class Journal:
    """At most `MAX_ENTRIES` entries and a bounded amount of text; the oldest go first."""

    def __init__(self) -> None:
        self.received = 0
        """Requests recorded since the start, forgotten ones included."""
        self._entries: deque[Entry] = deque()
        self._text = 0
        self._arrival = asyncio.Event()

    @property
    def entries(self) -> Sequence[Entry]:
        """The oldest first."""
        return tuple(self._entries)

    def record(self, request: Request, scenario: str = "") -> None:
        """Adds a request, forgetting old ones where there are too many."""
        text = request.body[: MAX_TEXT * 4].decode("utf-8", "replace")[:MAX_TEXT]
        self._entries.append(
            Entry(
                method=request.method,
                path=request.path,
                query=request.query,
                headers=request.headers,
                body=text,
                body_length=request.body_length,
                body_sha256=request.body_sha256,
                complete=request.complete,
                scenario=scenario,
            )
        )
        self._text += len(text)
        while len(self._entries) > MAX_ENTRIES or self._text > _MAX_TEXT_IN_ALL:
            self._text -= len(self._entries.popleft().body)
        self.received += 1
        self._arrival.set()

    async def reached(self, count: int) -> None:
        """Returns once `count` requests in all have been recorded."""
        while self.received < count:
            self._arrival.clear()
            await self._arrival.wait()

    def forget(self) -> None:
        """Drops all entries; `received` goes on counting."""
        self._entries.clear()
        self._text = 0
