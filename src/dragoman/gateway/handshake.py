"""How a WebSocket is agreed on (RFC 6455, section 4), with a caller and with an upstream.

The head of a request or an answer has been read by the HTTP layer by then; the part of it that concerns the
WebSocket is given to the `websockets` library, which judges it.
"""

from collections.abc import Sequence
from typing import Final

from websockets.client import ClientProtocol
from websockets.server import ServerProtocol
from websockets.typing import Subprotocol
from websockets.uri import WebSocketURI

from dragoman import errors
from dragoman.errors import GatewayError
from dragoman.gateway.call import Call
from dragoman.gateway.render import Headers, Source
from dragoman.gateway.websocket import WebSocket, log

_ELSEWHERE: Final = WebSocketURI(False, "upstream", 80, "/", "")
"""The library wants to know where it calls; that is the adapter's affair."""
_OURS: Final = (b"host", b"connection", b"upgrade")


class Handshake:
    """A caller's request for a WebSocket, checked but not yet answered."""

    def __init__(self, call: Call, *, max_message: int) -> None:
        """Raises `GatewayError` BAD_HTTP for what RFC 6455, section 4.2.1 does not allow."""
        self._call = call
        self.subprotocols: Sequence[Subprotocol] = ()
        """What the caller offers, the one it likes best first."""

        def note(_: ServerProtocol, offered: Sequence[Subprotocol]) -> None:
            self.subprotocols = offered

        self._protocol = ServerProtocol(select_subprotocol=note, max_size=max_message, logger=log)
        self._protocol.receive_data(_head(b"GET / HTTP/1.1", call.headers))
        requests = self._protocol.events_received()
        response = self._protocol.accept(requests[0]) if requests else None  # type: ignore[arg-type]
        if response is None or response.status_code != 101:
            message = f"This is no WebSocket handshake: {self._protocol.handshake_exc}."
            raise GatewayError(errors.BAD_HTTP, message, headers={"Sec-WebSocket-Version": "13"})
        self._response = response

    def accept(
        self, *, ping_interval: float, source: Source, subprotocol: str | None = None, headers: Headers | None = None
    ) -> WebSocket:
        """Answers with a 101 that carries `headers` too. Raises `GatewayError` BAD_HTTP."""
        ours = [(name.lower().encode(), value.encode()) for name, value in self._response.headers.raw_items()]
        if subprotocol is not None:
            ours.append((b"sec-websocket-protocol", subprotocol.encode()))
        socket = WebSocket(self._protocol, ping_interval=ping_interval)
        pipe = self._call.switch([*ours, *(headers or [])], socket, source=source)
        self._protocol.send_response(self._response)
        self._protocol.data_to_send()  # the head has been sent
        socket.attach(pipe)
        return socket


class Approach:
    """Our request for a WebSocket to an upstream: its headers, and what becomes of the answer."""

    def __init__(self, subprotocols: Sequence[Subprotocol], *, max_message: int) -> None:
        offered = list(subprotocols) or None
        self._protocol = ClientProtocol(_ELSEWHERE, subprotocols=offered, max_size=max_message, logger=log)
        request = self._protocol.connect()
        self._protocol.send_request(request)
        self._protocol.data_to_send()  # the adapter sends it
        fields = [(name.lower().encode(), value.encode()) for name, value in request.headers.raw_items()]
        self.headers: Headers = [field for field in fields if field[0] not in _OURS]

    def finish(self, headers: Headers, *, ping_interval: float) -> WebSocket:
        """The WebSocket after a 101 with `headers`. Raises `GatewayError` PROTOCOL_ERROR for one that is no answer."""
        self._protocol.receive_data(_head(b"HTTP/1.1 101 Switching Protocols", headers))
        self._protocol.events_received()
        if self._protocol.handshake_exc is not None:
            message = f"The upstream answered with an invalid WebSocket handshake: {self._protocol.handshake_exc}."
            raise GatewayError(errors.PROTOCOL_ERROR, message)
        return WebSocket(self._protocol, ping_interval=ping_interval)


def _head(first: bytes, headers: Headers) -> bytes:
    """The part of a head that the library is to judge."""
    lines = [first]
    for name, value in headers:
        if name in _OURS[1:] or name.startswith(b"sec-websocket-"):
            lines.append(name + b": " + value)
    return b"\r\n".join([*lines, b"", b""])
