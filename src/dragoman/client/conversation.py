"""A WebSocket as messages (RFC 6455), without I/O: bytes in and messages out, messages in and bytes out.

Frames are the sans-I/O core of `websockets`; here they become whole messages, pings are answered, and an end is an
end with a code, however it came. No extension is offered, so that a message is as large as it looks.
"""

import base64
from collections import deque
from typing import Final

from websockets.exceptions import ProtocolError as IllFormed
from websockets.frames import CloseCode, Frame, Opcode
from websockets.protocol import Protocol, Side, State
from websockets.utils import accept_key

from dragoman.client.errors import BuildError, ProtocolError, WebSocketClosed
from dragoman.client.response import Head

Message = str | bytes
MAX_MESSAGE: Final = 16 * 1024 * 1024
NORMAL: Final = 1000
GOING_AWAY: Final = 1001
ABNORMAL: Final = 1006
"""Never sent: what it is called when there was no Close."""
_DATA: Final = (Opcode.TEXT, Opcode.BINARY, Opcode.CONT)


def handshake(nonce: bytes, subprotocols: tuple[str, ...]) -> list[tuple[str, str]]:
    """The headers that ask for a WebSocket; `nonce` is 16 random bytes."""
    headers = [
        ("Connection", "Upgrade"),
        ("Upgrade", "websocket"),
        ("Sec-WebSocket-Version", "13"),
        ("Sec-WebSocket-Key", base64.b64encode(nonce).decode("ascii")),
    ]
    return [*headers, ("Sec-WebSocket-Protocol", ", ".join(subprotocols))] if subprotocols else headers


def check(head: Head, nonce: bytes, subprotocols: tuple[str, ...]) -> str:
    """The subprotocol that was agreed on. Raises `ProtocolError` for an answer that agrees to something else."""
    accepted = accept_key(base64.b64encode(nonce).decode("ascii"))
    if head.status != 101 or head.headers.get("upgrade", "").lower() != "websocket":
        raise ProtocolError(f"a WebSocket was asked for, and the answer was a {head.status}")
    if head.headers.get("sec-websocket-accept") != accepted:
        raise ProtocolError("the answer is to another handshake: its Sec-WebSocket-Accept is not ours")
    if "sec-websocket-extensions" in head.headers:
        raise ProtocolError("the answer has an extension that was not offered")
    chosen = head.headers.get("sec-websocket-protocol", "")
    if chosen and chosen not in subprotocols:
        raise ProtocolError(f"the answer has a subprotocol that was not offered: {chosen!r}")
    return chosen


class Conversation:
    """One side of an open WebSocket, the caller's unless told otherwise."""

    def __init__(self, max_message: int = MAX_MESSAGE, side: Side = Side.CLIENT) -> None:
        self._protocol = Protocol(side, state=State.OPEN, max_size=max_message)
        self._messages: deque[Message] = deque()
        self._parts: list[Frame] = []
        self._ended = False

    @property
    def over(self) -> bool:
        """Whether nothing more will come: a Close has, or the end of the connection, or what no peer may send."""
        protocol = self._protocol
        return self._ended or protocol.close_rcvd is not None or protocol.parser_exc is not None

    @property
    def closed(self) -> WebSocketClosed:
        """How it ended: as the other side said, or as we did over what it sent; without either it just broke."""
        protocol = self._protocol
        refused = protocol.close_sent if protocol.parser_exc is not None else None
        said = protocol.close_rcvd or refused
        return WebSocketClosed(ABNORMAL, "") if said is None else WebSocketClosed(int(said.code), said.reason)

    def send(self, message: Message) -> None:
        """Queues a message for `outgoing`. Raises `WebSocketClosed` once we or they have said goodbye."""
        if self._protocol.state is not State.OPEN:
            raise self.closed if self.over else WebSocketClosed(NORMAL, "closed on this side")
        if isinstance(message, str):
            self._protocol.send_text(message.encode())
        else:
            self._protocol.send_binary(message)

    def close(self, code: int, reason: str) -> None:
        """Queues our goodbye, once. Raises `BuildError` for a code that may not be sent."""
        if self._protocol.state is State.OPEN:
            try:
                self._protocol.send_close(code, reason)
            except IllFormed as error:
                raise BuildError(f"a WebSocket cannot be closed so: {error}") from None

    def receive(self, data: bytes) -> None:
        """Takes what came; nothing stands for the end of the connection."""
        if not data:
            self._ended = True
            return
        self._protocol.receive_data(data)
        for frame in self._protocol.events_received():
            if isinstance(frame, Frame) and frame.opcode in _DATA:
                self._parts.append(frame)
                if frame.fin:
                    self._finish()

    def take(self) -> Message | None:
        """The next whole message, if there is one."""
        return self._messages.popleft() if self._messages else None

    def outgoing(self) -> bytes:
        """What is to be written, answers to pings included."""
        return b"".join(self._protocol.data_to_send())

    def _finish(self) -> None:
        parts, self._parts = self._parts, []
        data = b"".join(bytes(part.data) for part in parts)
        if parts[0].opcode is not Opcode.TEXT:
            self._messages.append(data)
            return
        try:
            self._messages.append(data.decode())
        except UnicodeDecodeError as error:
            # RFC 6455, 8.1: the connection fails.
            self._protocol.fail(CloseCode.INVALID_DATA, "text that is not UTF-8")
            self._protocol.parser_exc = error
