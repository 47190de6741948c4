"""Who may use what of an agent: `all` < `owner` < `admin`, and names of your own, which are held or not."""

from collections.abc import Iterable
from typing import Final

EVERYONE: Final = "all"
_RANKS: Final = ("all", "owner", "admin")

Scope = str | tuple[str, ...]
"""What a tool, prompt, hook or endpoint asks for: one name, or any of several."""


def holds(given: Iterable[str]) -> frozenset[str]:
    """What a caller with these scopes has: a rank includes those below it."""
    held = {EVERYONE, *given}
    highest = max(rank for rank, name in enumerate(_RANKS) if name in held)
    return frozenset(held.union(_RANKS[: highest + 1]))


def permits(asked: Scope, held: frozenset[str]) -> bool:
    """Whether a caller who `holds` these may use what asks for `asked`."""
    return any(name in held for name in ((asked,) if isinstance(asked, str) else asked))
