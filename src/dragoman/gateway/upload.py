"""A request body on its way to an upstream, as it arrives."""

from collections.abc import AsyncIterator

from dragoman import errors
from dragoman.errors import GatewayError
from dragoman.gateway.call import Call
from dragoman.ports import Reply, Upstream, UpstreamRequest


class Upload:
    """Streams a call's body under its limits, and remembers what went wrong on the caller's side.

    The upstream's client reads it in a task of its own; the deadlines strike the call's task.
    """

    __slots__ = ("_call", "_first_byte", "_limit", "_timeout", "answered", "failure")

    def __init__(self, call: Call, limit: int, timeout: float, first_byte: float) -> None:
        self._call = call
        self._limit = limit
        self._timeout = timeout
        self._first_byte = first_byte
        self.answered = False
        """Whether the upstream has answered; an upload that goes on after that sets no deadline."""
        self.failure: GatewayError | None = None

    async def parts(self) -> AsyncIterator[bytes]:
        try:
            async for part in self._call.stream(self._limit, self._timeout):
                yield part
        except GatewayError as error:
            self.failure = error
            raise
        if not self.answered:
            self._call.watch.phase(errors.REQUEST_TIMEOUT, self._first_byte)


async def send(call: Call, upstream: Upstream, request: UpstreamRequest, upload: Upload | None) -> Reply:
    """Sends a request and returns the answer's head; a caller's fault in its body is raised as such.

    It would else reach us as the failure of the upstream connection that was reading the body.
    """
    try:
        return await call.watch.guard(upstream.open(request))
    except GatewayError:
        if upload is not None and upload.failure is not None:
            raise upload.failure from None
        raise
    finally:
        if upload is not None:
            upload.answered = True
