"""An upstream that answers every call with the same bytes, however odd they are."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar


class _Handler(BaseHTTPRequestHandler):
    answer = b""
    content_type = "text/event-stream"
    asked: ClassVar[list[bytes]]

    def do_POST(self) -> None:
        self.asked.append(self.rfile.read(int(self.headers["content-length"])))
        self.send_response(200)
        self.send_header("content-type", self.content_type)
        self.send_header("content-length", str(len(self.answer)))
        self.end_headers()
        self.wfile.write(self.answer)

    def log_message(self, format: str, *args: object) -> None:
        """Says nothing."""


@contextmanager
def scripted(answer: bytes, content_type: str = "text/event-stream", asked: list[bytes] | None = None) -> Iterator[str]:
    """Its base URL; the bodies of the calls go into `asked`."""
    members = {"answer": answer, "content_type": content_type, "asked": [] if asked is None else asked}
    handler = type("Handler", (_Handler,), members)
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/v1"
        finally:
            server.shutdown()
            thread.join()
