"""What the HTTP library raises, as ours. Foreign errors stop here."""

import ssl
from collections.abc import Iterator
from contextlib import contextmanager

import httpx2

from dragoman.client.errors import (
    BuildError,
    CallTimeout,
    ClientError,
    ConnectError,
    ConnectionClosed,
    ProtocolError,
    StreamInterrupted,
    TLSError,
)
from dragoman.client.timeouts import Limits


@contextmanager
def before_answer(limits: Limits) -> Iterator[None]:
    """Around sending a request and waiting for the head of its answer."""
    try:
        yield
    except httpx2.TimeoutException as error:
        raise CallTimeout(limits.phase) from error
    except (httpx2.InvalidURL, httpx2.UnsupportedProtocol, httpx2.LocalProtocolError) as error:
        raise BuildError(f"this cannot be sent: {error}") from error
    except httpx2.TransportError as error:
        raise _unanswered(error) from error


@contextmanager
def within_answer(limits: Limits, received: int, last_event_id: str = "") -> Iterator[None]:
    """Around reading a piece of the body."""
    try:
        yield
    except httpx2.TimeoutException as error:
        raise CallTimeout(limits.phase) from error
    except httpx2.TransportError as error:
        message = f"the answer broke off after {received} bytes: {str(error) or type(error).__name__}"
        raise StreamInterrupted(message, received=received, last_event_id=last_event_id) from error


def _unanswered(error: httpx2.TransportError) -> ClientError:
    said = str(error) or type(error).__name__
    if isinstance(error, httpx2.ConnectError | httpx2.ProxyError):
        if any(isinstance(cause, ssl.SSLError) for cause in _causes(error)):
            return TLSError(f"the other side did not prove who it is: {said}")
        return ConnectError(f"no connection: {said}")
    # An answer that is not HTTP has the parser's complaint below it; a connection that just ends has not.
    if isinstance(error, httpx2.ProtocolError) and len(_causes(error)) > 2:
        return ProtocolError(f"what came is not HTTP: {said}")
    return ConnectionClosed(f"the connection broke before the answer began: {said}")


def _causes(error: BaseException) -> list[BaseException]:
    chain = [error]
    while (cause := chain[-1].__cause__ or chain[-1].__context__) is not None and cause not in chain:
        chain.append(cause)
    return chain
