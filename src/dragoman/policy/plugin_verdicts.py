"""What may be made of what a plugin says: its words are another's, and judged before they are taken.

Each function raises `ValueError`, saying what is wrong with them.
"""

from collections.abc import Iterable
from typing import Final

import msgspec

from dragoman.errors import GatewayError
from dragoman.policy import aliases
from dragoman.policy.headers import Headers, check_written
from dragoman.policy.plugins import Fields, Request, Respond, Response

_LENGTH: Final = b"content-length"


def fields(headers: Iterable[tuple[bytes, bytes]]) -> Fields:
    """Headers as plugins see them."""
    return tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in headers)


def raw(headers: object) -> Headers:
    """Headers as they travel; the inverse of `fields`."""
    try:
        return [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers]  # type: ignore[attr-defined]
    except (AttributeError, TypeError, ValueError):
        raise ValueError("says headers that are no pairs of text") from None


def credentials(said: object) -> Headers:
    """The headers that an auth plugin adds."""
    added = raw(said)
    check_written(added, [], credentials=True)
    return added


def rewritten(event: Request, said: Request) -> Request:
    """The call as a transform has changed it; a body of None leaves it as it is."""
    may = {"path": said.path, "query": said.query, "headers": said.headers, "body": said.body, "length": said.length}
    if msgspec.structs.replace(event, **may) != said:
        raise ValueError("changes more of a request than path, query, headers and body")
    if said.path and not said.path.startswith("/"):
        raise ValueError("says a path that begins with no slash")
    try:
        aliases.check(said.path.encode(), said.query.encode())
    except GatewayError as error:
        raise ValueError(error.message) from None
    headers = fields(_written(said.headers, event.headers, back=False))
    body = _body(said.body, event.body)
    length = event.length if body is None else len(body)
    return msgspec.structs.replace(event, path=said.path, query=said.query, headers=headers, body=body, length=length)


def changed(event: Response, said: Response) -> Response:
    """The answer as a transform has changed it; a body of None leaves it as it is."""
    if said.request != event.request:
        raise ValueError("changes more of an answer than status, headers and body")
    _check_status(said.status)
    headers = fields(_written(said.headers, event.headers, back=True))
    body = _body(said.body, event.body)
    length = event.length if body is None else len(body)
    return msgspec.structs.replace(event, status=said.status, headers=headers, body=body, length=length)


def own_answer(said: Respond) -> tuple[int, Headers, bytes]:
    """Status, headers and body of a plugin's own answer."""
    _check_status(said.status)
    body = _body(said.body, b"")
    assert body is not None
    return said.status, _written(said.headers, (), back=True), body


def _written(said: Fields, given: Fields, *, back: bool) -> Headers:
    headers = raw(said)
    check_written(headers, raw(given), back=back)
    return headers


def _body(said: object, present: bytes | None) -> bytes | None:
    if said is None:
        return present
    if not isinstance(said, bytes):
        raise ValueError(f"says a body that is no bytes but {type(said).__name__}")
    return said


def _check_status(status: object) -> None:
    if not isinstance(status, int) or not 200 <= status <= 599:
        raise ValueError(f"answers with {status!r}, which is no status of an answer")
