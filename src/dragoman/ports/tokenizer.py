"""What counts tokens."""

from collections.abc import Sequence
from typing import Protocol


class Tokenizer(Protocol):
    """Tells how many tokens texts may have for a model. It is called in the midst of calls: what it does is bounded."""

    def count(self, texts: Sequence[str]) -> float: ...
