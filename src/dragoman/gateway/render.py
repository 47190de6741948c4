"""Our own errors and JSON answers as they travel, for each family of routes.

Every answer names its request and who spoke: `X-Request-ID` and `X-OAGW-Error-Source`.
"""

from typing import Final, Literal

import msgspec

from dragoman.dialects.chat import errors as chat
from dragoman.dialects.messages import errors as messages
from dragoman.errors import MODEL_NOT_FOUND, PROBLEM_TYPE, GatewayError
from dragoman.wire import problem
from dragoman.wire.problem import Problem

Headers = list[tuple[bytes, bytes]]
Source = Literal["gateway", "upstream"]
Style = Literal["openai", "flat"]
"""The form of errors where OpenAI's is spoken, and of those of jobs: OpenAI's own, or seed 004's, which is flat."""

JSON: Final = b"application/json"
_PROBLEM: Final = problem.CONTENT_TYPE.encode()
OUTBOUND: Final = ("/api/oagw/v1/proxy/", "/api/oagw/v1/status", "/api/oagw/v1/resolve")
_ANTHROPIC_PREFIX: Final = "/v1/messages"
_OPENAI_PREFIXES: Final = ("/v1/", "/convert")
_JOB_PREFIXES: Final = ("/execute", "/jobs")
STREAM_HEADERS: Final[Headers] = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-cache"),
    (b"x-accel-buffering", b"no"),
]
_MEMBERS: Final = ("alias", "upstream", "plugin", "reason")
"""What of an error's `extra` a problem has members for."""
_SOURCE: Final = {"gateway": (b"x-oagw-error-source", b"gateway"), "upstream": (b"x-oagw-error-source", b"upstream")}


def head(request_id: str, source: Source = "gateway") -> Headers:
    """The two headers that every answer carries."""
    return [(b"x-request-id", request_id.encode("ascii")), _SOURCE[source]]


def render_json(value: object, request_id: str) -> tuple[Headers, bytes]:
    """Headers and body of an answer of our own."""
    body = msgspec.json.encode(value)
    return [*head(request_id), (b"content-type", JSON), (b"content-length", b"%d" % len(body))], body


def render_error(
    error: GatewayError, *, path: str, request_id: str, style: Style = "openai", trace_id: str = ""
) -> tuple[int, Headers, bytes]:
    """Status, headers and body of an error, in the form of the family that `path` belongs to."""
    status = status_of(error, path)
    if path.startswith(_ANTHROPIC_PREFIX):
        body, content_type = messages.render(chat.body(error), status), JSON
    elif style == "flat" and path.startswith((*_OPENAI_PREFIXES, *_JOB_PREFIXES)):
        status, flat = render_flat(error)
        body, content_type = msgspec.json.encode(flat), JSON
    elif path.startswith(_OPENAI_PREFIXES):
        body, content_type = chat.render(error), JSON
    else:
        body, content_type = msgspec.json.encode(render_problem(error, path, request_id, trace_id)), _PROBLEM
    headers = head(request_id)
    headers += [(b"content-type", content_type), (b"content-length", b"%d" % len(body))]
    if error.retry_after is not None:
        headers.append((b"retry-after", b"%d" % error.retry_after))
    if status == 401:
        headers.append((b"www-authenticate", b"Bearer"))
    headers += [(name.lower().encode(), value.encode()) for name, value in error.headers.items()]
    return status, headers, body


def status_of(error: GatewayError, path: str) -> int:
    """Where aliases are called a wrong key is a 403 (seed 002); where they are managed it is a 401, as elsewhere."""
    kind = error.kind
    return kind.outbound_status if kind.outbound_status is not None and path.startswith(OUTBOUND) else kind.status


def render_problem(error: GatewayError, path: str, request_id: str, trace_id: str = "") -> Problem:
    kind = error.kind
    extra = error.extra
    told = {name: str(extra[name]) for name in _MEMBERS if name in extra}
    return Problem(
        type=PROBLEM_TYPE.format(slug=kind.slug),
        title=kind.title,
        status=status_of(error, path),
        detail=error.message,
        error=error.message,
        code=kind.code,
        retriable=kind.retriable,
        source="gateway",
        instance=path,
        request_id=request_id,
        trace_id=trace_id,
        retry_after_seconds=error.retry_after,
        **told,
    )


def render_flat(error: GatewayError) -> tuple[int, dict[str, object]]:
    """Status and body as seed 004 has them: whatever became of a run is a 503, and an unknown model a 400."""
    kind = error.kind
    if kind is MODEL_NOT_FOUND:
        supported = error.extra.get("supported", ())
        return 400, {"error": "unsupported model", "supported": supported, "detail": error.message}
    if kind.status >= 500:
        return 503, {"error": "execution failed", "detail": error.message, "code": kind.code}
    return kind.status, {"error": kind.title, "detail": error.message, "code": kind.code}
