"""A guard: how long a call's body and its answer's may be."""

from typing import ClassVar

import msgspec

from dragoman.plugins.base import Guard
from dragoman.policy.plugins import Reject, Request, Response

CODE = "BODY_TOO_LARGE"


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Bytes; none sets no bound."""

    max_request: int | None = None
    max_response: int | None = None


class SizeGuard(Guard[Settings]):
    """Rejects longer calls with a 413, and longer answers with a 502.

    A body that does not say how long it is, is looked at whole, up to 1 MiB; beyond that it is rejected. Event streams
    have no length and pass.
    """

    settings_type: ClassVar[type[msgspec.Struct]] = Settings

    def body_limit(self, content_type: str) -> int:
        return max(self.settings.max_request or 0, self.settings.max_response or 0)

    async def on_request(self, request: Request) -> Reject | None:
        most = self.settings.max_request
        if most is None or _within(most, request.length, request.body):
            return None
        return Reject(413, CODE, f"The body of the request is longer than {most} bytes.")

    async def on_response(self, response: Response) -> Reject | None:
        most = self.settings.max_response
        if most is None or _within(most, response.length, response.body) or _is_stream(response):
            return None
        return Reject(502, CODE, f"The upstream's answer is longer than {most} bytes.")


def _within(most: int, length: int | None, body: bytes | None) -> bool:
    if body is not None:
        return len(body) <= most
    return length is not None and length <= most


def _is_stream(response: Response) -> bool:
    return any(name == "content-type" and value.startswith("text/event-stream") for name, value in response.headers)
