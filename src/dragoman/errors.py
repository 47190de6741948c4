"""Every error Dragoman itself can answer, in one table.

    DragomanError
     +-- GatewayError    an answer to a caller: a row of the table and a sentence
     +-- WireError       bytes that are not what their format promises
     +-- ConfigError     a setting that cannot stand; names its key

A row is the single source of what travels: the HTTP status, the OpenAI `type` and `code`, the
problem+json `type` (RFC 9457), whether a repeat can help and after how long. What an *upstream*
answered is never one of these rows: it passes through, and `X-OAGW-Error-Source` tells them apart.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

PROBLEM_TYPE: Final = "gts.cf.core.errors.err.v1~cf.oagw.{slug}.v1"


@dataclass(frozen=True, slots=True)
class ErrorKind:
    """One row: what an error looks like on every surface."""

    code: str
    status: int
    type: str
    """The `type` member of the OpenAI envelope."""
    slug: str
    """The variable part of the problem+json `type`."""
    title: str
    retriable: bool = False
    retry_after: int | None = None
    """Seconds; always set where `retriable` is."""
    outbound_status: int | None = None
    """The status on `/api/oagw/v1`, where it differs."""


_BAD = "invalid_request_error"
_SRV = "server_error"

INVALID_REQUEST = ErrorKind("invalid_request", 400, _BAD, "validation.error", "Invalid request")
INVALID_JSON = ErrorKind("invalid_json", 400, _BAD, "validation.error", "Body is not valid JSON")
BAD_HTTP = ErrorKind("bad_http", 400, _BAD, "validation.error", "Malformed HTTP request")
UNSUPPORTED_PARAMETER = ErrorKind(
    "unsupported_parameter", 400, _BAD, "validation.error", "Parameter not supported here"
)
MISSING_TARGET_HOST = ErrorKind("missing_target_host", 400, _BAD, "routing.missing_target_host", "No target host")
INVALID_TARGET_HOST = ErrorKind(
    "invalid_target_host", 400, _BAD, "routing.invalid_target_host", "Target host not valid"
)
UNKNOWN_TARGET_HOST = ErrorKind("unknown_target_host", 400, _BAD, "routing.unknown_target_host", "No such target host")
MISSING_API_KEY = ErrorKind("missing_api_key", 401, "authentication_error", "auth.failed", "No API key")
# Seed 002: on the outbound surface a wrong token is a 403, a missing one a 401.
INVALID_API_KEY = ErrorKind(
    "invalid_api_key", 401, "authentication_error", "auth.failed", "API key not valid", outbound_status=403
)
AUTH_FAILED = ErrorKind("auth_failed", 401, "authentication_error", "auth.failed", "Upstream credential refused")
PERMISSION_DENIED = ErrorKind("permission_denied", 403, "permission_error", "forbidden", "Not permitted")
CORS_ORIGIN_NOT_ALLOWED = ErrorKind(
    "cors_origin_not_allowed", 403, "permission_error", "cors.origin_not_allowed", "Origin not permitted"
)
CORS_METHOD_NOT_ALLOWED = ErrorKind(
    "cors_method_not_allowed", 403, "permission_error", "cors.method_not_allowed", "Method not permitted to this origin"
)
CORS_HEADER_NOT_ALLOWED = ErrorKind(
    "cors_header_not_allowed", 403, "permission_error", "cors.header_not_allowed", "Header not permitted to this origin"
)
NOT_FOUND = ErrorKind("not_found", 404, _BAD, "route.not_found", "No such path")
MODEL_NOT_FOUND = ErrorKind("model_not_found", 404, _BAD, "model.not_found", "No such model")
ROUTE_NOT_FOUND = ErrorKind("route_not_found", 404, _BAD, "route.not_found", "No such alias or route")
QUERY_NOT_ALLOWED = ErrorKind("query_not_allowed", 400, _BAD, "validation.error", "Query parameter not allowed")
PATH_SUFFIX_NOT_ALLOWED = ErrorKind(
    "path_suffix_not_allowed", 400, _BAD, "validation.error", "Path goes on after its route"
)
RESPONSE_NOT_FOUND = ErrorKind("response_not_found", 404, _BAD, "response.not_found", "No such response")
PREVIOUS_RESPONSE_NOT_FOUND = ErrorKind(
    "previous_response_not_found", 404, _BAD, "response.not_found", "No such previous response"
)
CONVERSATION_NOT_FOUND = ErrorKind(
    "conversation_not_found", 404, _BAD, "conversation.not_found", "No such conversation"
)
ITEM_NOT_FOUND = ErrorKind("item_not_found", 404, _BAD, "item.not_found", "No such item")
JOB_NOT_FOUND = ErrorKind("job_not_found", 404, _BAD, "job.not_found", "No such job")
RESOURCE_NOT_FOUND = ErrorKind(
    "resource_not_found", 404, _BAD, "resource.not_found", "No such upstream, route or plugin"
)
CONFLICT = ErrorKind("conflict", 409, _BAD, "conflict", "Another has this alias or match")
READ_ONLY = ErrorKind("read_only", 409, _BAD, "resource.read_only", "Made by the configuration file")
AGENT_BUSY = ErrorKind("agent_busy", 409, _BAD, "agent.busy", "Agent is busy")
PRECONDITION_FAILED = ErrorKind("precondition_failed", 412, _BAD, "precondition.failed", "Changed since it was read")
PLUGIN_IN_USE = ErrorKind("plugin_in_use", 409, _BAD, "plugin.in_use", "Plugin is bound to something")
PLUGIN_REJECTED = ErrorKind("plugin_rejected", 400, _BAD, "plugin.rejected", "Rejected by a plugin")
METHOD_NOT_ALLOWED = ErrorKind("method_not_allowed", 405, _BAD, "validation.error", "Method not allowed")
BODY_TIMEOUT = ErrorKind("body_timeout", 408, _BAD, "timeout.body", "Request body came too slowly", True, 1)
PAYLOAD_TOO_LARGE = ErrorKind("payload_too_large", 413, _BAD, "payload.too_large", "Request body too large")
HEAD_TIMEOUT = ErrorKind("head_timeout", 408, _BAD, "timeout.head", "Request head came too slowly", True, 1)
HEAD_TOO_LARGE = ErrorKind("head_too_large", 431, _BAD, "validation.error", "Request head too large")
RATE_LIMIT_EXCEEDED = ErrorKind(
    "rate_limit_exceeded", 429, "rate_limit_error", "rate_limit.exceeded", "Rate limit exceeded", True, 1
)
JOBS_FULL = ErrorKind("jobs_full", 429, "rate_limit_error", "queue.jobs", "Too many jobs wait", True, 30)
WEBSOCKET_CONNECTION_LIMIT_REACHED = ErrorKind(
    "websocket_connection_limit_reached", 400, _BAD, "websocket.limit", "WebSocket too old"
)
INTERNAL_ERROR = ErrorKind("internal_error", 500, _SRV, "internal.error", "Internal error")
SECRET_NOT_FOUND = ErrorKind("secret_not_found", 500, _SRV, "secret.not_found", "Upstream credential not available")
PLUGIN_FAILED = ErrorKind("plugin_failed", 500, _SRV, "plugin.failed", "A plugin failed")
PROTOCOL_ERROR = ErrorKind("protocol_error", 502, _SRV, "protocol.error", "Upstream answered something invalid")
DOWNSTREAM_ERROR = ErrorKind(
    "downstream_error", 502, _SRV, "downstream.error", "Upstream could not be reached", True, 5
)
STREAM_ABORTED = ErrorKind("stream_aborted", 502, _SRV, "stream.aborted", "Upstream broke off its answer")
CREDENTIAL_REFUSED = ErrorKind("credential_refused", 502, _SRV, "auth.upstream", "Upstream's own credential refused")
EGRESS_DENIED = ErrorKind("egress_denied", 502, _SRV, "egress.denied", "Upstream address not permitted")
LINK_UNAVAILABLE = ErrorKind("link_unavailable", 503, _SRV, "link.unavailable", "Upstream not available", True, 10)
PLUGIN_NOT_FOUND = ErrorKind("plugin_not_found", 503, _SRV, "plugin.not_found", "Plugin not available")
CIRCUIT_BREAKER_OPEN = ErrorKind(
    "circuit_breaker_open", 503, _SRV, "circuit_breaker.open", "Upstream is given a rest", True, 30
)
EXECUTION_FAILED = ErrorKind("execution_failed", 503, _SRV, "execution.failed", "Execution failed", True, 5)
UPSTREAM_DISABLED = ErrorKind("upstream_disabled", 503, _SRV, "link.unavailable", "Upstream is switched off", True, 30)
OVERLOADED = ErrorKind("overloaded", 503, _SRV, "concurrency_limit.exceeded", "Too many calls in flight", True, 1)
CONCURRENCY_LIMIT_EXCEEDED = ErrorKind(
    "concurrency_limit_exceeded", 503, _SRV, "concurrency_limit.exceeded", "Concurrency limit exceeded", True, 1
)
QUEUE_FULL = ErrorKind("queue_full", 503, _SRV, "queue.full", "Too many calls wait", True, 1)
QUEUE_TIMEOUT = ErrorKind("queue_timeout", 503, _SRV, "queue.timeout", "Waited too long for a turn", True, 1)
STORE_UNAVAILABLE = ErrorKind("store_unavailable", 503, _SRV, "store.unavailable", "Store not available", True, 5)
SHUTTING_DOWN = ErrorKind("shutting_down", 503, _SRV, "shutting_down", "Gateway is shutting down", True, 5)
CONNECTION_TIMEOUT = ErrorKind(
    "connection_timeout", 504, _SRV, "timeout.connection", "Upstream did not accept in time", True, 5
)
REQUEST_TIMEOUT = ErrorKind("request_timeout", 504, _SRV, "timeout.request", "Upstream did not answer in time", True, 5)
IDLE_TIMEOUT = ErrorKind("idle_timeout", 504, _SRV, "timeout.idle", "Upstream fell silent", True, 5)
LOOP_DETECTED = ErrorKind("loop_detected", 508, _SRV, "loop.detected", "Request came back to this gateway")

TABLE: Final[tuple[ErrorKind, ...]] = tuple(kind for kind in list(globals().values()) if isinstance(kind, ErrorKind))


class DragomanError(Exception):
    """Root of all errors that Dragoman raises on purpose."""


class GatewayError(DragomanError):
    """An answer to a caller: `kind` says how it travels, `message` what to do about it.

    `param` names the offending field of a JSON body; `extra` are further problem+json members
    (never secrets); `headers` are added to the answer, as `Allow` is to a 405.
    """

    def __init__(
        self,
        kind: ErrorKind,
        message: str,
        *,
        param: str | None = None,
        retry_after: int | None = None,
        extra: Mapping[str, str | int | tuple[str, ...]] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message
        self.param = param
        self.retry_after = kind.retry_after if retry_after is None else retry_after
        self.extra = dict(extra or {})
        self.headers = dict(headers or {})

    def __repr__(self) -> str:
        return f"GatewayError({self.kind.code}, {self.message!r})"


class WireError(DragomanError):
    """Bytes that are not what their format promises: bad JSON, an event over its size limit."""


class ConfigError(DragomanError):
    """A setting that cannot stand; `key` is its dotted name, `hint` the way out."""

    def __init__(self, key: str, message: str, hint: str = "") -> None:
        super().__init__(f"{key}: {message}" + (f" ({hint})" if hint else ""))
        self.key = key
        self.message = message
        self.hint = hint
