import ssl
import time

import httpcore2
import httpx2
import pytest

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
from dragoman.client.faults import before_answer, within_answer
from dragoman.client.timeouts import Limits, Timeouts


def limits() -> Limits:
    return Limits(Timeouts(), time.monotonic)


def caused(error: httpx2.TransportError, *causes: Exception) -> httpx2.TransportError:
    below: BaseException = error
    for cause in causes:
        below.__cause__ = cause
        below = cause
    return error


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (httpx2.ConnectError("refused"), ConnectError),
        (httpx2.ProxyError("407"), ConnectError),
        (caused(httpx2.ConnectError("x"), httpcore2.ConnectError(), ssl.SSLError("expired")), TLSError),
        (httpx2.ReadError("reset"), ConnectionClosed),
        (httpx2.WriteError("reset"), ConnectionClosed),
        (caused(httpx2.RemoteProtocolError("gone"), httpcore2.RemoteProtocolError("gone")), ConnectionClosed),
        (
            caused(httpx2.RemoteProtocolError("x"), httpcore2.RemoteProtocolError("x"), ValueError("illegal status")),
            ProtocolError,
        ),
        (httpx2.LocalProtocolError("illegal header"), BuildError),
        (httpx2.UnsupportedProtocol("socks"), BuildError),
        (httpx2.ReadTimeout("x"), CallTimeout),
        (httpx2.PoolTimeout("x"), CallTimeout),
    ],
)
def test_what_goes_wrong_before_an_answer(error: httpx2.TransportError, kind: type[ClientError]) -> None:
    with pytest.raises(ClientError) as raised, before_answer(limits()):
        raise error
    assert type(raised.value) is kind
    assert raised.value.__cause__ is error


def test_what_goes_wrong_within_an_answer() -> None:
    with pytest.raises(StreamInterrupted, match="after 7 bytes: ReadError") as raised, within_answer(limits(), 7, "42"):
        raise httpx2.ReadError("")
    assert (raised.value.received, raised.value.last_event_id) == (7, "42")
    with pytest.raises(CallTimeout), within_answer(limits(), 7):
        raise httpx2.ReadTimeout("")


def test_other_errors_are_not_ours() -> None:
    for around in (before_answer(limits()), within_answer(limits(), 0)):
        with pytest.raises(LookupError), around:
            raise LookupError
