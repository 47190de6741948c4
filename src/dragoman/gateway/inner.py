"""A call of the gateway's own: made in process under a key, like one that came over HTTP in all but its socket.

It has an id, deadlines, a row in the ledger and a line in the log of its own, and counts among the calls in flight.
What it answers goes to a sink, which is an ASGI `send`: `Collected` keeps it whole, any other hands it on as it comes.
"""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Final, Protocol

from dragoman.dialects.base import Dialect
from dragoman.errors import GatewayError
from dragoman.gateway.booking import Booking
from dragoman.gateway.call import Call, Message, Scope, Send
from dragoman.gateway.clock import new_id
from dragoman.gateway.exchange import Exchange
from dragoman.gateway.keeping import Kept
from dragoman.gateway.render import Headers
from dragoman.gateway.runtime import Runtime, Services
from dragoman.policy.keys import Key
from dragoman.ports import Journal
from dragoman.turn import Loss

Enter = Callable[[Call], AbstractContextManager[Runtime]]
"""Counts a call among those in flight while it lasts, and gives the configuration it runs with."""


class Flow(Protocol):
    """One call's path through the gateway."""

    booking: Booking

    async def run(self) -> None: ...


Begin = Callable[[Call, Runtime], Flow]

_OF_THE_OUTER: Final = (b"x-request-id", b"content-length")
"""Headers of the call that asks which say nothing of the one that it makes."""


class InnerCalls:
    """Makes such calls."""

    def __init__(self, services: Services, enter: Enter) -> None:
        self._services = services
        self._enter = enter

    async def make(
        self,
        key: Key,
        dialect: Dialect,
        body: bytes,
        sink: Send,
        *,
        request_id: str,
        headers: Sequence[tuple[bytes, bytes]] = (),
        memory: Kept | None = None,
        losses: tuple[Loss, ...] = (),
        journal: Journal | None = None,
    ) -> None:
        """Makes one call and returns once all of its answer is in `sink`; whoever is cancelled here cancels it.

        `request_id` is that of what asks, under which both are found in the log; `headers` are what a caller sent
        with it, and `losses` what could not be carried into `body`, told with those of the call. What it asks notes
        in `journal`, if it can, what it need not do again. Raises `GatewayError` for a failure that is no answer of an
        upstream, while nothing has been sent.
        """

        def begin(call: Call, runtime: Runtime) -> Flow:
            call.journal = journal
            return _ModelCall(Exchange(call, dialect, runtime, self._services), key, body, memory, losses)

        await self.carry(f"/v1{dialect.path}", sink, begin, request_id=request_id, headers=headers)

    async def carry(
        self, path: str, sink: Send, begin: Begin, *, request_id: str, headers: Sequence[tuple[bytes, bytes]] = ()
    ) -> None:
        """Runs what `begin` makes of a call; as `make`, which does so with a model call."""
        scope = {
            "type": "http", "method": "POST", "path": path, "raw_path": path.encode("ascii"), "query_string": b"",
            "headers": [
                *(item for item in headers if item[0] not in _OF_THE_OUTER),
                (b"x-request-id", request_id.encode("ascii")),
            ],
        }  # fmt: skip
        # A task of its own: deadlines cancel the task of their call, and that of whoever asks has its own.
        await asyncio.gather(self._carry(scope, sink, begin))

    async def _carry(self, scope: Scope, sink: Send, begin: Begin) -> None:
        call = Call(scope, _silence, sink, new_id("req_"), self._services.clock.monotonic())
        with self._enter(call) as runtime:
            flow = begin(call, runtime)
            booking = flow.booking
            try:
                await flow.run()
            except GatewayError as error:
                booking.blame(error)
                raise
            except asyncio.CancelledError:
                reason = call.watch.take()
                if reason is None:
                    booking.settle(cancelled=True)
                    raise
                booking.blame(reason)
                raise reason from None
            finally:
                booking.settle()


class _ModelCall:
    def __init__(
        self, exchange: Exchange, key: Key, body: bytes, memory: Kept | None, losses: tuple[Loss, ...]
    ) -> None:
        self.booking = exchange.booking
        self._exchange = exchange
        self._key = key
        self._body = body
        self._memory = memory
        self._losses = losses

    async def run(self) -> None:
        await self._exchange.carry(self._key, self._body, self._memory, self._losses)


class Collected:
    """A sink that keeps the whole answer."""

    def __init__(self) -> None:
        self.status = 0
        self.headers: Headers = []
        self.body = b""

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status, self.headers = message["status"], message["headers"]
        else:
            self.body += message.get("body", b"")


async def _silence() -> Message:
    raise AssertionError("the body of an inner call is given with it")
