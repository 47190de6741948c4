"""What a gateway says of itself."""

import msgspec


class Status(msgspec.Struct, frozen=True):
    """The outbound status; `uptime` in seconds."""

    status: str
    version: str
    uptime: float
    registered_aliases: tuple[str, ...]
