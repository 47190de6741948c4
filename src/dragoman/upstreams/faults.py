"""aiohttp's exceptions as ours: the border that none of them crosses.

A message is for callers: it names the upstream as configured and what happened, never an address, a
URL (it may hold a credential) or a host.
"""

import ssl
from typing import Final

from aiohttp import (
    ClientConnectorCertificateError,
    ClientConnectorDNSError,
    ClientConnectorError,
    ClientConnectorSSLError,
    ClientError,
    ClientHttpProxyError,
    ClientOSError,
    ClientPayloadError,
    ClientProxyConnectionError,
    ClientResponseError,
)
from aiohttp.http import HttpProcessingError

from dragoman import errors
from dragoman.errors import ErrorKind, GatewayError
from dragoman.upstreams.dial import AddressRefused

FAULTS: Final = (ClientError, HttpProcessingError, OSError, ValueError)
"""All that aiohttp raises for a call; `OSError` includes `TimeoutError`."""

# X509_V_ERR_*: the texts of these two contain the host.
_NAME_MISMATCH: Final = frozenset((62, 64))


def opening(name: str, error: Exception, *, crowded: bool) -> GatewayError:
    """Why the upstream `name` gave no answer; `crowded` if more calls wait than it has connections."""
    own = _own(error)
    if own is not None:
        return own
    kind, what = _opening(error, crowded)
    return GatewayError(kind, f"Upstream {name!r} {what}.")


def reading(name: str, error: Exception) -> GatewayError:
    """Why the answer of the upstream `name` broke off."""
    own = _own(error)
    if own is not None:
        return own
    match error:
        case HttpProcessingError():
            what = "broke off its answer with invalid framing"
        case ClientPayloadError():
            what = "closed the connection before its answer was complete"
        case _:
            what = "reset the connection before its answer was complete"
    return GatewayError(errors.STREAM_ABORTED, f"Upstream {name!r} {what}.")


def _own(error: BaseException | None) -> GatewayError | None:
    """The error of ours that aiohttp wrapped: one raised by a request body while it was sent."""
    while error is not None:
        if isinstance(error, GatewayError):
            return error
        error = error.__cause__
    return None


def _opening(error: Exception, crowded: bool) -> tuple[ErrorKind, str]:
    match error:
        case ClientConnectorCertificateError() | ClientConnectorSSLError():
            return errors.DOWNSTREAM_ERROR, _tls(error)
        case ClientConnectorError():
            return _connecting(error)
        case TimeoutError():
            if crowded:
                return errors.OVERLOADED, "has no free connection: too many calls in flight"
            return errors.CONNECTION_TIMEOUT, "did not accept a connection in time"
        case ClientHttpProxyError():
            return errors.DOWNSTREAM_ERROR, f"could not be reached: its proxy answered {error.status}"
        case ClientResponseError() | HttpProcessingError():
            return errors.PROTOCOL_ERROR, "answered something that is not HTTP/1.1"
        case ClientOSError() | OSError():
            return errors.DOWNSTREAM_ERROR, "reset the connection before it answered"
        case ClientError():
            return errors.DOWNSTREAM_ERROR, "closed the connection before it answered"
        case _:  # ValueError: what aiohttp refuses to send
            return errors.INVALID_REQUEST, "cannot be sent this request: it is not valid HTTP"


def _connecting(error: ClientConnectorError) -> tuple[ErrorKind, str]:
    cause = error.os_error
    if isinstance(cause, AddressRefused):
        return errors.EGRESS_DENIED, f"leads to {cause.reason}, which its `network` setting does not permit"
    match error:
        case ClientConnectorDNSError():
            what = "could not be reached: its host name does not resolve"
        case ClientProxyConnectionError():
            what = "could not be reached: its proxy does not accept connections"
        case _ if isinstance(cause, ConnectionRefusedError):
            what = "refused the connection"
        case _:
            what = "could not be reached"
    return errors.DOWNSTREAM_ERROR, what


def _tls(error: ClientConnectorCertificateError | ClientConnectorSSLError) -> str:
    cause = error.certificate_error if isinstance(error, ClientConnectorCertificateError) else error.os_error
    if isinstance(cause, ssl.SSLCertVerificationError):
        if cause.verify_code in _NAME_MISMATCH:
            return "has a TLS certificate for another host"
        return f"has a TLS certificate that cannot be trusted: {cause.verify_message}"
    reason = getattr(cause, "reason", None) or "handshake failed"
    return f"failed in the TLS handshake: {reason.lower().replace('_', ' ')}"
