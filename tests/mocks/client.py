"""What these tests call a mock with: a request made by hand, and a socket that reports how the answer ended."""

import asyncio
import json
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


async def talk(port: int, data: bytes, *, silence: float = 5.0) -> Transcript:
    """Sends `data` and reads until the server ends the connection, or says nothing for `silence` seconds."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    received, ending = b"", "eof"
    try:
        writer.write(data)
        while chunk := await asyncio.wait_for(reader.read(1 << 20), silence):
            received += chunk
    except TimeoutError:
        ending = "silence"
    except ConnectionResetError:
        ending = "reset"
    finally:
        writer.close()
        await asyncio.wait([asyncio.ensure_future(writer.wait_closed())], timeout=silence)
    return Transcript(received, ending)  # type: ignore[arg-type]


def http(method: str, path: str, body: object = None, headers: dict[str, str] | None = None) -> bytes:
    """A request on the wire that asks for the connection to be closed after it."""
    data = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
    lines = [f"{method} {path} HTTP/1.1", "host: mock", "connection: close", f"content-length: {len(data)}"]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    return "\r\n".join([*lines, "", ""]).encode() + data


def chat(text: str = "one two", **members: object) -> dict[str, object]:
    """The body of a Chat Completions request with one user message."""
    return {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": text}], **members}


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
