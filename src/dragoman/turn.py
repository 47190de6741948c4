"""The neutral vocabulary of one model call: what is asked and what it used.

Nothing here belongs to a dialect. Fields that only one dialect has stay in its own wire form.
"""

import msgspec


class Usage(msgspec.Struct, frozen=True, omit_defaults=True):
    """Tokens of one call. `input_tokens` includes those read from or written to a cache,
    `output_tokens` includes reasoning."""

    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0
    cache_write_tokens: int = 0
    reasoning_tokens: int = 0

    @property
    def total_tokens(self) -> int:
        return self.input_tokens + self.output_tokens


class Turn(msgspec.Struct, frozen=True):
    """What routing and accounting need to know of a model call, whatever its dialect."""

    model: str
    stream: bool = False
