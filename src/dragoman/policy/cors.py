"""Which pages of other origins may call an alias from a browser, and the headers that tell the browser so.

After the Fetch standard, 3.3. A preflight carries no key, so it is answered from the configuration alone; what it
permits is judged again on the call itself, before anything goes out.
"""

from dataclasses import dataclass
from typing import Final

from dragoman import errors
from dragoman.errors import ErrorKind, GatewayError
from dragoman.policy.resources import Cors

Headers = dict[bytes, bytes]

_ALLOW: Final = b"access-control-allow-"
ANY: Final = "*"
VARY: Final = {b"vary": b"Origin"}
_PREFLIGHT_VARY: Final = {b"vary": b"Origin, Access-Control-Request-Method, Access-Control-Request-Headers"}


@dataclass(frozen=True, slots=True)
class CorsRule:
    """The rule of one alias or route, ready to judge."""

    origins: frozenset[str]
    methods: frozenset[str]
    headers: frozenset[str]
    expose: bytes
    credentials: bool
    max_age: int

    @classmethod
    def of(cls, cors: Cors) -> "CorsRule | None":
        """None where the rule is off: an Origin means nothing then."""
        if not cors.enabled:
            return None
        return cls(
            frozenset(cors.origins),
            frozenset(cors.methods),
            frozenset(name.lower() for name in cors.headers),
            ", ".join(cors.expose).encode(),
            cors.credentials,
            cors.max_age,
        )

    def check(self, origin: bytes, method: str) -> None:
        """Raises `GatewayError` CORS_ORIGIN_NOT_ALLOWED, CORS_METHOD_NOT_ALLOWED."""
        if ANY not in self.origins and origin.decode("latin-1") not in self.origins:
            raise refused()
        if method not in self.methods:
            raise _refusal(errors.CORS_METHOD_NOT_ALLOWED, "Pages of this origin may not call this alias so.")

    def answer(self, origin: bytes) -> Headers:
        """What goes with the answer to a call of `origin`, which has been checked."""
        headers = self._origin(origin)
        if self.expose:
            headers[b"access-control-expose-headers"] = self.expose
        return headers

    def preflight(self, origin: bytes, method: bytes, asked: bytes | None) -> Headers:
        """What a preflight is answered. Raises as `check` does, and CORS_HEADER_NOT_ALLOWED."""
        self.check(origin, method.decode("latin-1"))
        headers = {**_PREFLIGHT_VARY, **self._origin(origin), _ALLOW + b"methods": method}
        if asked:
            names = [name.strip().lower() for name in asked.decode("latin-1").split(",")]
            if ANY not in self.headers and not self.headers.issuperset(names):
                raise _refusal(
                    errors.CORS_HEADER_NOT_ALLOWED, "Pages of this origin may not send all of these headers."
                )
            headers[_ALLOW + b"headers"] = asked
        headers[b"access-control-max-age"] = b"%d" % self.max_age
        return headers

    def _origin(self, origin: bytes) -> Headers:
        if self.credentials:  # which never stand beside a wildcard: `resources.check_cors`
            return {_ALLOW + b"origin": origin, _ALLOW + b"credentials": b"true"}
        return {_ALLOW + b"origin": b"*" if ANY in self.origins else origin}


def refused() -> GatewayError:
    """The same for every preflight that is not permitted: which aliases there are is nobody's business."""
    return _refusal(errors.CORS_ORIGIN_NOT_ALLOWED, "Pages of this origin may not call this alias.")


def without(headers: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """An upstream's headers without what it says to other origins: the rule is ours."""
    return [item for item in headers if not item[0].startswith(b"access-control-")]


def _refusal(kind: ErrorKind, message: str) -> GatewayError:
    return GatewayError(kind, message)
