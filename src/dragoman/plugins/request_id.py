"""A transform: the request id under a further name, for upstreams and callers that look for it there.

`X-Request-ID` itself the gateway passes on and echoes without it.
"""

from typing import Annotated, ClassVar

import msgspec

from dragoman.plugins.base import Transform
from dragoman.policy.plugins import Request, Response


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    header: Annotated[str, msgspec.Meta(pattern="^[A-Za-z0-9-]{1,64}$")] = "X-Correlation-ID"


class RequestId(Transform[Settings]):
    """Sets it on the call and on the answer, in place of what was there."""

    settings_type: ClassVar[type[msgspec.Struct]] = Settings

    async def on_request(self, request: Request) -> Request:
        return msgspec.structs.replace(request, headers=self._set(request, request.headers))

    async def on_response(self, response: Response) -> Response:
        return msgspec.structs.replace(response, headers=self._set(response.request, response.headers))

    def _set(self, request: Request, headers: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
        name = self.settings.header.lower()
        return (*(item for item in headers if item[0] != name), (name, request.request_id))
