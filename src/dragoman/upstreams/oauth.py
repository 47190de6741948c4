"""Asks a token endpoint for a token, over the same guarded connections that calls go out by.

Nothing of what an endpoint says gets into an error but the codes that RFC 6749 names. A connection is made for each
fetch and dropped after it: there is one in minutes.
"""

from collections.abc import Callable
from typing import Final

from dragoman import errors
from dragoman.errors import ConfigError, GatewayError
from dragoman.policy.auth import (
    DISCOVERY,
    ClientCredentials,
    Token,
    parse_discovery,
    parse_token,
    refusal,
    token_request,
)
from dragoman.ports import Reply, Upstream, UpstreamRequest

MAX_ANSWER: Final = 64 * 1024
_JSON: Final = [(b"accept", b"application/json")]


class TokenFetch:
    """Fetches tokens of one grant; `connect` makes an upstream of a URL, `reveal` is the vault's."""

    def __init__(
        self, grant: ClientCredentials, reveal: Callable[[str], str], connect: Callable[[str], Upstream]
    ) -> None:
        self._grant = grant
        self._reveal = reveal
        self._connect = connect

    async def __call__(self) -> Token:
        """Raises `GatewayError` AUTH_FAILED, SECRET_NOT_FOUND, or as `Upstream.open` does."""
        grant = self._grant
        client_id, client_secret = self._reveal(grant.client_id_ref), self._reveal(grant.client_secret_ref)
        endpoint = grant.token_endpoint or await self._discover()
        headers, form = token_request(grant, client_id, client_secret)
        status, body = await self._ask(endpoint, UpstreamRequest("POST", "", list(headers.items()), form))
        if status != 200:
            raise refusal(status, body)
        return parse_token(body)

    async def _discover(self) -> str:
        issuer = self._grant.issuer_url
        status, body = await self._ask(issuer, UpstreamRequest("GET", DISCOVERY, list(_JSON)))
        return parse_discovery(issuer, status, body)

    async def _ask(self, url: str, request: UpstreamRequest) -> tuple[int, bytes]:
        try:
            upstream = self._connect(url)
        except ConfigError:
            raise GatewayError(errors.AUTH_FAILED, "The upstream's token endpoint cannot be called.") from None
        try:
            reply = await upstream.open(request)
            try:
                return reply.status, await _read(reply)
            finally:
                reply.close()
        finally:
            await upstream.close()


async def _read(reply: Reply) -> bytes:
    body = b""
    while part := await reply.read():
        body += part
        if len(body) > MAX_ANSWER:
            raise GatewayError(errors.AUTH_FAILED, f"The token endpoint answered more than {MAX_ANSWER} bytes.")
    return body
