"""Anthropic's prompt cache as far as usage shows it: a prefix is written when first seen, read after that."""

import hashlib
from typing import Final

_MAX_PREFIXES: Final = 1000


class PromptCache:
    """The prefixes seen, bounded; they do not expire, and the shortest is worth it."""

    def __init__(self) -> None:
        self._seen: dict[bytes, None] = {}

    def use(self, prefix: bytes, tokens: int) -> tuple[int, int]:
        """The tokens written and the tokens read for a prefix of so many tokens."""
        if not tokens:
            return 0, 0
        key = hashlib.sha256(prefix).digest()
        if key in self._seen:
            return 0, tokens
        self._seen[key] = None
        while len(self._seen) > _MAX_PREFIXES:
            del self._seen[next(iter(self._seen))]
        return tokens, 0

    def reset(self) -> None:
        """Forgets every prefix."""
        self._seen.clear()
