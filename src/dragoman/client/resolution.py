"""Where a call would go."""

import msgspec


class Resolution(msgspec.Struct, frozen=True):
    """The upstream behind an alias, and the path and query below its base URL."""

    alias: str
    upstream: str
    method: str
    path: str
