"""From the model a caller names to the upstreams that may answer, in order.

Names resolve in this order: an exact name of `[models]`; a first segment that is an upstream with
`direct = true`, the rest taken verbatim, slashes included; the longest glob; else 404 with suggestions.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from fnmatch import fnmatchcase
from typing import Final

from dragoman import errors
from dragoman.errors import GatewayError
from dragoman.policy.admission import Bounds
from dragoman.policy.keys import Key

RETRY_STATUS: Final = frozenset((408, 425, 429, 500, 502, 503, 504, 529))
"""Answers after which the next upstream is asked: busy or broken, not a fault of the request."""


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Deadlines of one upstream call, in seconds; `None` means none.

    `first_byte` runs from the request being sent to the first byte of the answer's head or, for a
    model stream, to its first content; `idle` is the longest silence after it.
    """

    connect: float = 5.0
    first_byte: float = 120.0
    idle: float = 120.0
    total: float | None = None


@dataclass(frozen=True, slots=True)
class Target:
    """One upstream that may answer, and its own name for the model."""

    upstream: str
    model: str
    timeouts: Timeouts | None = None
    """The route's own deadlines; None for the upstream's."""
    strict: bool = False
    """Whether a translation that loses anything is refused."""
    allow_unknown: bool = False
    """Whether a translation drops parameters that the upstream does not know."""
    bounds: tuple[Bounds, ...] = ()
    """The limits of the public name."""

    @property
    def name(self) -> str:
        """An agent is the only model of its upstream, and has the same name."""
        return self.model if self.model == self.upstream else f"{self.upstream}/{self.model}"


@dataclass(frozen=True, slots=True)
class Route:
    """What one public name stands for. An empty `model` takes over the name that was asked for."""

    targets: tuple[Target, ...]

    def resolve(self, asked: str) -> tuple[Target, ...]:
        return tuple(t if t.model else replace(t, model=asked) for t in self.targets)


class RouteTable:
    """All routes of one configuration."""

    def __init__(self, models: Mapping[str, Route], direct: Sequence[str], default_upstream: str | None) -> None:
        self.exact = {name: route for name, route in models.items() if not is_glob(name)}
        globs = [(name, route) for name, route in models.items() if is_glob(name)]
        self.globs = sorted(globs, key=lambda item: len(item[0]), reverse=True)
        self.direct = frozenset(direct)
        self.default_upstream = default_upstream
        """Where calls without a model go, such as `/v1/files`."""

    def plan(self, asked: str, key: Key) -> tuple[Target, ...]:
        """The targets to try, best first. Raises `GatewayError` MODEL_NOT_FOUND or PERMISSION_DENIED.

        A key must be permitted the name asked for and each name it resolves to; naming a public model
        literally in a key's scope grants what that model stands for.
        """
        route = self.find(asked)
        if not key.permits_model(asked):
            raise GatewayError(errors.PERMISSION_DENIED, f"This key may not use the model {asked!r}.", param="model")
        if route is None:
            supported = tuple(name for name in self.exact if key.permits_model(name))
            message = self._unknown(asked, supported)
            raise GatewayError(errors.MODEL_NOT_FOUND, message, param="model", extra={"supported": supported})
        targets = route.resolve(asked)
        if asked in key.models and asked in self.exact:
            return targets
        permitted = tuple(t for t in targets if key.permits_model(t.model) or key.permits_model(t.name))
        if not permitted:
            message = f"This key may not use what the model {asked!r} stands for."
            raise GatewayError(errors.PERMISSION_DENIED, message, param="model")
        return permitted

    def find(self, asked: str) -> Route | None:
        route = self.exact.get(asked)
        if route is not None:
            return route
        upstream, slash, model = asked.partition("/")
        if slash and model and upstream in self.direct:
            return Route((Target(upstream, model),))
        for pattern, route in self.globs:
            if fnmatchcase(asked, pattern):
                return route
        return None

    def _unknown(self, asked: str, known: Sequence[str]) -> str:
        message = f"The model {asked!r} does not exist."
        close = get_close_matches(asked, known, n=3, cutoff=0.5)
        if close:
            message += " Did you mean " + " or ".join(repr(name) for name in close) + "?"
        return message


def is_glob(name: str) -> bool:
    return any(mark in name for mark in "*?[")
