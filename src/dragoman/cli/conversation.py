"""A client's end of a chat: turns sent to a running gateway, answers streamed back, the history kept.

It speaks HTTP like any caller and knows nothing of the gateway in this process, if there is one.
"""

from collections.abc import Callable
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import urlsplit

import httpx2
import msgspec

from dragoman.cli.output import Failure
from dragoman.dialects.chat import errors as chat_errors
from dragoman.errors import WireError
from dragoman.wire import sse
from dragoman.wire.common import ErrorBody

# A gateway pings every 15 s, so silence this long is a fault and not a slow model.
_TIMEOUT: Final = httpx2.Timeout(5.0, read=120.0)
_LOOPBACK: Final = ("127.0.0.1", "localhost", "::1")


class _Delta(msgspec.Struct, frozen=True):
    content: str | None = None


class _Choice(msgspec.Struct, frozen=True):
    delta: _Delta = _Delta()
    finish_reason: str | None = None


class _Usage(msgspec.Struct, frozen=True):
    prompt_tokens: int = 0
    completion_tokens: int = 0


class _Chunk(msgspec.Struct, frozen=True):
    choices: list[_Choice] = []
    usage: _Usage | None = None
    error: msgspec.Raw | None = None


class _Model(msgspec.Struct, frozen=True):
    id: str


class _Models(msgspec.Struct, frozen=True):
    data: list[_Model]


class Answer(msgspec.Struct):
    """One finished answer."""

    model: str
    text: str
    request_id: str
    finish_reason: str | None
    usage: dict[str, int] | None


class Conversation:
    """A chat with one model; used as a context manager, which closes the connection."""

    def __init__(self, url: str, key: str | None, model: str | None = None) -> None:
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        try:
            local = urlsplit(url).hostname in _LOOPBACK
            # A proxy of the environment is for the way out, not for what runs on this machine.
            self._client = httpx2.Client(base_url=url, headers=headers, timeout=_TIMEOUT, trust_env=not local)
        except (httpx2.InvalidURL, ValueError):
            raise Failure(f"{url!r} is no URL", "--url http://127.0.0.1:8088") from None
        self._url = url
        self._model = model
        self._messages: list[dict[str, str]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.close()

    @property
    def model(self) -> str:
        """The model talked to; the first one of the gateway's list if none was named. Raises `Failure`."""
        if self._model is None:
            response = self._request("GET", "/v1/models")
            try:
                names = [model.id for model in msgspec.json.decode(response.content, type=_Models).data]
            except msgspec.DecodeError:
                raise Failure(f"{self._url} is no OpenAI-style API", "see --url") from None
            if not names:
                raise Failure("there is no model that this key may use", "name one: --model NAME") from None
            self._model = names[0]
        return self._model

    def ask(self, text: str, on_text: Callable[[str], None]) -> Answer:
        """Sends a message and hands the answer on piece by piece. Raises `Failure`; the history is then as before."""
        messages = [*self._messages, {"role": "user", "content": text}]
        body = {
            "model": self.model,
            "messages": messages,
            "stream": True,
            "stream_options": {"include_usage": True},
        }
        reader = _Reader(on_text)
        try:
            with self._client.stream("POST", "/v1/chat/completions", json=body) as response:
                request_id = response.headers.get("x-request-id", "")
                if response.status_code != 200:
                    response.read()
                    raise _refused(response)
                for data in response.iter_bytes():
                    reader.receive(data, request_id)
        except httpx2.TransportError as error:
            raise self._unreachable(error) from None
        if not reader.done:
            raise Failure(f"the answer broke off (request {request_id})", "ask again")
        self._messages = [*messages, {"role": "assistant", "content": reader.text}]
        return Answer(self.model, reader.text, request_id, reader.finish_reason, reader.usage)

    def get(self, path: str) -> Any:
        """The JSON answer to a GET. Raises `Failure`."""
        try:
            return msgspec.json.decode(self._request("GET", path).content)
        except msgspec.DecodeError:
            raise Failure(f"{self._url}{path} did not answer with JSON", "see --url") from None

    def _request(self, method: str, path: str) -> httpx2.Response:
        try:
            response = self._client.request(method, path)
        except httpx2.TransportError as error:
            raise self._unreachable(error) from None
        if response.status_code != 200:
            raise _refused(response)
        return response

    def _unreachable(self, error: httpx2.TransportError) -> Failure:
        if isinstance(error, httpx2.ConnectError | httpx2.ConnectTimeout):
            return Failure(f"there is no gateway at {self._url}", "start one: dragoman serve --demo; or see --url")
        if isinstance(error, httpx2.UnsupportedProtocol):
            return Failure(f"{self._url!r} is no HTTP URL", "--url http://127.0.0.1:8088")
        if isinstance(error, httpx2.TimeoutException):
            return Failure("the gateway fell silent", "dragoman doctor")
        return Failure(f"the connection to the gateway broke: {str(error) or type(error).__name__}", "ask again")


class _Reader:
    """Gathers one streamed answer."""

    def __init__(self, on_text: Callable[[str], None]) -> None:
        self._on_text = on_text
        self._decoder = sse.Decoder()
        self._parts: list[str] = []
        self.finish_reason: str | None = None
        self.usage: dict[str, int] | None = None
        self.done = False

    @property
    def text(self) -> str:
        return "".join(self._parts)

    def receive(self, data: bytes, request_id: str) -> None:
        try:
            for frame in self._decoder.receive(data):
                self._take(frame.data, request_id)
        except (WireError, msgspec.DecodeError, UnicodeDecodeError) as error:
            raise Failure(f"the answer cannot be read: {error} (request {request_id})", "see --url") from None

    def _take(self, data: bytes, request_id: str) -> None:
        if data == sse.DONE:
            self.done = True
            return
        chunk = msgspec.json.decode(data, type=_Chunk)
        if chunk.error is not None:
            body = chat_errors.parse(data) or ErrorBody("the upstream reported an error", "upstream_error")
            raise _failure(body, f"request {request_id}")
        for choice in chunk.choices[:1]:
            if choice.delta.content:
                self._parts.append(choice.delta.content)
                self._on_text(choice.delta.content)
            self.finish_reason = choice.finish_reason or self.finish_reason
        if chunk.usage is not None:
            self.usage = msgspec.to_builtins(chunk.usage)


_HINTS: Final = {
    401: "a key: --key or DRAGOMAN_KEY; make one with dragoman keys create NAME",
    403: "a key with that scope: dragoman keys create NAME --model PATTERN",
    404: "--model with one of those that GET /v1/models lists",
    429: "wait a moment, then ask again",
}


def _refused(response: httpx2.Response) -> Failure:
    where = f"HTTP {response.status_code}, request {response.headers.get('x-request-id', 'unknown')}"
    body = chat_errors.parse(response.content)
    if body is None:
        return Failure(f"the answer was no success and no error of the API ({where})", "see --url")
    return _failure(body, where, _HINTS.get(response.status_code, ""))


def _failure(body: ErrorBody, where: str, hint: str = "") -> Failure:
    return Failure(f"{body.message} ({body.code or body.type}, {where})", hint)
