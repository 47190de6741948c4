"""The three ends of a program's standard streams that are ours, on the event loop; not the program itself.

    Feed    its stdin: written as fast as it reads, then closed
    Flow    its stdout: read only as far ahead of the reader as HIGH allows; the program waits then
    Tail    its stderr: always read, and all but the last of it forgotten

None knows of lines, so none has a longest line. All are plain descriptors on `add_reader` and `add_writer`: asyncio's
own transports count a program as running for as long as any descendant of it holds its pipes.
"""

import asyncio
import os
from contextlib import suppress
from typing import Final

CHUNK: Final = 64 * 1024
HIGH: Final = 256 * 1024
"""Bytes of stdout that wait for the reader."""
KEPT: Final = 16 * 1024
"""Bytes of stderr that are remembered: its last."""


class _End:
    """A descriptor that is ours, and is closed once."""

    def __init__(self, descriptor: int) -> None:
        os.set_blocking(descriptor, False)
        self._loop = asyncio.get_running_loop()
        self._descriptor = descriptor
        self._open = True

    def _release(self) -> None:
        if self._open:
            self._open = False
            os.close(self._descriptor)

    def _read(self) -> bytes | None:
        """What there is, `b""` at the end, None if nothing is there now."""
        try:
            return os.read(self._descriptor, CHUNK)
        except BlockingIOError:
            return None
        except OSError:  # a broken descriptor has no more to say
            return b""


class Feed(_End):
    """Writes `data` and closes; a program that does not want it is left alone."""

    def __init__(self, descriptor: int, data: bytes) -> None:
        super().__init__(descriptor)
        self._left = memoryview(data)
        self._loop.add_writer(descriptor, self._write)

    def _write(self) -> None:
        try:
            self._left = self._left[os.write(self._descriptor, self._left) :] if self._left else self._left
        except BlockingIOError:
            return
        except OSError:  # it has closed its end
            self.close()
            return
        if not self._left:
            self.close()

    def close(self) -> None:
        if self._open:
            self._loop.remove_writer(self._descriptor)
        self._release()


class Flow(_End):
    """Has one reader at a time; `read` may be cancelled and called again without loss."""

    def __init__(self, descriptor: int) -> None:
        super().__init__(descriptor)
        self._held = bytearray()
        self._watching = False
        self._last = False
        self._unread = False
        self._nudged = False
        self._waiter: asyncio.Future[None] | None = None
        self._watch(True)

    async def read(self) -> bytes:
        """All that has come and was not read; `b""` once there is no more."""
        while not self._held and self._open:
            await self.ready()
        return self.take()

    async def ready(self) -> None:
        """Waits until something has come, or there is no more, or `nudge` is called."""
        while not self._held and self._open and not self._nudged:
            self._waiter = self._loop.create_future()
            try:
                await self._waiter
            finally:
                self._waiter = None
        self._nudged = False

    def nudge(self) -> None:
        """Ends a wait, the next one if none is under way, though nothing has come."""
        self._nudged = True
        self._wake()

    @property
    def ended(self) -> bool:
        """Whether there is no more."""
        return not self._held and not self._open

    def take(self) -> bytes:
        """All that has come and was not read."""
        data = bytes(self._held)
        self._held.clear()
        if self._last:
            self._drain()
        else:
            self._watch(True)
        return data

    def finish(self) -> None:
        """Nobody that matters writes any more: what lies in the pipe is the rest, whoever still holds it open."""
        if not self._last:
            self._last = True
            self._drain()

    def discard(self) -> None:
        """Nobody reads any more; what comes is dropped, so that the program is not held up."""
        self._unread = True
        self._held.clear()
        if self._last:
            self.close()
        else:
            self._watch(True)

    def close(self) -> None:
        self._watch(False)
        self._release()
        self._wake()

    def _watch(self, on: bool) -> None:
        if not self._open or on == self._watching:
            return
        self._watching = on
        if on:
            self._loop.add_reader(self._descriptor, self._arrived)
        else:
            self._loop.remove_reader(self._descriptor)

    def _arrived(self) -> None:
        data = self._read()
        if data is None:
            return
        if not self._unread:
            self._held += data
        if not data:
            self.close()
        elif len(self._held) >= HIGH:
            self._watch(False)
        self._wake()

    def _drain(self) -> None:
        self._watch(False)
        while self._open and len(self._held) < HIGH:
            data = None if self._unread else self._read()
            self._held += data or b""
            if not data:
                self.close()
        self._wake()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)


class Tail(_End):
    """The last of what came; `kept` may be asked for at any time."""

    def __init__(self, descriptor: int) -> None:
        super().__init__(descriptor)
        self._kept = bytearray()
        self._loop.add_reader(descriptor, self._arrived)

    @property
    def kept(self) -> bytes:
        return bytes(self._kept)

    def finish(self) -> None:
        """What lies in the pipe is the rest; as much of it as one may hold is looked at."""
        for _ in range(HIGH // CHUNK):
            if not self._open or not self._arrived():
                break
        self.close()

    def close(self) -> None:
        if self._open:
            self._loop.remove_reader(self._descriptor)
        self._release()

    def _arrived(self) -> bool:
        data = self._read()
        if data:
            self._kept += data
            del self._kept[:-KEPT]
        elif data is not None:
            self.close()
        return bool(data)


def drop(*descriptors: int) -> None:
    """Closes what a program was to get, once it has it or never will."""
    for descriptor in descriptors:
        with suppress(OSError):
            os.close(descriptor)
