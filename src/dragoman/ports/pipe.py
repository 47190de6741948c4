"""An open way of bytes, once a call has left HTTP."""

from typing import Protocol


class Receiver(Protocol):
    """Whoever takes the bytes of a connection that has left HTTP behind; called by the event loop."""

    def receive(self, data: bytes) -> None: ...

    def writable(self) -> None:
        """There is room again for what we send."""
        ...

    def lose(self) -> None:
        """The connection is gone; nothing is called after it."""
        ...


class Pipe(Protocol):
    """Our end of such a connection. After `close` nothing more is received."""

    @property
    def congested(self) -> bool:
        """Whether the peer does not keep up with what we send."""
        ...

    def write(self, data: bytes) -> None: ...

    async def drain(self) -> None:
        """Returns once there is room again, or the connection is gone."""
        ...

    def pause_reading(self) -> None: ...

    def resume_reading(self) -> None: ...

    def close(self) -> None:
        """Ends the connection once what was written is sent, or the peer has had some seconds to take it."""
        ...

    def abort(self) -> None:
        """Drops the connection at once."""
        ...
