"""The answer of one model call, told to a WebSocket: an ASGI `send`, and the connection that the call is made on.

The call itself is like any other and knows nothing of this: each event it sends becomes a message, comments and
`[DONE]` fall away, an error answer becomes one message.
"""

from dragoman.dialects.responses import socket as messages
from dragoman.dialects.responses.kept import KeptAnswer
from dragoman.gateway.call import Message
from dragoman.gateway.exchange import MAX_ANSWER
from dragoman.gateway.render import Headers
from dragoman.gateway.websocket import WebSocket
from dragoman.policy.headers import value_of
from dragoman.wire import sse

_FAILED = (b"event: error", b"event: response.failed")


class Framed:
    """One answer; `kept` sees the response object in it."""

    remembers = True

    def __init__(self, socket: WebSocket, kept: KeptAnswer) -> None:
        self._socket = socket
        self._kept = kept
        self._decoder = sse.Decoder(MAX_ANSWER)
        self._status = 0
        self._headers: Headers = []
        self._body = bytearray()
        self.failed = False
        """Whether it was an error, or ended in one."""

    @property
    def ended(self) -> bool:
        """Whether the caller has been told how it ended."""
        return self.failed or self._kept.ended

    @property
    def disconnected(self) -> bool:
        """Whether nobody can be told any more; asked of a connection."""
        return self._socket.over

    def abort(self) -> None:
        """Called for an answer that cannot be completed; whoever made the call sees that it has not `ended`."""

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._status, self._headers = message["status"], message["headers"]
        elif self._status == 200:
            await self._tell(message["body"])
        else:
            self._body += message["body"]
            if not message.get("more_body", False):
                self.failed = True
                after = value_of(self._headers, b"retry-after")
                await self._socket.send_text(messages.render_error(bytes(self._body), self._status, after))

    async def _tell(self, event: bytes) -> None:
        self.failed = self.failed or event.startswith(_FAILED)
        for frame in self._decoder.receive(self._kept.event(event)):
            if frame.data != sse.DONE:
                await self._socket.send_text(frame.data)
