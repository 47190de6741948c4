"""What these tests call a mock with: a request made by hand, and a socket that reports how the answer ended."""

import asyncio
import json
import socket
import struct
from dataclasses import dataclass
from typing import Any, Literal

from dragoman.mocks.answer import Answer, Buffered
from dragoman.mocks.request import Request, segments

Ending = Literal["eof", "reset", "silence"]


@dataclass(frozen=True)
class Transcript:
    """Every byte of an answer, and how it ended."""

    data: bytes
    ending: Ending

    @property
    def head(self) -> bytes:
        return self.data.partition(b"\r\n\r\n")[0]

    @property
    def raw_body(self) -> bytes:
        return self.data.partition(b"\r\n\r\n")[2]

    @property
    def status(self) -> int:
        return int(self.data.split(b" ", 2)[1])

    @property
    def body(self) -> bytes:
        """The body with any chunked framing taken off; what is cut stays cut."""
        if b"transfer-encoding: chunked" not in self.head:
            return self.raw_body
        body, rest = b"", self.raw_body
        while rest:
            size, _, rest = rest.partition(b"\r\n")
            body += rest[: int(size, 16)]
            rest = rest[int(size, 16) + 2 :]
        return body

    @property
    def whole(self) -> bool:
        """Whether a chunked body came to its proper end."""
        return self.raw_body.endswith(b"0\r\n\r\n")

    @property
    def events(self) -> list[bytes]:
        """The events that came whole, without the blank line that ends each."""
        return self.body.split(b"\n\n")[:-1]


async def connect(port: int, data: bytes) -> socket.socket:
    """A plain socket that has sent `data`; closing it is a FIN, or a RST after `make_abrupt`."""
    connection = socket.socket()
    connection.setblocking(False)
    loop = asyncio.get_running_loop()
    await loop.sock_connect(connection, ("127.0.0.1", port))
    await loop.sock_sendall(connection, data)
    return connection


def make_abrupt(connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


async def read(connection: socket.socket, *, silence: float = 5.0) -> Transcript:
    """Reads until the server ends the connection, or says nothing for `silence` seconds."""
    received, loop = bytearray(), asyncio.get_running_loop()
    try:
        while chunk := await asyncio.wait_for(loop.sock_recv(connection, 1 << 20), silence):
            received += chunk
    except TimeoutError:
        return Transcript(bytes(received), "silence")
    except ConnectionResetError:
        return Transcript(bytes(received), "reset")
    return Transcript(bytes(received), "eof")


async def talk(port: int, data: bytes, *, silence: float = 5.0) -> Transcript:
    """Sends `data` on a connection of its own and reads the whole answer."""
    with await connect(port, data) as connection:
        return await read(connection, silence=silence)


def http(method: str, path: str, body: object = None, headers: dict[str, str] | None = None) -> bytes:
    """A request on the wire that asks for the connection to be closed after it."""
    data = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
    lines = [f"{method} {path} HTTP/1.1", "host: mock", "connection: close", f"content-length: {len(data)}"]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    return "\r\n".join([*lines, "", ""]).encode() + data


def chat(text: str = "one two", **members: object) -> dict[str, object]:
    """The body of a Chat Completions request with one user message."""
    return {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": text}], **members}


def response(given: object = "one two", **members: object) -> dict[str, object]:
    """The body of a Responses request."""
    return {"model": "gpt-4o-mini", "input": given, **members}


def message(text: object = "one two", **members: object) -> dict[str, object]:
    """The body of a Messages request with one user message."""
    return {
        "model": "claude-sonnet-4-5",
        "max_tokens": 4096,
        "messages": [{"role": "user", "content": text}],
        **members,
    }


def data_of(body: bytes | str) -> list[Any]:
    """The JSON of every event of a stream; `[DONE]` as it is."""
    text = body if isinstance(body, str) else body.decode()
    data = [line.removeprefix("data: ") for line in text.splitlines() if line.startswith("data: ")]
    return [each if each == "[DONE]" else json.loads(each) for each in data]


def request(method: str, path: str, body: object = b"", query: str = "", **headers: str) -> Request:
    """A request as the services see it, its whole path still to be dispatched."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Request(
        method,
        path,
        query,
        tuple((name.replace("_", "-"), value) for name, value in headers.items()),
        data,
        len(data),
        rest=segments(path),
    )


def body_of(answer: Answer) -> Any:
    """The JSON of a buffered answer."""
    assert isinstance(answer, Buffered)
    return json.loads(answer.body)


def header_of(answer: Answer, name: str) -> str | None:
    return dict(answer.headers).get(name)
