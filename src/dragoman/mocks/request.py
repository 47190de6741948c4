"""One request as a mock received it: head, body and what is left of the path. Not a parser of HTTP.

The server below has parsed it; here it becomes a frozen value that a service can answer without any I/O.
"""

import hashlib
from dataclasses import dataclass, replace
from typing import Final, TypeAlias, TypeVar
from urllib.parse import parse_qs, unquote

import msgspec
from starlette.types import Receive, Scope

KEPT_BODY: Final = 64 * 1024 * 1024
"""Most bytes of a body that are kept; the rest is counted and hashed only."""

Json: TypeAlias = object
"""Any JSON value, narrowed where it is read: msgspec decodes into no recursive alias."""
T = TypeVar("T")


class BadJson(ValueError):
    """A body that is not JSON, or not of the form asked for; `path` is then the offending member."""

    def __init__(self, message: str, path: str | None = None) -> None:
        super().__init__(message)
        self.path = path


@dataclass(frozen=True, slots=True)
class Request:
    """What came in; `rest` are the decoded path segments that the dispatch has not yet consumed."""

    method: str
    path: str
    """As received, neither decoded nor normalised."""
    query: str
    headers: tuple[tuple[str, str], ...]
    body: bytes = b""
    body_length: int = 0
    body_sha256: str = ""
    complete: bool = True
    """False when the client left before its body had come."""
    rest: tuple[str, ...] = ()

    def header(self, name: str) -> str:
        """The first value of a header, or an empty string; `name` in lower case."""
        return next((value for key, value in self.headers if key == name), "")

    def parameter(self, name: str) -> str:
        """The first value of a query parameter, or an empty string."""
        return parse_qs(self.query, keep_blank_values=True).get(name, [""])[0]

    def json(self, form: type[T]) -> T:
        """The body decoded as `form`; raises `BadJson`."""
        try:
            # JSON text is UTF-8 (RFC 8259, 8.1), and msgspec does not look into members it skips.
            self.body.decode()
            return msgspec.json.decode(self.body, type=form)
        except msgspec.ValidationError as error:
            raise _misfit(str(error)) from None
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            raise BadJson("the body is not valid JSON") from None

    def below(self, count: int) -> "Request":
        """The same request with `count` segments of the path consumed."""
        return replace(self, rest=self.rest[count:])

    @property
    def oversized(self) -> bool:
        return self.body_length > len(self.body)


def segments(path: str) -> tuple[str, ...]:
    """The decoded segments of a raw path; one trailing slash is insignificant."""
    return tuple(unquote(part) for part in path.removeprefix("/").removesuffix("/").split("/"))


async def receive_request(scope: Scope, receive: Receive) -> Request:
    """Reads the whole request, keeping at most `KEPT_BODY` bytes of its body."""
    path = scope.get("raw_path", b"").decode("latin-1") or scope["path"]
    body, length, digest, complete = bytearray(), 0, hashlib.sha256(), False
    while not complete:
        message = await receive()
        if message["type"] == "http.disconnect":
            break
        chunk: bytes = message.get("body", b"")
        length += len(chunk)
        digest.update(chunk)
        body += chunk[: KEPT_BODY - len(body)]
        complete = not message.get("more_body", False)
    return Request(
        method=scope["method"],
        path=path,
        query=scope["query_string"].decode("latin-1"),
        headers=tuple((name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in scope["headers"]),
        body=bytes(body),
        body_length=length,
        body_sha256=digest.hexdigest(),
        complete=complete,
        rest=segments(path),
    )


def _misfit(text: str) -> BadJson:
    """msgspec's "Expected `int`, got `str` - at `$.messages[0].content`", taken apart."""
    problem, _, place = text.partition(" - at `$")
    path = place.rstrip("`").removeprefix(".")
    if problem.startswith("Object missing required field"):
        name = problem.split("`")[1]
        path = f"{path}.{name}" if path else name
        return BadJson(f"missing required parameter '{path}'", path)
    return BadJson(f"invalid value for '{path}': {problem}" if path else f"invalid body: {problem}", path or None)
