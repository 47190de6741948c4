"""Two servers that share a port: the endpoints of a pool, each told apart by its address and made to fail at will."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

HOSTS = ("127.0.0.1", "127.0.0.2")
DEADLINE = 30.0


class Endpoint(ThreadingHTTPServer):
    """Answers every request with its own address, under the status that is set."""

    daemon_threads = True
    request_queue_size = 256

    def __init__(self, host: str, port: int) -> None:
        super().__init__((host, port), _Answerer)
        self.host = host
        self.status = 200
        self.upcoming: list[int] = []
        """The statuses of the next answers, before `status` counts again."""
        self.gate = threading.Event()
        """While it is shut, calls come in and get no answer."""
        self.gate.set()
        self.headers: dict[str, str] = {}
        self.seen: list[tuple[str, str, dict[str, str]]] = []
        """Method, path and headers of each request."""
        self.checks: list[tuple[str, str, dict[str, str]]] = []
        """The same of health checks."""
        self._serving = threading.Thread(target=self.serve_forever, args=(0.01,), name=f"endpoint {host}")
        self._serving.start()

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Of a caller that does not take the whole answer nothing is written."""

    def finish(self) -> None:
        self.shutdown()
        self._serving.join()
        self.server_close()


class _Answerer(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Endpoint

    def _answer(self) -> None:
        endpoint = self.server
        self.rfile.read(int(self.headers.get("content-length", "0")))
        if "transfer-encoding" in self.headers:
            while size := int(self.rfile.readline(), 16):
                self.rfile.read(size + 2)
            self.rfile.readline()
        seen = endpoint.checks if self.path.endswith("/ready") else endpoint.seen
        seen.append((self.command, self.path, {name.lower(): value for name, value in self.headers.items()}))
        endpoint.gate.wait(DEADLINE)
        body = endpoint.host.encode()
        ours = endpoint.upcoming and not self.path.endswith("/ready")
        self.send_response(endpoint.upcoming.pop(0) if ours else endpoint.status)
        for name, value in endpoint.headers.items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = do_PUT = do_DELETE = _answer

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing is written."""


@contextmanager
def endpoints() -> Iterator[tuple[Endpoint, Endpoint]]:
    """Both servers; one may be finished by the test."""
    first = Endpoint(HOSTS[0], 0)
    second = Endpoint(HOSTS[1], first.port)
    try:
        yield first, second
    finally:
        for endpoint in (first, second):
            endpoint.finish()
