# Written by scripts/unasync.py from src/dragoman/client/_async/client.py; change that instead.
"""The client: calls through a gateway, or through anything that answers like one."""

import random
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self

import httpx2

from dragoman.client._sync.admin import Admin
from dragoman.client._sync.sdk import anthropic_sdk, openai_sdk
from dragoman.client._sync.stream import Stream
from dragoman.client._sync.transport import Transport, http_client
from dragoman.client._sync.websocket import WebSocket
from dragoman.client.config import URL, App, ClientConfig
from dragoman.client.conversation import MAX_MESSAGE, Conversation, check, handshake
from dragoman.client.errors import TransportError
from dragoman.client.faults import before_answer
from dragoman.client.in_process import InProcess
from dragoman.client.request import Request
from dragoman.client.resolution import Resolution
from dragoman.client.response import Head, Response
from dragoman.client.retry import Attempts, RetryBudget
from dragoman.client.status import Status
from dragoman.client.timeouts import Limits
from dragoman.client.upload import body
from dragoman.client.waiting import sleep

if TYPE_CHECKING:
    from anthropic import Anthropic
    from openai import OpenAI

RESOLVE: Final = Request.post("/api/oagw/v1/resolve")
STATUS: Final = Request.get("/api/oagw/v1/status")


class Client:
    """Calls upstreams by alias through a gateway.

    Made from an address and a key, from a `ClientConfig`, from the environment, or around an application in this
    process. It holds connections: use it in a `with` statement, or close it.
    """

    def __init__(self, gateway: ClientConfig | str = URL, key: str | None = None) -> None:
        """A client of the gateway at an address, with a key; or one that behaves as a `ClientConfig` says."""
        config = ClientConfig(gateway, key) if isinstance(gateway, str) else gateway
        self.config = config
        self._transport = Transport(config) if config.app is None else InProcess(config.app)
        self._http = http_client(self._transport, None)
        self._base = httpx2.URL(config.base_url)
        self._budget = RetryBudget()
        self.admin = Admin(self._own)

    @classmethod
    def from_config(cls, config: ClientConfig) -> Self:
        """A client that behaves as `config` says."""
        return cls(config)

    @classmethod
    def from_env(cls, environ: Mapping[str, str] | None = None) -> Self:
        """A client of the gateway that the environment names; see `ClientConfig.from_env`."""
        return cls(ClientConfig.from_env(environ))

    @classmethod
    def in_process(cls, app: App, key: str | None = None) -> Self:
        """A client of an ASGI application in this process, as `dragoman.mocks.app()` is one."""
        return cls(ClientConfig.in_process(app, key))

    def execute(self, alias: str, request: Request) -> Response:
        """Makes a call and reads its answer, errors included: see `Response.raise_for_status`.

        Raises `BuildError` before anything is sent, and a `TransportError` where no whole answer came.
        """
        with self.stream(alias, request) as answer:
            return answer.read()

    @contextmanager
    def stream(self, alias: str, request: Request) -> Iterator[Stream]:
        """Makes a call whose body is read as it comes; leaving the block lets it go, read or not."""
        answer = self._call(alias, request)
        try:
            yield answer
        finally:
            answer.close()

    @contextmanager
    def websocket(
        self, alias: str, request: Request, *, subprotocols: tuple[str, ...] = (), max_message: int = MAX_MESSAGE
    ) -> Iterator[WebSocket]:
        """Opens a WebSocket at the path of a GET request; leaving the block in order closes it.

        Raises what the upstream or the gateway answers instead, as `Response.raise_for_status` does. `max_message`
        is in bytes; a larger one closes with 1009. `idle` limits how long nothing comes, pings included.
        An application in this process must take WebSockets as ASGI has them, which the gateway does not.
        """
        nonce = random.randbytes(16)
        limits = Limits(self.config.timeouts.but(request.timeouts), time.monotonic)
        answer = self._send(alias, request, limits, handshake(nonce, subprotocols))
        try:
            answer.raise_for_status()
            subprotocol = check(answer, nonce, subprotocols)
            socket = WebSocket(answer.network, Conversation(max_message), limits, subprotocol)
            yield socket
            socket.close()
        finally:
            answer.close()

    def resolve(self, alias: str, request: Request) -> Resolution:
        """Where a call would go; it is judged as the call would be, and not made."""
        asked = {"alias": alias, "method": request.method, "path": request.below}
        answer = self._own(RESOLVE.json(asked))
        return answer.json(Resolution)

    def openai(self, alias: str | None = None, **options: Any) -> "OpenAI":
        """The OpenAI SDK over this client's connections: of the gateway's models, or of one upstream by its alias.

        `options` are the SDK's own. Closing it leaves the connections open.
        """
        return openai_sdk(self.config, self._transport, alias, options)

    def anthropic(self, alias: str | None = None, **options: Any) -> "Anthropic":
        """The Anthropic SDK, as `openai` gives that of OpenAI."""
        return anthropic_sdk(self.config, self._transport, alias, options)

    def status(self) -> Status:
        """What the gateway says of itself, and the aliases that the key may use."""
        answer = self._own(STATUS)
        return answer.json(Status)

    def aliases(self) -> tuple[str, ...]:
        """The aliases that the key may use."""
        status = self.status()
        return status.registered_aliases

    def close(self) -> None:
        """Closes every connection; an application in this process is told to shut down."""
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _own(self, request: Request) -> Response:
        """A call to the gateway itself; raises for an error."""
        answer = self._call(None, request)
        try:
            response = answer.read()
        finally:
            answer.close()
        return response.raise_for_status()

    def _call(self, alias: str | None, request: Request) -> Stream:
        """One call, over as many attempts as it may have, up to the head of its answer."""
        config = self.config
        limits = Limits(config.timeouts.but(request.timeouts), time.monotonic)
        policy = request.retry or config.retry
        attempts = Attempts(policy, request.method, repeatable=request.repeatable, budget=self._budget)
        while True:
            outcome: Stream | TransportError
            try:
                outcome = self._send(alias, request, limits)
            except TransportError as error:
                outcome = error
            wait = attempts.after(outcome, random.random())
            if wait is not None and _affordable(wait, limits):
                if isinstance(outcome, Head):
                    outcome.discard()
                sleep(wait)
            elif isinstance(outcome, Head):
                return outcome
            else:
                raise outcome

    def _send(
        self, alias: str | None, request: Request, limits: Limits, more: Iterable[tuple[str, str]] = ()
    ) -> Stream:
        """One attempt."""
        target = self._base.raw_path.rstrip(b"/") + request.target(alias).encode("ascii")
        message = self._http.build_request(
            request.method,
            self._base.copy_with(raw_path=target),
            headers=[*request.sent_headers(self.config.key), *more],
            content=body(request.content),
            extensions={"timeout": limits.attempt()},
        )
        with before_answer(limits):
            answer = self._http.send(message, stream=True)
        limits.answered()
        return Stream(answer, limits, self.config.max_event)


def _affordable(wait: float, limits: Limits) -> bool:
    remaining = limits.remaining()
    return remaining is None or wait < remaining
