"""A model behind an endpoint that speaks Chat Completions: the gateway, a provider, a mock.

It adds nothing of its own to a call: no repeat, no fallback; those are the gateway's.
"""

import asyncio
import contextlib
import weakref
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

import httpx2
import msgspec

from dragoman import errors
from dragoman.agents.context import Context
from dragoman.agents.errors import AgentError, ModelError
from dragoman.agents.skills import Skill
from dragoman.client.config import provider_from_env
from dragoman.client.in_process import AsyncInProcess
from dragoman.dialects.chat.codec import CHAT_CODEC
from dragoman.dialects.profile import PROFILES, Profile
from dragoman.errors import ErrorKind, WireError
from dragoman.ports import Access
from dragoman.turn import Event, Turn
from dragoman.version import __version__
from dragoman.wire import sse

if TYPE_CHECKING:
    from dragoman.agents.agent import Agent

TIMEOUT: Final = httpx2.Timeout(120.0, connect=10.0)
"""Between two pieces of an answer; whole answers have no bound but that of a run."""
FINISHING: Final = 1.0
"""Seconds that a server has to end an answer after its last word."""
_KINDS: Final[Mapping[int, ErrorKind]] = {
    400: errors.INVALID_REQUEST, 401: errors.CREDENTIAL_REFUSED, 403: errors.CREDENTIAL_REFUSED,
    404: errors.MODEL_NOT_FOUND, 413: errors.PAYLOAD_TOO_LARGE, 429: errors.RATE_LIMIT_EXCEEDED,
}  # fmt: skip
_OURS: Final = {kind.code: kind for kind in errors.TABLE if kind.status not in (401, 403)}
"""What the gateway says to a run that it serves is said on; but a key that is not good enough is the agent's."""
Chat = dict[str, Any]
"""A Chat object, as JSON has it."""


class OpenAISkill(Skill):
    """Asks a model at `base_url`; without one, and without a key, at OPENAI_BASE_URL with OPENAI_API_KEY.

    An agent that the gateway serves asks the gateway itself, under its caller's key, unless the skill was given a
    `base_url`, an `api_key` or a `transport` of its own.
    """

    def __init__(
        self,
        api_key: str | None = None,
        model: str = "gpt-4o-mini",
        *,
        base_url: str | None = None,
        transport: httpx2.AsyncBaseTransport | None = None,
        timeout: httpx2.Timeout = TIMEOUT,
        profile: str | Profile = "openai",
    ) -> None:
        """`profile` names the server's kind, as in the gateway's settings, or is one."""
        self.api_key = api_key
        self.model = model
        self.base_url = base_url
        self._transport = transport
        self._timeout = timeout
        if isinstance(profile, str) and profile not in PROFILES:
            raise AgentError(f"there is no profile {profile!r}; there are {', '.join(PROFILES)}")
        self._profile = PROFILES[profile] if isinstance(profile, str) else profile
        # Connections belong to the loop they were opened in, and an agent may be run in several.
        self._clients: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, httpx2.AsyncClient]
        self._clients = weakref.WeakKeyDictionary()

    def initialize(self, agent: "Agent") -> None:
        """Becomes the agent's model, if it has none yet."""
        if agent.provider is None:
            agent.provider = self

    async def close(self) -> None:
        """Closes the connections of the running loop."""
        client = self._clients.pop(asyncio.get_running_loop(), None)
        if client is not None:
            await client.aclose()

    async def chat_completion(
        self, messages: Sequence[Chat], tools: Sequence[Chat] | None = None, stream: bool = False
    ) -> Any:
        """The answer to Chat messages as a Chat object; with `stream` an asynchronous iterator of its chunks."""
        if stream:
            return self.chat_completion_stream(messages, tools)
        async with self._opened(self._body(messages, tools), None) as response:
            return _object(await response.aread())

    async def chat_completion_stream(
        self, messages: Sequence[Chat], tools: Sequence[Chat] | None = None
    ) -> AsyncGenerator[Chat, None]:
        """The chunks of the answer, the one with its usage last. Raises `ModelError` for an error among them."""
        body = self._body(messages, tools) | {"stream": True, "stream_options": {"include_usage": True}}
        decoder = sse.Decoder(sse.MAX_EVENT)
        async with self._opened(body, None) as response:
            async for data in response.aiter_bytes():
                for frame in decoder.receive(data):
                    if frame.data.startswith(sse.DONE):
                        return
                    if frame.data:
                        yield _object(frame.data)
        raise ModelError(errors.STREAM_ABORTED, "The model's answer ended before it was complete.")

    async def answer(self, turn: Turn, context: Context) -> AsyncGenerator[Event, None]:
        rendered = CHAT_CODEC.render(turn, turn.model or self.model, self._profile)
        reader = CHAT_CODEC.reader(profile=self._profile)
        async with self._opened(rendered.body, context.access) as response:
            if not response.headers.get("content-type", "").startswith("text/event-stream"):
                raise ModelError(errors.PROTOCOL_ERROR, "The model's server answered a streamed call with no stream.")
            try:
                async with aclosing(response.aiter_bytes()) as pieces:
                    async for data in pieces:
                        for event in reader.receive(data):
                            yield event
                        if reader.done:
                            await _finish(pieces)
                            return
                for event in reader.eof():
                    yield event
            except WireError as error:
                raise ModelError(errors.PROTOCOL_ERROR, f"The model's server sent {error}.") from None

    def _body(self, messages: Sequence[Chat], tools: Sequence[Chat] | None) -> Chat:
        body: Chat = {"model": self.model, "messages": list(messages)}
        return body | {"tools": list(tools)} if tools else body

    @asynccontextmanager
    async def _opened(self, body: Chat | bytes, access: Access | None) -> AsyncIterator[httpx2.Response]:
        """A good answer, of which nothing has been read. Raises `ModelError`, also for what breaks while it is read."""
        content = body if isinstance(body, bytes) else msgspec.json.encode(body)
        async with self._way(access) as (client, url, key):
            headers = {"content-type": "application/json"} | ({"authorization": f"Bearer {key}"} if key else {})
            call = client.stream("POST", f"{url.rstrip('/')}/chat/completions", content=content, headers=headers)
            with _told(url):
                async with call as response:
                    if response.status_code != 200:
                        raise _refused(response.status_code, await response.aread(), inside=access is not None)
                    yield response

    @asynccontextmanager
    async def _way(self, access: Access | None) -> AsyncIterator[tuple[httpx2.AsyncClient, str, str | None]]:
        """Through what, where to, and with what key."""
        own = self.base_url is not None or self.api_key is not None or self._transport is not None
        if access is not None and not own:
            async with self._client_over(AsyncInProcess(access.app)) as client:
                yield client, access.base_url, access.credential
            return
        url, key = provider_from_env()
        loop = asyncio.get_running_loop()
        kept = self._clients.get(loop)
        if kept is None:
            kept = self._clients[loop] = self._client_over(self._transport)
        yield kept, self.base_url or url, key if self.api_key is None else self.api_key

    def _client_over(self, transport: httpx2.AsyncBaseTransport | None) -> httpx2.AsyncClient:
        headers = {"user-agent": f"dragoman-agents/{__version__}"}
        return httpx2.AsyncClient(transport=transport, timeout=self._timeout, headers=headers)


@contextmanager
def _told(url: str) -> Iterator[None]:
    """Errors of the HTTP library become `ModelError`s."""
    try:
        yield
    except httpx2.TimeoutException as error:
        raise ModelError(errors.REQUEST_TIMEOUT, f"The model at {_host(url)} did not answer in time.") from error
    except httpx2.ConnectError as error:
        message = f"The model at {_host(url)} could not be reached; look at OPENAI_BASE_URL, or `base_url`."
        raise ModelError(errors.DOWNSTREAM_ERROR, message) from error
    except httpx2.HTTPError as error:
        raise ModelError(errors.STREAM_ABORTED, f"The model at {_host(url)} broke off: {error}") from error


async def _finish(pieces: AsyncIterator[bytes]) -> None:
    """Takes the rest of an answer that has said its last word: one that is left before its end counts as given up."""
    with contextlib.suppress(TimeoutError, httpx2.HTTPError):
        async with asyncio.timeout(FINISHING):
            async for _ in pieces:
                pass


def _refused(status: int, body: bytes, *, inside: bool) -> ModelError:
    said = CHAT_CODEC.parse_error(body)
    kind = _KINDS.get(status, errors.DOWNSTREAM_ERROR if status >= 500 else errors.PROTOCOL_ERROR)
    if inside and said is not None and said.code in _OURS:
        kind = _OURS[said.code]
    message = said.message if said is not None else f"The model's server answered {status}."
    return ModelError(kind, message, status=status, code=said.code if said is not None else None)


def _object(body: bytes) -> Chat:
    try:
        given = msgspec.json.decode(body, type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise ModelError(errors.PROTOCOL_ERROR, "The model's server sent something that is no Chat object.") from None
    if given.get("error"):
        said = CHAT_CODEC.parse_error(body)
        message = said.message if said is not None else "The model's server reported an error."
        raise ModelError(errors.STREAM_ABORTED, message, code=said.code if said is not None else None)
    return given


def _host(url: str) -> str:
    return urlsplit(url).netloc or url
