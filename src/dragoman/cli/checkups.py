"""What `dragoman doctor` looks at on this machine: the interpreter, its limits, the port, the state and the store.

Nothing is made or changed here, the schema least of all: a start migrates it, a doctor only tells.
"""

import errno
import os
import platform
import resource
import sqlite3
import stat
import sys
from pathlib import Path
from typing import Final

import httpx2
import msgspec
from sqlalchemy import URL

from dragoman.cli.process import DESCRIPTORS, base_url
from dragoman.config import Config
from dragoman.errors import ConfigError, GatewayError
from dragoman.gateway.admin import UpstreamStatus
from dragoman.gateway.health import SERVICE
from dragoman.gateway.server import open_listeners
from dragoman.gateway.settings import Settings
from dragoman.ports import Checkup
from dragoman.stores import engine as engines
from dragoman.stores.database import read_version
from dragoman.stores.schema import SCHEMA_VERSION

DEADLINE: Final = 5.0
OLDEST: Final = (3, 11)


class _Upstreams(msgspec.Struct):
    upstreams: list[UpstreamStatus]


def look_at_python() -> Checkup:
    """The interpreter."""
    detail = f"{platform.python_version()} on {platform.system()} {platform.machine()}"
    return Checkup("python", sys.version_info >= OLDEST, detail, "install Python 3.11 or newer")


def look_at_descriptors() -> Checkup:
    """Whether a start, which takes all it may have, gets enough file descriptors."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    unlimited = hard == resource.RLIM_INFINITY
    detail = f"{soft} now, {'any number' if unlimited else hard} at most"
    fix = f"raise the hard limit to {DESCRIPTORS} or more: limits.conf, LimitNOFILE= or --ulimit nofile"
    return Checkup("file descriptors", unlimited or hard >= DESCRIPTORS, detail, fix)


def look_at_port(config: Config) -> Checkup:
    """Whether the port is free, or a gateway of ours is what holds it."""
    host, port = config.server.host, config.server.port
    where = f"{host}:{port}"
    if port == 0:
        return Checkup("port", True, "any free one")
    try:
        for listener in open_listeners(host, port):
            listener.close()
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            return Checkup("port", False, f"{where} cannot be listened on: {error.strerror}", "see server.host")
    else:
        return Checkup("port", True, f"{where} is free")
    if _is_gateway(config):
        return Checkup("port", True, f"a gateway answers on {where}")
    fix = f"stop what listens on port {port}, or set server.port or --port to another"
    return Checkup("port", False, f"{where} is taken by another program", fix)


def _is_gateway(config: Config) -> bool:
    url = base_url(config.server, config.server.port) + "/health"
    try:
        # Nothing is entrusted to it: whoever it is, it is asked for its name only.
        with httpx2.Client(timeout=DEADLINE, trust_env=False, verify=False) as client:
            answer = client.get(url).json()
    except (httpx2.HTTPError, ValueError):
        return False
    return isinstance(answer, dict) and answer.get("service") == SERVICE


def look_at_breakers(settings: Settings, config: Config) -> list[Checkup]:
    """What the gateway that runs here has found of its endpoints; nothing where none runs, or its key is not known.

    The key is sent to this machine alone, and to a gateway of ours.
    """
    url = base_url(config.server, config.server.port)
    if settings.admin_key is None or config.server.port == 0 or not _is_here(url) or not _is_gateway(config):
        return []
    headers = {"Authorization": f"Bearer {settings.admin_key}"}
    try:
        with httpx2.Client(timeout=DEADLINE, trust_env=False, verify=False) as client:
            answer = client.get(f"{url}/admin/upstreams", headers=headers)
            told = msgspec.json.decode(answer.content, type=_Upstreams).upstreams
    except (httpx2.HTTPError, msgspec.DecodeError):
        return [Checkup("breakers", False, "the gateway that runs does not tell", "restart it with this configuration")]
    return [_look_at_endpoints(one) for one in told]


def _is_here(url: str) -> bool:
    host = httpx2.URL(url).host
    return host == "localhost" or host == "::1" or host.startswith("127.")


def _look_at_endpoints(told: UpstreamStatus) -> Checkup:
    out = [
        f"{endpoint.host}: {'health checks fail' if not endpoint.healthy else f'breaker {endpoint.circuit}'}"
        for endpoint in told.endpoints
        if not endpoint.healthy or endpoint.circuit not in (None, "closed")
    ]
    detail = ", ".join(out) or f"all {len(told.endpoints)} called"
    fix = "the endpoint is called again by itself once it answers; /metrics tells how often this was so"
    return Checkup(f"{told.name.removeprefix('alias:')} endpoints", not out, detail, fix)


def look_at_store(settings: Settings, config: Config) -> list[Checkup]:
    """Where the state is kept, whether the store answers, and whether its schema is ours."""
    try:
        url = engines.parse_url(settings.store_url(config))
    except ConfigError as error:
        return [Checkup("store", False, f"{error.key}: {error.message}", error.hint)]
    if url.drivername != "sqlite":
        return _look_at_schema(url)
    path = Path(url.database or "").expanduser().absolute()
    directory = _look_at_directory(path.parent, private=path.parent == settings.state_dir.absolute())
    if not directory.ok:
        return [directory]
    if not path.exists():
        return [directory, Checkup("store", True, f"{path} will be made at the first start")]
    if stat.S_IMODE(path.stat().st_mode) & 0o077:
        detail = f"{path} can be read by other users, and it knows who called what"
        return [directory, Checkup("store", False, detail, f"chmod 600 {path}")]
    return [directory, *_look_at_schema(url)]


def _look_at_directory(path: Path, *, private: bool) -> Checkup:
    name = "state directory"
    made = next(parent for parent in (path, *path.parents) if parent.exists())
    if not made.is_dir():
        return Checkup(name, False, f"{made} is no directory", "move it away, or set store.url")
    if not os.access(made, os.W_OK | os.X_OK):
        return Checkup(name, False, f"{made} cannot be written to", f"chown {os.getuid()} {made}, or set store.url")
    if made != path:
        return Checkup(name, True, f"{path} will be made at the first start")
    if private and stat.S_IMODE(path.stat().st_mode) & 0o077:
        return Checkup(name, False, f"{path} is open to other users", f"chmod 700 {path}")
    return Checkup(name, True, str(path))


def _look_at_schema(url: URL) -> list[Checkup]:
    shown = url.render_as_string(hide_password=True)
    fix = "see store.url; a SQLite file that is damaged can be moved away"
    try:
        if url.drivername == "sqlite":
            engine = engines.open_sqlite(Path(url.database or "").expanduser().absolute(), strict=False,
                                         deadline=DEADLINE)  # fmt: skip
        else:
            engine = engines.open_postgres(url, deadline=DEADLINE)
            fix = "start the server, or correct host, user and password in store.url"
        try:
            with engines.begin(engine, write=False, deadline=DEADLINE) as connection:
                version = read_version(connection)
        finally:
            engine.dispose()
    except ConfigError as error:
        return [Checkup("store", False, error.message, error.hint)]
    except GatewayError as error:
        return [Checkup("store", False, f"{shown} does not answer: {error.__cause__ or error.message}", fix)]
    except sqlite3.Error as error:
        return [Checkup("store", False, f"{shown} does not answer: {error}", fix)]
    return [Checkup("store", True, f"{shown} answers"), _look_at_version(version)]


def _look_at_version(version: str | None) -> Checkup:
    data = {"found": version or "", "known": SCHEMA_VERSION}
    if version is None:
        return Checkup("schema", True, "none yet; the next start makes it", data=data)
    if version > SCHEMA_VERSION:
        detail = f"version {version}, newer than {SCHEMA_VERSION}, which is the newest known here"
        return Checkup("schema", False, detail, "run the release that migrated it, or a later one", data)
    if version < SCHEMA_VERSION:
        return Checkup("schema", True, f"version {version}; the next start migrates it to {SCHEMA_VERSION}", data=data)
    return Checkup("schema", True, f"version {version}", data=data)
