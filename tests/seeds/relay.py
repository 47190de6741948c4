"""A TCP relay between the gateway and its mock: it counts connections, and can hold an answer back."""

import asyncio
import socket

_CHUNK = 1 << 16


class Relay:
    """Bound at once, so that a configuration can name it; serves once it is opened in the gateway's loop."""

    def __init__(self) -> None:
        self.socket = bind()
        self.url = f"http://127.0.0.1:{self.socket.getsockname()[1]}"
        self.connections = 0
        """Connections accepted so far."""
        self._target = 0
        self._marker = b""
        self._gate = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    async def open(self, target: int) -> None:
        """Begins to relay to a port on the loopback."""
        self._target = target
        self._server = await asyncio.start_server(self._accept, sock=self.socket)

    async def close(self) -> None:
        assert self._server is not None
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def hold(self, marker: bytes) -> None:
        """From now on an answer stops after `marker`, until it is released."""
        self._marker = marker
        self._gate.clear()

    async def release(self) -> None:
        """Lets go what is held; nothing is held any more."""
        self._marker = b""
        self._gate.set()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.connections += 1
        try:
            down, up = await asyncio.open_connection("127.0.0.1", self._target)
            try:
                async with asyncio.TaskGroup() as both:
                    both.create_task(self._pump(reader, up, held=False))
                    both.create_task(self._pump(down, writer, held=True))
            finally:
                up.transport.abort()
        except* (ConnectionError, asyncio.CancelledError):
            writer.transport.abort()
        finally:
            self._tasks.discard(task)
            writer.close()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, held: bool) -> None:
        while data := await reader.read(_CHUNK):
            if held and self._marker and self._marker in data:
                end = data.index(self._marker) + len(self._marker)
                writer.write(data[:end])
                await self._gate.wait()
                data = data[end:]
            writer.write(data)
            await writer.drain()
        # Either side's end is the end: nobody here half-closes a connection.
        raise ConnectionResetError


def bind() -> socket.socket:
    """A socket on a free port; its protocol is named, or asyncio would leave Nagle's algorithm on."""
    bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    bound.bind(("127.0.0.1", 0))
    return bound
