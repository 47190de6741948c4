"""Tokens of upstreams: fetched by one for all that wait, kept for as long as they may be, dropped when refused.

A fetch is a task of its own, so that a caller who leaves ends nothing for the others; it is owned by its source,
and bounded in time. What fails is not kept: the next call tries again.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final
from weakref import WeakValueDictionary

from dragoman import errors
from dragoman.errors import GatewayError
from dragoman.policy.auth import Token
from dragoman.policy.credentials import REDACTED
from dragoman.policy.headers import CALLER_CREDENTIALS
from dragoman.ports import Reply, Upgraded, Upstream, UpstreamRequest

Fetch = Callable[[], Awaitable[Token]]
DEADLINE: Final = 10.0
"""Seconds that a fetch has, discovery included."""
_REMEMBERED: Final = 4
"""Tokens that are still blanked out of answers after they have been replaced."""


class NoToken(GatewayError):
    """No token was to be had, for the reason of its kind: that says nothing of the endpoint it was for."""

    @classmethod
    def of(cls, error: GatewayError) -> "NoToken":
        return cls(error.kind, error.message, retry_after=error.retry_after, extra=error.extra, headers=error.headers)


class TokenSource:
    """The tokens of one grant."""

    __slots__ = ("__weakref__", "_deadline", "_fetch", "_fetching", "_now", "_recent", "_token", "_until")

    def __init__(self, fetch: Fetch, now: Callable[[], float], deadline: float = DEADLINE) -> None:
        self._fetch = fetch
        self._now = now
        self._deadline = deadline
        self._token = ""
        self._until = 0.0
        self._fetching: asyncio.Task[str] | None = None
        self._recent: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return "TokenSource(***)"

    async def token(self) -> str:
        """A token that is good now. Raises `GatewayError`."""
        if self._token and self._now() < self._until:
            return self._token
        task = self._fetching
        if task is None:
            task = self._fetching = asyncio.get_running_loop().create_task(self._renew())
            task.add_done_callback(self._fetched)
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            if not task.cancelled():
                raise
        raise GatewayError(errors.LINK_UNAVAILABLE, "The gateway no longer fetches a token for this upstream.")

    def drop(self, token: str) -> None:
        """The upstream refused `token`: the next call gets another."""
        if token == self._token:
            self._token = ""

    def redact(self, text: bytes) -> bytes:
        """`text` with the tokens of late blanked out; `text` must be whole."""
        for token in self._recent:
            text = text.replace(token.encode(), REDACTED)
        return text

    @property
    def reach(self) -> int:
        """Bytes of the longest token that `redact` knows."""
        return max(map(len, self._recent), default=0)

    def close(self) -> None:
        """Ends a fetch that is under way."""
        if self._fetching is not None:
            self._fetching.cancel()

    async def _renew(self) -> str:
        try:
            async with asyncio.timeout(self._deadline):
                granted = await self._fetch()
        except TimeoutError:
            message = "The upstream's token endpoint did not answer in time."
            raise GatewayError(errors.REQUEST_TIMEOUT, message) from None
        if granted.value not in self._recent:
            self._recent = (granted.value, *self._recent[: _REMEMBERED - 1])
        self._token = granted.value if granted.lifetime else ""
        self._until = self._now() + granted.lifetime
        return granted.value

    def _fetched(self, task: asyncio.Task[str]) -> None:
        self._fetching = None
        if not task.cancelled():
            task.exception()  # nobody may be waiting any more


class TokenCache:
    """The sources of one process by the key of their grant; they live as long as an upstream uses them.

    A reload finds the source of an unchanged grant again, and with it its token.
    """

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._sources: WeakValueDictionary[str, TokenSource] = WeakValueDictionary()

    def source(self, key: str, fetch: Fetch) -> TokenSource:
        source = self._sources.get(key)
        if source is None:
            source = self._sources[key] = TokenSource(fetch, self._now)
        return source

    def close(self) -> None:
        for source in list(self._sources.values()):
            source.close()


class TokenUpstream:
    """`ports.Upstream` that takes a bearer token along; `inner` must pass on Authorization and add none."""

    def __init__(self, inner: Upstream, tokens: TokenSource) -> None:
        self._inner = inner
        self._tokens = tokens
        self.name = inner.name
        self.timeouts = inner.timeouts

    def __repr__(self) -> str:
        return f"TokenUpstream({self.name!r})"

    async def open(self, request: UpstreamRequest) -> Reply:
        """As the inner one's; a 401 drops the token."""
        token = await self._token()
        reply = await self._inner.open(_signed(request, token))
        if reply.status == 401:
            self._tokens.drop(token)
        return reply

    async def upgrade(self, request: UpstreamRequest, protocol: str) -> Upgraded:
        """As the inner one's; why an upgrade was refused is not known, so any refusal drops the token."""
        token = await self._token()
        try:
            return await self._inner.upgrade(_signed(request, token), protocol)
        except GatewayError as error:
            if error.kind is errors.PROTOCOL_ERROR:
                self._tokens.drop(token)
            raise

    async def _token(self) -> str:
        """Raises `NoToken`."""
        try:
            return await self._tokens.token()
        except GatewayError as error:
            raise NoToken.of(error) from None
        except asyncio.CancelledError:
            # A deadline's reason, which would be held against the endpoint, is left out; the call knows it.
            raise asyncio.CancelledError from None

    def redact(self, text: bytes) -> bytes:
        return self._tokens.redact(text)

    @property
    def reach(self) -> int:
        return self._tokens.reach

    async def close(self) -> None:
        await self._inner.close()


def _signed(request: UpstreamRequest, token: str) -> UpstreamRequest:
    headers = [item for item in request.headers if item[0].lower() not in CALLER_CREDENTIALS]
    headers.append((b"authorization", f"Bearer {token}".encode("ascii")))
    return UpstreamRequest(request.method, request.target, headers, request.body)
