"""An upstream's answer on its way to the caller, and to a tally as well."""

from dragoman.dialects.tally import Tally
from dragoman.ports import Headers, Reply


class Overheard:
    """A reply whose bytes are also counted, for the case that the upstream does not report its usage."""

    __slots__ = ("_reply", "_tally", "headers", "status")

    def __init__(self, reply: Reply, tally: Tally) -> None:
        self._reply = reply
        self._tally = tally
        self.status: int = reply.status
        self.headers: Headers = reply.headers

    async def read(self) -> bytes:
        data = await self._reply.read()
        self._tally.receive(data)
        return data

    def close(self) -> None:
        self._reply.close()
