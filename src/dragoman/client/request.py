"""What is asked: a value that is built step by step, and how it travels.

A `Request` says what the upstream is to get. `prepare` puts the gateway around it: the path below the alias, the
key, the deadlines. What would be read differently on the way is refused here, before anything is sent.
"""

import re
from collections.abc import AsyncIterable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final
from urllib.parse import quote, unquote, urlencode

import msgspec
from msgspec import UNSET, UnsetType

from dragoman.client.errors import BuildError, Phase
from dragoman.client.retry import RetryPolicy
from dragoman.client.timeouts import Changes, Seconds

PROXY: Final = "/api/oagw/v1/proxy/"
Content = bytes | Iterable[bytes] | AsyncIterable[bytes] | None
Scalar = str | int | float | bool
Fields = Mapping[str, Scalar | Iterable[Scalar]]
Pairs = tuple[tuple[str, str], ...]

_TOKEN: Final = re.compile(r"[A-Za-z0-9!#$%&'*+\-.^_`|~]+")  # RFC 9110, 5.6.2
_BAD_VALUE: Final = re.compile(r"[^\t\x20-\x7e\x80-\xff]|^[ \t]|[ \t]$")  # RFC 9110, 5.5
_BARE_PERCENT: Final = re.compile(r"%(?![0-9A-Fa-f]{2})")
_SAFE_PATH: Final = "/-._~!$&'()*+,;=:@|%"
_SAFE_QUERY: Final = _SAFE_PATH + "?[]{}^`"
_OURS: Final = frozenset({"host", "content-length", "transfer-encoding", "connection", "x-dragoman-key"})


@dataclass(frozen=True, slots=True, repr=False)
class Request:
    """One request to an upstream. Each method gives a changed copy, and nothing is sent by building.

    Raises `BuildError` where something cannot be sent as it is said.
    """

    method: str
    path: str
    """Below the alias, with or without a slash before it; a query may follow a question mark."""
    headers: Pairs = ()
    params: Pairs = ()
    content: Content = None
    timeouts: Changes = ()
    retry: RetryPolicy | None = None

    def __post_init__(self) -> None:
        if not _TOKEN.fullmatch(self.method):
            raise BuildError(f"{self.method!r} is no method")
        _target(self.path, self.params)

    @classmethod
    def get(cls, path: str) -> "Request":
        """A GET request."""
        return cls("GET", path)

    @classmethod
    def head(cls, path: str) -> "Request":
        """A HEAD request."""
        return cls("HEAD", path)

    @classmethod
    def options(cls, path: str) -> "Request":
        """An OPTIONS request."""
        return cls("OPTIONS", path)

    @classmethod
    def post(cls, path: str) -> "Request":
        """A POST request."""
        return cls("POST", path)

    @classmethod
    def put(cls, path: str) -> "Request":
        """A PUT request."""
        return cls("PUT", path)

    @classmethod
    def patch(cls, path: str) -> "Request":
        """A PATCH request."""
        return cls("PATCH", path)

    @classmethod
    def delete(cls, path: str) -> "Request":
        """A DELETE request."""
        return cls("DELETE", path)

    def query(self, fields: Fields) -> "Request":
        """Adds fields to the query; a list repeats its field."""
        return replace(self, params=(*self.params, *_pairs(fields)))

    def header(self, name: str, value: str) -> "Request":
        """Adds a header. An Authorization of your own goes to the upstream, where the alias lets it."""
        if not _TOKEN.fullmatch(name):
            raise BuildError(f"{name!r} is no name of a header")
        if _BAD_VALUE.search(value):
            raise BuildError(f"the header {name!r} has a value that would be read as something else")
        if name.lower() in _OURS:
            raise BuildError(f"the header {name!r} is the client's own affair")
        return replace(self, headers=(*self.headers, (name, value)))

    def json(self, value: object) -> "Request":
        """The body is `value` as JSON; anything msgspec encodes."""
        try:
            return self.body(msgspec.json.encode(value), "application/json")
        except (TypeError, ValueError, OverflowError) as error:
            raise BuildError(f"the value cannot be written as JSON: {error}") from None

    def form(self, fields: Fields) -> "Request":
        """The body is a form, as a browser sends it."""
        return self.body(urlencode(_pairs(fields)).encode("ascii"), "application/x-www-form-urlencoded")

    def body(self, content: Content, content_type: str | None = None) -> "Request":
        """The body is `content`: bytes, or an iterable of them, which is streamed and read once."""
        request = replace(self, content=content)
        return request if content_type is None else request.header("Content-Type", content_type)

    def timeout(
        self,
        *,
        connect: Seconds | UnsetType = UNSET,
        send: Seconds | UnsetType = UNSET,
        first_byte: Seconds | UnsetType = UNSET,
        idle: Seconds | UnsetType = UNSET,
        total: Seconds | UnsetType = UNSET,
    ) -> "Request":
        """Changes how long phases of this call may take; None is no limit. See `Timeouts`."""
        given: dict[Phase, Seconds | UnsetType] = {
            "connect": connect, "send": send, "first_byte": first_byte, "idle": idle, "total": total,
        }  # fmt: skip
        changes = tuple((phase, value) for phase, value in given.items() if not isinstance(value, UnsetType))
        return replace(self, timeouts=(*self.timeouts, *changes))

    def retrying(self, policy: RetryPolicy) -> "Request":
        """This call is repeated as `policy` says, whatever the client's own."""
        return replace(self, retry=policy)

    @property
    def repeatable(self) -> bool:
        """Whether the body can be sent a second time."""
        return self.content is None or isinstance(self.content, bytes)

    @property
    def below(self) -> str:
        """Path and query as they travel, below whatever they are below."""
        path, query = _target(self.path, self.params)
        return f"{path}?{query}" if query else path

    def target(self, alias: str | None) -> str:
        """Path and query at the gateway; without an alias, of the gateway itself."""
        if alias is None:
            return self.below
        if not alias.strip(". "):
            raise BuildError(f"{alias!r} is no alias")
        return PROXY + quote(alias, safe=":") + self.below

    def sent_headers(self, key: str | None) -> list[tuple[str, str]]:
        """The headers with the gateway key among them.

        The key is the Authorization, unless the request has its own, or an API key: that is for the upstream then.
        """
        if key is None:
            return list(self.headers)
        own = any(name.lower() in ("authorization", "x-api-key") for name, _ in self.headers)
        ours = ("X-Dragoman-Key", key) if own else ("Authorization", f"Bearer {key}")
        return [*self.headers, ours]

    def __repr__(self) -> str:
        # Headers and bodies may hold secrets.
        return f"<Request {self.method} {self.path}>"


def _pairs(fields: Fields) -> Pairs:
    pairs: list[tuple[str, str]] = []
    for name, value in fields.items():
        values = [value] if isinstance(value, str | int | float) else value
        pairs += [(name, str(one).lower() if isinstance(one, bool) else str(one)) for one in values]
    return tuple(pairs)


def _target(path: str, params: Pairs) -> tuple[str, str]:
    """Path and query, percent-encoded; what is encoded already stays as it is."""
    path, _, query = path.partition("?")
    if path and not path.startswith("/"):
        path = "/" + path
    if any(unquote(segment) in (".", "..") for segment in path.split("/")):
        raise BuildError(f"the path {path!r} must not have '.' or '..' segments: it would leave its alias")
    more = urlencode(params)
    query = "&".join(part for part in (_quoted(query, _SAFE_QUERY), more) if part)
    return _quoted(path, _SAFE_PATH), query


def _quoted(text: str, safe: str) -> str:
    return quote(_BARE_PERCENT.sub("%25", text), safe=safe)
