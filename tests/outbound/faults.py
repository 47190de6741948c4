"""Upstreams that do wrong, over real sockets."""

import socket
import threading
from contextlib import ExitStack


class Faulty:
    """An upstream whose path says what it does wrong."""

    ANSWERS = {
        "/garbage": b"nonsense\r\n\r\n",
        "/cut": b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhalf",
        "/idle": b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhalf",
        "/silent": b"",
        "/events": b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
                   b"Transfer-Encoding: chunked\r\n\r\n9\r\ndata: a\n\n\r\n",
    }  # fmt: skip
    HELD = ("/idle", "/silent")

    def __init__(self, stack: ExitStack) -> None:
        self._listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        self.port = int(self._listener.getsockname()[1])
        thread = threading.Thread(target=self._serve, name="faulty")
        thread.start()
        stack.callback(thread.join, 10)
        stack.callback(self._listener.shutdown, socket.SHUT_RDWR)

    def _serve(self) -> None:
        held = []
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:  # shut down
                break
            target = connection.recv(65536).split(b" ")[1].decode()
            connection.sendall(self.ANSWERS[target])
            if target in self.HELD:
                held.append(connection)
            else:
                connection.close()
        for connection in held:
            connection.close()


def deaf(stack: ExitStack) -> int:
    """A port whose queue is full: nothing that is new is accepted."""
    listener = stack.enter_context(socket.socket())
    listener.bind(("127.0.0.1", 0))
    listener.listen(0)
    for _ in range(2):
        waiting = stack.enter_context(socket.socket())
        waiting.setblocking(False)
        waiting.connect_ex(listener.getsockname())
    return int(listener.getsockname()[1])
