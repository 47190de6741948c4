"""The outbound surface of a gateway with the mock's services as its aliases, as seeds 001 and 002 have it.

    /api/oagw/v1/status    /api/oagw/v1/proxy/{alias}/{path}

It stands in for a gateway, so that a client of one can be tried without any: it knows one key, keeps no limits
and words its own errors as the seeds' mock does, `{"error": "..."}`. Every answer says who speaks.
"""

import hmac
from collections.abc import Callable, Mapping
from typing import Final

from starlette.types import Message, Send

from dragoman.mocks.answer import Answer, Buffered, json_answer, plain_error, with_headers
from dragoman.mocks.request import Request
from dragoman.version import __version__

PREFIX: Final = ("api", "oagw", "v1")
SOURCE: Final = "x-oagw-error-source"
_GATEWAY: Final = (SOURCE, "gateway")
_MARK: Final = (SOURCE.encode(), b"upstream")
_PROVIDERS: Final = ("openai", "anthropic")


class Outbound:
    """Answers what is below `PREFIX`; `services` are the aliases, `token` the one key, None for any."""

    def __init__(self, services: Mapping[str, Callable[[Request], Answer]], token: str | None) -> None:
        self._services = services
        self._token = token

    def answer(self, request: Request) -> Answer:
        """`request` with its whole path in `rest`."""
        match request.rest[len(PREFIX) :]:
            case ("status",):
                return json_answer(self._status(), headers=(_GATEWAY,))
            case ("proxy", alias, *_):
                return self._proxied(request.below(len(PREFIX) + 1), alias)
            case _:
                return with_headers(plain_error(404, "Not found"), _GATEWAY)

    def _proxied(self, request: Request, alias: str) -> Answer:
        refused = self._refused(request)
        if refused is not None:
            return with_headers(refused, _GATEWAY)
        if alias in _PROVIDERS:
            return self._services[alias](request)
        if alias in self._services:
            return self._services[alias](request.below(1))
        return with_headers(plain_error(404, f"Unknown alias: {alias}"), _GATEWAY)

    def _refused(self, request: Request) -> Buffered | None:
        if self._token is None:
            return None
        scheme, _, given = request.header("authorization").partition(" ")
        if own := request.header("x-dragoman-key"):
            given = own  # the Authorization is for the upstream then
        elif scheme.lower() != "bearer":
            return plain_error(401, "Unauthorized")
        known = hmac.compare_digest(given.strip().encode("utf-8", "replace"), self._token.encode())
        return None if known else plain_error(403, "Unauthorized")

    def _status(self) -> dict[str, object]:
        return {
            "status": "operational",
            "version": __version__,
            "uptime": 0,
            "registered_aliases": list(self._services),
        }


def concerns(request: Request) -> bool:
    """Whether a request is for this surface."""
    return request.rest[: len(PREFIX)] == PREFIX


def marked(request: Request, send: Send) -> Send:
    """`send` so that an alias call says who speaks: the upstream unless it says otherwise, faults included."""
    if "/api/oagw/v1/" not in request.path:
        return send

    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = list(message["headers"])
            if not any(name == _MARK[0] for name, _ in headers):
                message = {**message, "headers": [*headers, _MARK]}
        await send(message)

    return sending
