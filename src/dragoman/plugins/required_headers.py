"""A guard: headers that must be there, of a call or of its answer."""

from collections.abc import Iterable
from typing import ClassVar

import msgspec

from dragoman.plugins.base import Guard
from dragoman.policy.plugins import Fields, Reject, Request, Response

CODE = "REQUIRED_HEADER_MISSING"


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Names of headers; of a call those count that go out."""

    request: tuple[str, ...] = ()
    response: tuple[str, ...] = ()


class RequiredHeaders(Guard[Settings]):
    """Rejects calls without them with a 400, and answers with a 502."""

    settings_type: ClassVar[type[msgspec.Struct]] = Settings

    async def on_request(self, request: Request) -> Reject | None:
        missing = _missing(self.settings.request, request.headers)
        return Reject(400, CODE, f"The header {missing!r} is required here.") if missing else None

    async def on_response(self, response: Response) -> Reject | None:
        missing = _missing(self.settings.response, response.headers)
        return Reject(502, CODE, f"The upstream's answer lacks the header {missing!r}.") if missing else None


def _missing(wanted: Iterable[str], headers: Fields) -> str | None:
    present = {name for name, value in headers if value.strip()}
    return next((name for name in wanted if name.lower() not in present), None)
