"""What plugins are told of a call by alias, what they may say to it, and in which order they are asked.

    auth         one at most, before anything else; what it adds no other plugin sees
    guards       let a call or an answer pass, or reject it
    transforms   change a request, an answer or an error, reject it, or answer by themselves

Those of an upstream come before those of its route, in both directions. Nothing here runs a plugin: the gateway does.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Final, Generic, Literal, Protocol, TypeVar

import msgspec

from dragoman import errors
from dragoman.errors import GatewayError

Kind = Literal["auth", "guard", "transform"]
Fields = tuple[tuple[str, str], ...]
"""Headers: names in lower case, values as they travel."""
FAILED: Final = "PLUGIN_FAILED"
"""The reason of a call that failed with its plugin."""
KINDS: Final[tuple[Kind, ...]] = ("auth", "guard", "transform")
_ID: Final = "gts.cf.core.oagw.{kind}_plugin.v1~"
_ROWS: Final = {
    kind.status: kind
    for kind in (
        errors.INVALID_REQUEST, errors.AUTH_FAILED, errors.PERMISSION_DENIED, errors.PAYLOAD_TOO_LARGE,
        errors.PROTOCOL_ERROR,
    )
}  # fmt: skip
"""What a rejection of this status is; any other is PLUGIN_REJECTED under the status it names."""


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """A call on its way out. A transform may change path, query, headers and body."""

    alias: str
    method: str
    path: str
    """Below the base URL of the upstream, percent-encoded."""
    query: str = ""
    headers: Fields = ()
    """Those that go out, without any credential."""
    length: int | None = None
    """Bytes of the body as announced; 0 if there is none, None if it comes in chunks."""
    body: bytes | None = None
    """None where it was not asked for, or is longer than that."""
    route: str = ""
    """The path of the route that the call took; empty where there are none."""
    tenant: str = ""
    key_id: str = ""
    request_id: str = ""


class Response(msgspec.Struct, frozen=True, kw_only=True):
    """An upstream's answer, errors included. A transform may change status, headers and body."""

    request: Request
    """As it went out, but for its body."""
    status: int
    headers: Fields = ()
    length: int | None = None
    body: bytes | None = None
    """As for a request; of an event stream never."""


class Failure(msgspec.Struct, frozen=True, kw_only=True):
    """A call that was sent and got no answer."""

    request: Request
    status: int
    code: str
    detail: str


class Reject(msgspec.Struct, frozen=True):
    """The call is not to go on: the caller gets a problem of this status, and `code` as its `reason`."""

    status: int
    code: str
    detail: str


class Respond(msgspec.Struct, frozen=True):
    """The caller gets this answer, as the gateway's own."""

    status: int
    headers: Fields = ()
    body: bytes = b""


class Plugin(Protocol):
    """What all plugins have."""

    kind: ClassVar[Kind]

    def body_limit(self, content_type: str) -> int:
        """Bytes of a body of this type that it wants to see; 0 for none."""
        ...


class Auth(Plugin, Protocol):
    """Says which headers a call authenticates itself with."""

    async def authorize(self, request: Request) -> Fields | Reject: ...


class Guard(Plugin, Protocol):
    """Lets pass or rejects."""

    async def on_request(self, request: Request) -> Reject | None: ...

    async def on_response(self, response: Response) -> Reject | None: ...


class Transform(Plugin, Protocol):
    """Changes what passes; None leaves it as it is."""

    async def on_request(self, request: Request) -> Request | Reject | Respond | None: ...

    async def on_response(self, response: Response) -> Response | Reject | Respond | None: ...

    async def on_error(self, failure: Failure) -> Reject | Respond | None: ...


P = TypeVar("P", bound=Plugin)


@dataclass(frozen=True, eq=False)
class Bound(Generic[P]):
    """A plugin that has been told its configuration, ready to be asked."""

    id: str
    plugin: P
    timeout: float = 1.0
    """Seconds that it has for each event."""
    secrets: tuple[bytes, ...] = ()
    """What it was given from the vault, in every form in which it may be echoed."""
    reads: bool = False
    """Whether it wants to see any body at all."""


@dataclass(frozen=True, slots=True)
class Chain:
    """The plugins that a call meets, in order."""

    auth: Bound[Auth] | None = None
    guards: tuple[Bound[Guard], ...] = ()
    transforms: tuple[Bound[Transform], ...] = ()
    fault: GatewayError | None = None
    """Why no call can pass: one of them cannot be had."""

    def then(self, other: "Chain | None") -> "Chain":
        """Both, this one first."""
        if other is None:
            return self
        return Chain(
            self.auth or other.auth,
            (*self.guards, *other.guards),
            (*self.transforms, *other.transforms),
            self.fault or other.fault,
        )

    @property
    def all(self) -> Sequence[Bound[Any]]:
        """Every one, in the order in which they are asked."""
        return (*(() if self.auth is None else (self.auth,)), *self.guards, *self.transforms)

    @property
    def readers(self) -> Sequence[Bound[Any]]:
        """Those that want to see bodies."""
        bound: tuple[Bound[Any], ...] = (*self.guards, *self.transforms)
        return [one for one in bound if one.reads]


def joined(first: Chain | None, second: Chain | None) -> Chain | None:
    """As `Chain.then`, where there may be none."""
    return second if first is None else first.then(second)


def plugin_id(kind: Kind, name: str) -> str:
    """The id of a plugin that is installed under `name`, or that the API has made with that UUID."""
    return _ID.format(kind=kind) + name


def split_id(given: str) -> tuple[Kind | None, str]:
    """Kind and name of a plugin by its id, or by its name alone."""
    for kind in KINDS:
        prefix = _ID.format(kind=kind)
        if given.startswith(prefix):
            return kind, given.removeprefix(prefix)
    return None, given


def rejection(plugin: str, said: Reject) -> GatewayError:
    """What a caller is told where a plugin rejects. Raises `ValueError` for a status that is no error."""
    if not 400 <= said.status <= 599:
        raise ValueError(f"{said.status} is no status of an error")
    kind = _ROWS.get(said.status) or replace(errors.PLUGIN_REJECTED, status=said.status)
    return GatewayError(kind, said.detail, extra={"plugin": plugin, "reason": said.code})


def failed(plugin: str, kind: Kind) -> GatewayError:
    """What a caller is told where a plugin fails: nothing of why, which the log has."""
    row = errors.AUTH_FAILED if kind == "auth" else errors.PLUGIN_FAILED
    message = f"The plugin {plugin!r} failed, and the call with it; the log says why."
    return GatewayError(row, message, extra={"plugin": plugin, "reason": FAILED})
