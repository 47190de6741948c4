"""One endpoint between LLM applications and everything they call.

The public names are those of the client library; each is imported when it is first used, so that
`import dragoman` costs next to nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from dragoman.version import __version__

if TYPE_CHECKING:
    from dragoman.client import (
        AsyncClient,
        AsyncStream,
        AsyncWebSocket,
        Client,
        ClientConfig,
        Event,
        Problem,
        Request,
        Resolution,
        Response,
        RetryPolicy,
        Status,
        Stream,
        Timeouts,
        WebSocket,
    )

__all__ = [
    "AsyncClient",
    "AsyncStream",
    "AsyncWebSocket",
    "Client",
    "ClientConfig",
    "Event",
    "Problem",
    "Request",
    "Resolution",
    "Response",
    "RetryPolicy",
    "Status",
    "Stream",
    "Timeouts",
    "WebSocket",
    "__version__",
]


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module("dragoman.client"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
