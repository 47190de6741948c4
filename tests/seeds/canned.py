"""An upstream whose answers are bytes given beforehand, for what no mock service would say."""

import asyncio
from collections.abc import Mapping

from tests.seeds.relay import bind


class Canned:
    """Bound at once, so that a configuration can name it; serves once it is opened in the gateway's loop."""

    def __init__(self, answers: Mapping[str, bytes]) -> None:
        """`answers` are whole HTTP responses by path; each ends its connection."""
        self._answers = answers
        self.socket = bind()
        self.url = f"http://127.0.0.1:{self.socket.getsockname()[1]}"
        self._server: asyncio.Server | None = None

    async def open(self) -> None:
        self._server = await asyncio.start_server(self._answer, sock=self.socket)

    async def close(self) -> None:
        assert self._server is not None
        self._server.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            writer.write(self._answers[head.split(b" ")[1].decode()])
            await writer.drain()
        finally:
            writer.close()


def response(body: bytes, *headers: str) -> bytes:
    """A 200 with the given header lines, its length and `Connection: close`."""
    lines = ["HTTP/1.1 200 OK", *headers, f"Content-Length: {len(body)}", "Connection: close"]
    return "\r\n".join([*lines, "", ""]).encode() + body
