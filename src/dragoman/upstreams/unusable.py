"""`ports.Upstream` that cannot be called: its secret is missing, or the operator has taken back a permission.

An upstream that the API has made must not keep the gateway from starting, so its calls are told instead.
"""

from dragoman.errors import GatewayError
from dragoman.ports import Reply, Timeouts, Upgraded, UpstreamRequest


class UnusableUpstream:
    """Answers every call with `reason`."""

    def __init__(self, name: str, reason: GatewayError) -> None:
        self.name = name
        self.timeouts = Timeouts()
        self._reason = reason

    async def open(self, request: UpstreamRequest) -> Reply:
        raise self._again()

    async def upgrade(self, request: UpstreamRequest, protocol: str) -> Upgraded:
        raise self._again()

    def redact(self, text: bytes) -> bytes:
        return text

    @property
    def reach(self) -> int:
        return 0

    async def close(self) -> None:
        return

    def _again(self) -> GatewayError:
        """A new one each time: an exception keeps the frames that it was raised through."""
        return GatewayError(self._reason.kind, self._reason.message)
