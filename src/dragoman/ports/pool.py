"""The endpoints of one upstream."""

from collections.abc import Sequence
from typing import Protocol

from dragoman.policy.balance import EndpointStatus
from dragoman.ports.upstream import Upstream


class Pool(Upstream, Protocol):
    """An upstream at one endpoint or several, each with a breaker.

    `open` and `upgrade` choose the endpoint, and raise CIRCUIT_BREAKER_OPEN, MISSING_TARGET_HOST and
    UNKNOWN_TARGET_HOST beside the errors of any upstream.
    """

    def start(self) -> None:
        """Begins the health checks, if there are any; `close` ends them."""
        ...

    def available(self) -> bool:
        """Whether any endpoint may be called."""
        ...

    def status(self) -> Sequence[EndpointStatus]: ...
