"""The gateway from inside: the way of an agent's own calls, in process and under its caller's key.

A run gets a credential that is kept in memory only, and only while the run lasts. It is looked up here and nowhere
else, and what a call shows goes no further than this: at the socket such a credential is none. What may be called so
is `Kind`s of `OPEN`, and never what needs an admin key, whoever the caller is.
"""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from dragoman import errors
from dragoman.errors import GatewayError
from dragoman.gateway.call import Receive, Scope, Send
from dragoman.gateway.clock import new_id
from dragoman.gateway.grant import Grant
from dragoman.gateway.render import render_error
from dragoman.gateway.routes import Kind
from dragoman.policy.headers import value_of
from dragoman.ports import Access, Asked
from dragoman.ports.turns import App

PREFIX: Final = "run_"
OPEN: Final[frozenset[Kind]] = frozenset(
    ("exchange", "passthrough", "outbound", "models", "model", "count_tokens", "input_tokens")
)
_SHOWN: Final = (b"authorization", b"x-api-key", b"x-dragoman-key")
_OWN: Final = (*_SHOWN, b"x-request-id")
"""Headers of an agent that mean the gateway; the request keeps the id under which its caller knows it."""


class Inside:
    """An ASGI application before the gateway's own, for `Access`."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._grants: dict[str, Grant] = {}

    @contextmanager
    def open(self, agent: str, models: tuple[str, ...], asked: Asked) -> Iterator[Access]:
        """Access for one run, until the block ends."""
        credential = PREFIX + secrets.token_urlsafe(32)
        self._grants[credential] = Grant(agent, asked.key_id, asked.call_id, asked.request_id, asked.depth + 1, models)
        try:
            yield Access(self, credential)
        finally:
            del self._grants[credential]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":  # the gateway's lifespan is none of an agent's business
            return
        grant = self._grants.get(_shown(scope))
        if grant is None:
            await _refuse(scope, send)
            return
        headers = [item for item in scope["headers"] if item[0] not in _OWN]
        headers.append((b"x-request-id", grant.request_id.encode("ascii")))
        await self._app({**scope, "headers": headers, "dragoman.grant": grant}, receive, send)


def _shown(scope: Scope) -> str:
    for name in _SHOWN:
        value = value_of(scope["headers"], name)
        if value is not None:
            return value.decode("latin-1").removeprefix("Bearer ").strip()
    return ""


async def _refuse(scope: Scope, send: Send) -> None:
    error = GatewayError(errors.INVALID_API_KEY, "This is no credential of a run, or that run is over.")
    status, headers, body = render_error(error, path=scope["path"], request_id=new_id("req_"))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": False})
