"""Servers of raw bytes for clients of either kind: each connection is served by the next script, in a thread."""

import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

import websockets.sync.server
from websockets.exceptions import WebSocketException
from websockets.http11 import Request as WebSocketRequest
from websockets.sync.server import ServerConnection
from websockets.typing import Subprotocol

DEADLINE = 10.0
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
EVENTS = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


@dataclass
class Peer:
    """One accepted connection, and what came on all of them."""

    connection: socket.socket
    served: "Served"
    _unread: bytes = b""

    def request(self) -> bytes:
        """The next request, head and body as they came; empty when the client has left."""
        while b"\r\n\r\n" not in self._unread:
            if not self._more():
                return b""
        head, _, _ = self._unread.partition(b"\r\n\r\n")
        size = len(head) + 4
        fields = head.lower()
        if b"transfer-encoding: chunked" in fields:
            while b"0\r\n\r\n" not in self._unread[size:]:
                self._more()
            size = self._unread.index(b"0\r\n\r\n", size) + 5
        elif b"content-length: " in fields:
            size += int(fields.partition(b"content-length: ")[2].partition(b"\r\n")[0])
            while len(self._unread) < size:
                self._more()
        request, self._unread = self._unread[:size], self._unread[size:]
        self.served.requests.append(request)
        return request

    def send(self, data: bytes) -> None:
        self.connection.sendall(data)

    def wait(self) -> None:
        """Until the client leaves."""
        while self._more():
            pass

    def _more(self) -> bytes:
        data = self.connection.recv(65536)
        self._unread += data
        return data


@dataclass
class Served:
    port: int
    requests: list[bytes] = field(default_factory=list)
    connections: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


Script = Callable[[Peer], None]


@contextmanager
def serving(*scripts: Script, tls: ssl.SSLContext | None = None) -> Iterator[Served]:
    """Serves as many connections as there are scripts, one after another; waits for all of them to end."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(DEADLINE)
        served = Served(listener.getsockname()[1])
        thread = threading.Thread(target=_serve, args=(listener, scripts, served, tls), name="raw server")
        thread.start()
        try:
            yield served
        finally:
            thread.join(DEADLINE)
            assert not thread.is_alive(), "a script is still running"


def _serve(listener: socket.socket, scripts: tuple[Script, ...], served: Served, tls: ssl.SSLContext | None) -> None:
    for script in scripts:
        connection, _ = listener.accept()
        connection.settimeout(DEADLINE)
        served.connections += 1
        with connection, suppress(OSError):  # a client that has left is nothing to these scripts
            if tls is None:
                script(Peer(connection, served))
                continue
            with tls.wrap_socket(connection, server_side=True) as secured:
                script(Peer(secured, served))


def answering(*answers: bytes) -> Script:
    """A connection on which each request gets the next answer; it is closed after the last."""

    def script(peer: Peer) -> None:
        for answer in answers:
            peer.request()
            peer.send(answer)

    return script


def dropping(peer: Peer) -> None:
    """Takes the request and closes the connection."""
    peer.request()


def silent(peer: Peer) -> None:
    """Takes the request and says nothing."""
    peer.request()
    peer.wait()


@dataclass
class Sockets:
    port: int
    handshakes: list[WebSocketRequest] = field(default_factory=list)
    closes: list[int] = field(default_factory=list)
    """With which code each WebSocket was closed, as its server saw it."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@contextmanager
def sockets(*scripts: Callable[[ServerConnection], None], subprotocols: Sequence[str] = ()) -> Iterator[Sockets]:
    """A server of WebSockets, each served by the next script; it waits until all of them have ended."""
    left = list(scripts)
    ended = threading.Semaphore(0)

    def serve_next(connection: ServerConnection) -> None:
        try:
            assert connection.request is not None
            served.handshakes.append(connection.request)
            with suppress(WebSocketException, OSError):
                left.pop(0)(connection)
            with suppress(OSError):
                connection.close()
        finally:
            served.closes.append(connection.close_code or 1006)
            ended.release()

    offered = [Subprotocol(name) for name in subprotocols] or None
    with websockets.sync.server.serve(serve_next, "127.0.0.1", 0, subprotocols=offered, ping_interval=None) as server:
        served = Sockets(server.socket.getsockname()[1])
        thread = threading.Thread(target=server.serve_forever, name="websocket server")
        thread.start()
        try:
            yield served
            for _ in scripts:
                assert ended.acquire(timeout=DEADLINE), "a script is still running"
        finally:
            server.shutdown()
            thread.join(DEADLINE)
