"""Path to function: the one table of what the gateway serves.

Matched on the raw path as received, exactly or by prefix; percent-encoded spellings of our own paths do
not exist, and Host is never read.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from dragoman.dialects.base import Dialect
from dragoman.gateway import passthrough
from dragoman.policy import aliases

Kind = Literal[
    "exchange", "outbound", "passthrough", "models", "model", "admin", "health", "ready", "status", "version",
    "metrics", "outbound_status", "convert", "count_tokens", "input_tokens", "compact", "archive", "conversations",
    "resolve", "resources", "plugins", "explain", "openapi", "agent", "execute", "jobs",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Entry:
    """One row: which function answers, by which methods; `methods` None means any."""

    kind: Kind
    methods: tuple[str, ...] | None
    dialect: Dialect | None = None
    websocket: bool = False
    """Whether it is a WebSocket, too, for those who ask for one."""
    agent: str = ""
    """The agent below whose name the path is, if it is below one."""


GET: Final = ("GET", "HEAD")
POST: Final = ("POST",)


class Table:
    """All routes. `dialects` are the front doors of model calls."""

    def __init__(self, dialects: Sequence[Dialect]) -> None:
        self._exact: dict[bytes, Entry] = {
            b"/v1" + dialect.path.encode(): Entry("exchange", POST, dialect, websocket=dialect.name == "responses")
            for dialect in dialects
        }
        self._exact |= {
            b"/v1/messages/count_tokens": Entry("count_tokens", POST),
            b"/v1/responses/input_tokens": Entry("input_tokens", POST),
            b"/v1/responses/compact": Entry("compact", POST),
            b"/convert": Entry("convert", POST),
            b"/execute": Entry("execute", POST),
            b"/v1/models": Entry("models", GET),
            b"/api/oagw/v1/status": Entry("outbound_status", GET),
            b"/api/oagw/v1/resolve": Entry("resolve", POST),
            b"/api/oagw/v1/explain": Entry("explain", POST),
            b"/api/oagw/v1/openapi.json": Entry("openapi", GET),
            b"/health": Entry("health", GET),
            b"/healthz": Entry("health", GET),
            b"/readyz": Entry("ready", GET),
            b"/status": Entry("status", GET),
            b"/version": Entry("version", GET),
            b"/metrics": Entry("metrics", GET),
        }
        self._prefixes: tuple[tuple[bytes, Entry], ...] = (
            (aliases.PREFIX, Entry("outbound", None, websocket=True)),
            (b"/api/oagw/v1/upstreams", Entry("resources", None)),
            (b"/api/oagw/v1/routes", Entry("resources", None)),
            (b"/api/oagw/v1/plugins", Entry("plugins", None)),
            (b"/v1/models/", Entry("model", GET)),
            (b"/v1/responses/", Entry("archive", None)),
            (b"/v1/conversations", Entry("conversations", None)),
            (b"/jobs", Entry("jobs", None)),
            (b"/admin/", Entry("admin", None)),
            *((b"/v1/" + name, Entry("passthrough", None)) for name in passthrough.ENDPOINTS),
        )

    def rows(self) -> Iterator[tuple[str, Entry]]:
        """Every row, for the reference."""
        for path, entry in self._exact.items():
            yield path.decode(), entry
        for path, entry in self._prefixes:
            yield path.decode().rstrip("/") + "/...", entry

    def find(self, path: bytes) -> Entry | None:
        entry = self._exact.get(path)
        if entry is not None:
            return entry
        for prefix, entry in self._prefixes:
            # A prefix stands for whole segments: `/v1/files` and `/v1/files/x`, never `/v1/filesystem`.
            if path.startswith(prefix) and (
                prefix.endswith(b"/") or path[len(prefix) : len(prefix) + 1] in (b"", b"/")
            ):
                return entry
        return None
