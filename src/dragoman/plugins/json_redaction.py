"""A transform: values of JSON bodies blanked out by the names of their members, at any depth.

It fails closed: a JSON body that cannot be read whole is rejected, for nobody knows what is in it.
"""

from typing import Annotated, Any, ClassVar, Final

import msgspec

from dragoman.plugins.base import Transform
from dragoman.policy.plugins import Fields, Reject, Request, Response

REDACTED: Final = "[REDACTED]"
CODE: Final = "BODY_NOT_READABLE"
_MAX: Final = 1024 * 1024


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Names of members, in any case; `max_body` in bytes."""

    request: tuple[str, ...] = ()
    response: tuple[str, ...] = ()
    max_body: Annotated[int, msgspec.Meta(ge=1, le=_MAX)] = 256 * 1024


class JsonRedaction(Transform[Settings]):
    """Blanks out in calls, in answers or in both; bodies of other types pass."""

    settings_type: ClassVar[type[msgspec.Struct]] = Settings

    def body_limit(self, content_type: str) -> int:
        return self.settings.max_body if _is_json(content_type) else 0

    async def on_request(self, request: Request) -> Request | Reject | None:
        names = self.settings.request
        if not names or not _has_json(request.headers) or request.length == 0:
            return None
        body = _redact(request.body, names)
        if body is None:
            return Reject(413, CODE, self._reason("request"))
        return None if body is request.body else msgspec.structs.replace(request, body=body)

    async def on_response(self, response: Response) -> Response | Reject | None:
        names = self.settings.response
        if not names or not _has_json(response.headers) or response.length == 0:
            return None
        body = _redact(response.body, names)
        if body is None:
            return Reject(502, CODE, self._reason("upstream's answer"))
        return None if body is response.body else msgspec.structs.replace(response, body=body)

    def _reason(self, of: str) -> str:
        most = self.settings.max_body
        return f"The body of the {of} is no JSON that can be read, encoded, or longer than {most} bytes."


def _redact(body: bytes | None, names: tuple[str, ...]) -> bytes | None:
    """The body itself where there is nothing to blank out, None where it cannot be told."""
    if not body:
        return body
    try:
        value = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    found = _blank(value, frozenset(name.lower() for name in names))
    return msgspec.json.encode(value) if found else body


def _blank(root: Any, names: frozenset[str]) -> bool:
    """Blanks out in place; without recursion, for callers choose how deep a body is."""
    found, open_ = False, [root]
    while open_:
        value = open_.pop()
        if isinstance(value, dict):
            for name, inner in value.items():
                if name.lower() in names:
                    value[name] = REDACTED
                    found = True
                else:
                    open_.append(inner)
        elif isinstance(value, list):
            open_.extend(value)
    return found


def _has_json(headers: Fields) -> bool:
    return any(name == "content-type" and _is_json(value) for name, value in headers)


def _is_json(content_type: str) -> bool:
    media = content_type.partition(";")[0].strip().lower()
    return media == "application/json" or media.endswith("+json")
