"""An upstream that begins each answer at once and ends it when it is let: to see how many calls are under way."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager

DEADLINE = 30.0


class Door:
    """Answers any request with an event stream of two events, the second once the door is open."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._open = asyncio.Event()
        self._finished = asyncio.Event()
        self.url = ""
        self.inside = 0
        self.peak = 0
        self.seen: list[str] = []
        """First lines of the requests, in the order they came."""

    def open(self) -> None:
        """From now on answers end at once."""
        self._loop.call_soon_threadsafe(self._open.set)

    def close(self) -> None:
        """From now on answers wait; nothing is counted any more that went before."""
        asyncio.run_coroutine_threadsafe(self._forget(), self._loop).result(DEADLINE)

    async def _forget(self) -> None:
        self._open.clear()
        self.peak = self.inside
        self.seen = []

    async def _serve(self, ready: threading.Event) -> None:
        server = await asyncio.start_server(self._connection, "127.0.0.1", backlog=1024)
        self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        async with server:
            ready.set()
            await self._finished.wait()

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                await self._answer(head, reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # whoever has called has gone
        finally:
            writer.close()

    async def _answer(self, head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.inside += 1
        self.peak = max(self.peak, self.inside)
        self.seen.append(head.split(b"\r\n")[0].decode())
        try:
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
            writer.write(b"c\r\ndata: come\n\n\r\n")
            left = asyncio.ensure_future(reader.read(1))
            opened = asyncio.ensure_future(self._open.wait())
            await asyncio.wait({left, opened}, return_when=asyncio.FIRST_COMPLETED)
            opened.cancel()
            if left.done():
                raise ConnectionError
            left.cancel()
            await asyncio.gather(left, opened, return_exceptions=True)
            writer.write(b"a\r\ndata: go\n\n\r\n0\r\n\r\n")
        finally:
            self.inside -= 1

    def run(self, ready: threading.Event) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._serve(ready))

    def finish(self) -> None:
        self._loop.call_soon_threadsafe(self._finished.set)


@contextmanager
def door() -> Iterator[Door]:
    upstream = Door()
    ready = threading.Event()
    thread = threading.Thread(target=upstream.run, args=(ready,), name="door")
    thread.start()
    assert ready.wait(DEADLINE)
    try:
        yield upstream
    finally:
        upstream.finish()
        thread.join(DEADLINE)
        assert not thread.is_alive()
