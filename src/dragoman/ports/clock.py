"""What time it is."""

from typing import Protocol


class Clock(Protocol):
    """`now` is Unix time in seconds, `monotonic` never goes back."""

    def now(self) -> float: ...

    def monotonic(self) -> float: ...
