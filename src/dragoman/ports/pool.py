"""The endpoints of one upstream."""

from collections.abc import Sequence
from typing import Protocol

from dragoman.policy.balance import EndpointStatus
from dragoman.ports.upstream import Upstream


class Pool(Upstream, Protocol):
    """An upstream at one endpoint or several, each with a breaker.

    `open` and `upgrade` choose the endpoint, and raise CIRCUIT_BREAKER_OPEN and what `check` does beside the errors
    of any upstream.
    """

    def check(self, host: str | None) -> None:
        """Whether there is an endpoint for a call that names `host`, or none.

        Raises `GatewayError` MISSING_TARGET_HOST, UNKNOWN_TARGET_HOST.
        """
        ...

    def start(self) -> None:
        """Begins the health checks, if there are any; `close` ends them."""
        ...

    def available(self) -> bool:
        """Whether any endpoint may be called."""
        ...

    def status(self) -> Sequence[EndpointStatus]: ...
