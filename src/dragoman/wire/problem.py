"""Problem details for HTTP APIs (RFC 9457), with the members the outbound surface adds.

`error` repeats the detail as plain text, as the clients of seeds 001 and 002 read it.
"""

import msgspec

CONTENT_TYPE = "application/problem+json"


class Problem(msgspec.Struct, frozen=True, omit_defaults=True):
    type: str
    title: str
    status: int
    detail: str
    error: str
    code: str
    retriable: bool
    source: str
    instance: str = ""
    request_id: str = ""
    trace_id: str = ""
    retry_after_seconds: int | None = None
    alias: str | None = None
    upstream: str | None = None
    path: str | None = None
    plugin: str | None = None
    reason: str | None = None
    """A plugin's own code."""
