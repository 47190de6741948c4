"""The client library of the gateway: `Client`, `AsyncClient` and what they are used with.

It imports neither the gateway nor anything the gateway needs. The core is pure; `_async` is the edge, `_sync` is
generated from it.
"""

from dragoman.client._async.client import AsyncClient
from dragoman.client._async.stream import AsyncStream
from dragoman.client._async.websocket import AsyncWebSocket
from dragoman.client._sync.client import Client
from dragoman.client._sync.stream import Stream
from dragoman.client._sync.websocket import WebSocket
from dragoman.client.config import ClientConfig
from dragoman.client.events import Event
from dragoman.client.problem import Problem
from dragoman.client.request import Request
from dragoman.client.resolution import Resolution
from dragoman.client.response import Response
from dragoman.client.retry import RetryPolicy
from dragoman.client.status import Status
from dragoman.client.timeouts import Timeouts

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
]
