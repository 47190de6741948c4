"""The least that a gateway on uvicorn and aiohttp can do, as a measure for ours.

It looks a bearer key up in a dict, decodes the top level of the body, maps the model, encodes, forwards on a
pooled connection, decodes the usage of the answer and returns it; streams and alias calls pass chunk by
chunk. It has no deadline, limit, log, metric, ledger, error table or check of what it reads: do not use it.

    python -m bench.floor PORT UPSTREAM KEY
"""

import sys
from collections.abc import Awaitable, Callable
from typing import Any, Final

import aiohttp
import msgspec
import uvicorn

from bench.phases import ALIAS_PREFIX, MODELS

Fields = dict[str, msgspec.Raw]
Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
_JSON: Final = (b"content-type", b"application/json")
_STREAM: Final = [(b"content-type", b"text/event-stream"), (b"cache-control", b"no-cache")]


class Usage(msgspec.Struct):
    prompt_tokens: int = 0
    completion_tokens: int = 0


class Answer(msgspec.Struct):
    usage: Usage | None = None


class Floor:
    """An ASGI application."""

    def __init__(self, upstream: str, key: str) -> None:
        self._upstream = upstream
        self._keys = {b"Bearer " + key.encode(): "bench"}
        self._models = {name: msgspec.Raw(msgspec.json.encode(target)) for name, target in MODELS.items()}
        self._decode = msgspec.json.Decoder(Fields).decode
        self._decode_name = msgspec.json.Decoder(str).decode
        self._decode_answer = msgspec.json.Decoder(Answer).decode
        self._encode = msgspec.json.Encoder().encode
        self._headers = {"authorization": "Bearer upstream-key", "content-type": "application/json"}
        self.input_tokens = self.output_tokens = 0

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
            return
        if dict(scope["headers"]).get(b"authorization") not in self._keys:
            await _answer(send, 401, b'{"error":{"message":"no such key"}}')
            return
        body = await _read(receive)
        if scope["path"].startswith(ALIAS_PREFIX):
            await self._pass(send, body)
            return
        fields = self._decode(body)
        fields["model"] = self._models[self._decode_name(fields["model"])]
        if bytes(fields.get("stream", b"")) == b"true":
            await self._pass(send, self._encode(fields))
        else:
            await self._call(send, self._encode(fields))

    async def _call(self, send: Send, body: bytes) -> None:
        async with self._session.post(self._upstream, data=body, headers=self._headers) as response:
            answer = await response.read()
        usage = self._decode_answer(answer).usage
        if usage is not None:
            self.input_tokens += usage.prompt_tokens
            self.output_tokens += usage.completion_tokens
        await _answer(send, response.status, answer)

    async def _pass(self, send: Send, body: bytes) -> None:
        async with self._session.post(self._upstream, data=body, headers=self._headers) as response:
            if response.content_length is not None:
                await _answer(send, response.status, await response.read())
                return
            await send({"type": "http.response.start", "status": response.status, "headers": _STREAM})
            async for chunk in response.content.iter_any():
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        await receive()
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=60),
            timeout=aiohttp.ClientTimeout(total=None, sock_read=60),
            auto_decompress=False,
            cookie_jar=aiohttp.DummyCookieJar(),
        )
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await self._session.close()
        await send({"type": "lifespan.shutdown.complete"})


async def _read(receive: Receive) -> bytes:
    body: bytes = b""
    while True:
        message = await receive()
        body += message["body"]
        if not message["more_body"]:
            return body


async def _answer(send: Send, status: int, body: bytes) -> None:
    headers = [_JSON, (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": False})


def main(port: int, upstream: str, key: str) -> None:
    uvicorn.run(
        Floor(upstream, key),
        host="127.0.0.1",
        port=port,
        http="httptools",
        loop="uvloop",
        ws="none",
        lifespan="on",
        access_log=False,
        log_level="warning",
        timeout_graceful_shutdown=2,
    )


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2], sys.argv[3])
