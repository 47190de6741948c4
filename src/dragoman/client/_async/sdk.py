"""The official SDKs, pointed at a gateway and on the client's own connections."""

from typing import TYPE_CHECKING, Any

import httpx2

from dragoman.client._async.transport import http_client
from dragoman.client.config import ClientConfig
from dragoman.client.errors import BuildError
from dragoman.client.request import PROXY

if TYPE_CHECKING:
    from anthropic import AsyncAnthropic
    from openai import AsyncOpenAI


class AsyncShared(httpx2.AsyncBaseTransport):
    """A client's transport as an SDK has it: it can use the connections and cannot close them."""

    def __init__(self, transport: httpx2.AsyncBaseTransport) -> None:
        self._transport = transport

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        return await self._transport.handle_async_request(request)


def openai_sdk(
    config: ClientConfig, transport: httpx2.AsyncBaseTransport, alias: str | None, options: dict[str, Any]
) -> "AsyncOpenAI":
    """The OpenAI SDK; its package is the caller's to install."""
    try:
        from openai import AsyncOpenAI  # noqa: PLC0415 - an optional extra
    except ImportError:
        raise BuildError("the OpenAI SDK is not installed; pip install openai") from None
    given: dict[str, Any] = {
        "base_url": f"{_root(config, alias)}/v1",
        "api_key": config.key or "none",
        "http_client": _http_client(config, transport),
    }
    return AsyncOpenAI(**{**given, **options})


def anthropic_sdk(
    config: ClientConfig, transport: httpx2.AsyncBaseTransport, alias: str | None, options: dict[str, Any]
) -> "AsyncAnthropic":
    """The Anthropic SDK; its package is the caller's to install."""
    try:
        from anthropic import AsyncAnthropic  # noqa: PLC0415 - an optional extra
    except ImportError:
        raise BuildError("the Anthropic SDK is not installed; pip install anthropic") from None
    given: dict[str, Any] = {
        "base_url": _root(config, alias),
        "auth_token": config.key or "none",
        "http_client": _http_client(config, transport),
    }
    return AsyncAnthropic(**{**given, **options})


def _root(config: ClientConfig, alias: str | None) -> str:
    return config.base_url if alias is None else f"{config.base_url}{PROXY}{alias}"


def _http_client(config: ClientConfig, transport: httpx2.AsyncBaseTransport) -> httpx2.AsyncClient:
    limits = config.timeouts
    timeout = httpx2.Timeout(connect=limits.connect, write=limits.send, read=limits.first_byte, pool=limits.connect)
    return http_client(AsyncShared(transport), timeout)
