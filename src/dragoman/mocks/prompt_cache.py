"""Anthropic's prompt cache as far as usage shows it: a prefix is written when first seen, read after that."""

import hashlib
from collections.abc import Iterable
from typing import Final

_MAX_PREFIXES: Final = 1000


class PromptCache:
    """The prefixes seen, bounded; they do not expire, and the shortest is worth it."""

    def __init__(self) -> None:
        self._seen: dict[bytes, None] = {}

    def use(self, parts: Iterable[tuple[bytes, int]]) -> tuple[int, int]:
        """The tokens written and the tokens read, for a prefix of parts with so many tokens each.

        What an earlier prefix had in common is read, the rest is written.
        """
        digest, key, total, read = hashlib.sha256(), b"", 0, 0
        for data, tokens in parts:
            digest.update(hashlib.sha256(data).digest())
            key, total = digest.digest(), total + tokens
            if key in self._seen:
                read = total
        if key:
            self._seen[key] = None
        while len(self._seen) > _MAX_PREFIXES:
            del self._seen[next(iter(self._seen))]
        return total - read, read

    def reset(self) -> None:
        """Forgets every prefix."""
        self._seen.clear()
