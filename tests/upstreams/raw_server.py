"""A server of raw bytes on a loopback port: a script per connection says what it sends and when."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

Script = Callable[["Peer"], Awaitable[None]]

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
TURNS = 4
"""Turns of the loop in which an aborted transport, TLS or not, gives its socket back."""
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


@dataclass(frozen=True)
class Seen:
    """One request as it arrived."""

    line: bytes
    headers: list[tuple[bytes, bytes]]
    body: bytes

    @property
    def target(self) -> bytes:
        return self.line.split(b" ")[1]

    def values(self, name: bytes) -> list[bytes]:
        return [value for key, value in self.headers if key.lower() == name.lower()]


@dataclass
class Server:
    port: int = 0
    connections: int = 0
    requests: list[Seen] = field(default_factory=list)
    open: set[asyncio.Task[None]] = field(default_factory=set)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


class Peer:
    """One accepted connection."""

    def __init__(self, server: Server, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.server = server
        self.reader = reader
        self.writer = writer

    async def request(self) -> Seen:
        """The next request, whole; raises `IncompleteReadError` when the client has left."""
        head = await self.reader.readuntil(b"\r\n\r\n")
        line, *fields = head[:-4].split(b"\r\n")
        headers = [(name, value) for name, _, value in (item.partition(b": ") for item in fields)]
        seen = Seen(line, headers, await self._body(dict((name.lower(), value) for name, value in headers)))
        self.server.requests.append(seen)
        return seen

    async def _body(self, headers: dict[bytes, bytes]) -> bytes:
        if headers.get(b"transfer-encoding") != b"chunked":
            return await self.reader.readexactly(int(headers.get(b"content-length", b"0")))
        body = b""
        while size := int(await self.reader.readuntil(b"\r\n"), 16):
            body += (await self.reader.readexactly(size + 2))[:-2]
        await self.reader.readexactly(2)
        return body

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def gone(self) -> int:
        """Waits until the client has dropped the connection; says how many bytes it sent before."""
        received = 0
        try:
            while data := await self.reader.read(1 << 20):
                received += len(data)
        except (ConnectionError, ssl.SSLError):
            return received
        return received

    def reset(self) -> None:
        self.writer.transport.abort()


async def echo_ok(peer: Peer) -> None:
    """Answers every request with 200 and `ok`."""
    while True:
        seen = await peer.request()
        await peer.send(OK[:-2] if seen.line.startswith(b"HEAD ") else OK)


def answering(data: bytes) -> Script:
    """Answers the one request of each connection with `data`, then ends the connection."""

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(data)

    return script


async def drained() -> None:
    """Lets the loop handle what the sockets have for it."""
    for _ in range(5):
        await asyncio.sleep(0.001)


@asynccontextmanager
async def serve(
    script: Script, *, host: str = "127.0.0.1", port: int = 0, tls: ssl.SSLContext | None = None
) -> AsyncIterator[Server]:
    server = Server()
    transports: list[asyncio.WriteTransport] = []

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        server.open.add(task)
        server.connections += 1
        transports.append(writer.transport)
        try:
            await script(Peer(server, reader, writer))
        except asyncio.CancelledError:
            writer.transport.abort()
        except (asyncio.IncompleteReadError, ConnectionError, ssl.SSLError):
            pass
        finally:
            server.open.discard(task)
            writer.close()

    listener = await asyncio.start_server(accept, host, port, ssl=tls)
    server.port = listener.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listener.close()
        tasks = tuple(server.open)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for transport in transports:
            transport.abort()  # a closing one waits for its peer, and the loop does not wait for that
        for _ in range(TURNS):
            await asyncio.sleep(0)
