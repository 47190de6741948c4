# Written by scripts/unasync.py from src/dragoman/client/_async/sdk.py; change that instead.
"""The official SDKs, pointed at a gateway and on the client's own connections."""

from typing import TYPE_CHECKING, Any

import httpx2

from dragoman.client._sync.transport import http_client
from dragoman.client.config import ClientConfig
from dragoman.client.errors import BuildError
from dragoman.client.request import PROXY

if TYPE_CHECKING:
    from anthropic import Anthropic
    from openai import OpenAI


class Shared(httpx2.BaseTransport):
    """A client's transport as an SDK has it: it can use the connections and cannot close them."""

    def __init__(self, transport: httpx2.BaseTransport) -> None:
        self._transport = transport

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        return self._transport.handle_request(request)


def openai_sdk(
    config: ClientConfig, transport: httpx2.BaseTransport, alias: str | None, options: dict[str, Any]
) -> "OpenAI":
    """The OpenAI SDK; its package is the caller's to install."""
    try:
        from openai import OpenAI  # noqa: PLC0415 - an optional extra
    except ImportError:
        raise BuildError("the OpenAI SDK is not installed; pip install openai") from None
    given: dict[str, Any] = {
        "base_url": f"{_root(config, alias)}/v1",
        "api_key": config.key or "none",
        "http_client": _http_client(config, transport),
    }
    return OpenAI(**{**given, **options})


def anthropic_sdk(
    config: ClientConfig, transport: httpx2.BaseTransport, alias: str | None, options: dict[str, Any]
) -> "Anthropic":
    """The Anthropic SDK; its package is the caller's to install."""
    try:
        from anthropic import Anthropic  # noqa: PLC0415 - an optional extra
    except ImportError:
        raise BuildError("the Anthropic SDK is not installed; pip install anthropic") from None
    given: dict[str, Any] = {
        "base_url": _root(config, alias),
        "auth_token": config.key or "none",
        "http_client": _http_client(config, transport),
    }
    return Anthropic(**{**given, **options})


def _root(config: ClientConfig, alias: str | None) -> str:
    return config.base_url if alias is None else f"{config.base_url}{PROXY}{alias}"


def _http_client(config: ClientConfig, transport: httpx2.BaseTransport) -> httpx2.Client:
    limits = config.timeouts
    timeout = httpx2.Timeout(connect=limits.connect, write=limits.send, read=limits.first_byte, pool=limits.connect)
    return http_client(Shared(transport), timeout)
