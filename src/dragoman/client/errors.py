"""Every error the client raises, in one tree.

    ClientError
     +-- BuildError            a request or a setting that cannot be sent as it is
     +-- TransportError        no whole answer came
     |    +-- ConnectError         nothing was reached; nothing was sent
     |    |    +-- TLSError             it was reached and is not who it should be
     |    +-- CallTimeout          a phase took too long; a TimeoutError, too
     |    +-- ConnectionClosed     the connection broke before the answer began
     |    +-- ProtocolError        what came is not HTTP
     |    +-- StreamInterrupted    the answer began and broke off
     |    +-- WebSocketClosed      nothing more will come or can be sent
     +-- DecodeError           the body is not what the caller took it for
     +-- StatusError           an answer of 400 or more, by `raise_for_status` only
          +-- UpstreamError        said by the upstream
          +-- GatewayError         said by the gateway; a subclass for each thing a caller may do about it

`source` tells who is speaking: `client`, `gateway` or `upstream`. The classes below `GatewayError` are found by
the problem's `code`, else by the status, so that a code newer than this library still has a class.
"""

from typing import TYPE_CHECKING, ClassVar, Final, Literal

from dragoman.errors import DragomanError

if TYPE_CHECKING:
    from dragoman.client.problem import Problem
    from dragoman.client.response import Response

Source = Literal["client", "gateway", "upstream"]
Phase = Literal["connect", "send", "first_byte", "idle", "total"]


class ClientError(DragomanError):
    """Root of all errors of the client."""

    source: Source = "client"


class BuildError(ClientError):
    """A request or a setting that cannot be sent as it is."""


class TransportError(ClientError):
    """No whole answer came."""


class ConnectError(TransportError):
    """Nothing was reached, so nothing was sent."""


class TLSError(ConnectError):
    """The other side did not prove who it is."""


class CallTimeout(TransportError, TimeoutError):
    """A phase of the call took longer than it may: `phase` says which."""

    def __init__(self, phase: Phase) -> None:
        super().__init__(f"{_TOO_LONG[phase]}; the limit is timeouts.{phase}")
        self.phase: Phase = phase


_TOO_LONG: Final[dict[Phase, str]] = {
    "connect": "no connection in time",
    "send": "the request was not taken in time",
    "first_byte": "no answer began in time",
    "idle": "the answer fell silent",
    "total": "the call took too long as a whole",
}


class ConnectionClosed(TransportError):
    """The connection broke before the answer began."""


class ProtocolError(TransportError):
    """What came is not HTTP, or not what was asked for."""


class StreamInterrupted(TransportError):
    """An answer that had begun broke off; what was read of it is not the whole.

    `last_event_id` is where an event stream may be resumed, `received` counts the bytes of the body, `problem` is
    what the gateway said before it broke off, if it did.
    """

    def __init__(
        self, message: str, *, received: int = 0, last_event_id: str = "", problem: "Problem | None" = None
    ) -> None:
        super().__init__(message)
        self.received = received
        self.last_event_id = last_event_id
        self.problem = problem
        if problem is not None:
            self.source = "gateway"


class WebSocketClosed(TransportError):
    """A WebSocket has ended; `code` and `reason` are the Close's, 1006 if there was none (RFC 6455, 7.4.1)."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(f"the WebSocket was closed with {code}" + (f": {reason}" if reason else ""))
        self.code = code
        self.reason = reason


class DecodeError(ClientError):
    """The body is not what it was read as."""


class StatusError(ClientError):
    """An answer of 400 or more. `problem` is what it says, where it can be read."""

    def __init__(self, response: "Response", problem: "Problem | None") -> None:
        said = (problem.detail or problem.title) if problem is not None else ""
        super().__init__(f"{response.status} from the {self.source}" + (f": {said}" if said else ""))
        self.response = response
        self.status = response.status
        self.problem = problem
        self.code = problem.code if problem is not None else ""
        self.retry_after = response.retry_after
        self.request_id = response.request_id


class UpstreamError(StatusError):
    """The upstream answered so, and the gateway passed it on."""

    source: Source = "upstream"


class GatewayError(StatusError):
    """The gateway answered so itself."""

    source: Source = "gateway"
    codes: ClassVar[tuple[str, ...]] = ()
    """The codes that have this class."""
    statuses: ClassVar[tuple[int, ...]] = ()
    """The statuses that have it, whatever their code."""


class InvalidRequest(GatewayError):
    """Something in the request cannot stand; the same request will fail again."""

    statuses: ClassVar[tuple[int, ...]] = (400, 405, 408, 415, 422, 431)


class PayloadTooLarge(InvalidRequest):
    """The body is larger than the gateway takes."""

    statuses: ClassVar[tuple[int, ...]] = (413,)


class AuthenticationFailed(GatewayError):
    """The key is missing or not valid."""

    codes: ClassVar[tuple[str, ...]] = ("missing_api_key", "invalid_api_key")
    statuses: ClassVar[tuple[int, ...]] = (401,)


class PermissionDenied(GatewayError):
    """The key is valid and does not permit this."""

    statuses: ClassVar[tuple[int, ...]] = (403,)


class NotFound(GatewayError):
    """There is no such thing, or the key may not know of it."""

    statuses: ClassVar[tuple[int, ...]] = (404,)


class AliasNotFound(NotFound):
    """There is no such alias for this key."""

    codes: ClassVar[tuple[str, ...]] = ("route_not_found",)


class ModelNotFound(NotFound):
    """There is no such model for this key."""

    codes: ClassVar[tuple[str, ...]] = ("model_not_found",)


class Conflict(GatewayError):
    """The thing is already there, or in use."""

    statuses: ClassVar[tuple[int, ...]] = (409,)


class PreconditionFailed(GatewayError):
    """The thing has changed since it was read."""

    statuses: ClassVar[tuple[int, ...]] = (412,)


class RateLimited(GatewayError):
    """A limit of the gateway's is used up; `retry_after` says for how long."""

    statuses: ClassVar[tuple[int, ...]] = (429,)


class GatewayFault(GatewayError):
    """The gateway failed, or is not set up for this; its log says why under `request_id`."""

    statuses: ClassVar[tuple[int, ...]] = (500, 501, 508)


class UpstreamFailed(GatewayError):
    """The upstream could not be reached, or answered something invalid."""

    statuses: ClassVar[tuple[int, ...]] = (502,)


class UpstreamUnreachable(UpstreamFailed):
    """No connection to the upstream."""

    codes: ClassVar[tuple[str, ...]] = ("downstream_error",)


class StreamAborted(UpstreamFailed):
    """The upstream broke off before its answer had begun."""

    codes: ClassVar[tuple[str, ...]] = ("stream_aborted",)


class Unavailable(GatewayError):
    """Not now: the gateway or the upstream is full, down or going down."""

    statuses: ClassVar[tuple[int, ...]] = (503,)


class UpstreamTimeout(GatewayError):
    """The upstream was too slow."""

    statuses: ClassVar[tuple[int, ...]] = (504,)


def gateway_error(status: int, code: str) -> type[GatewayError]:
    """The class of an answer of the gateway's."""
    return _BY_CODE.get(code) or _BY_STATUS.get(status, GatewayError)


def _below(kind: type[GatewayError]) -> list[type[GatewayError]]:
    return [one for direct in kind.__subclasses__() for one in (direct, *_below(direct))]


_BY_CODE: Final = {code: kind for kind in _below(GatewayError) for code in vars(kind).get("codes", ())}
_BY_STATUS: Final = {status: kind for kind in _below(GatewayError) for status in vars(kind).get("statuses", ())}
