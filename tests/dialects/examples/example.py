"""An example of a row: what a caller says, and what becomes of it on the way to an upstream of another dialect."""

from dataclasses import dataclass
from typing import Any, Final

from dragoman.dialects.mapping import Fate, Field
from dragoman.turn import Dialect

Json = dict[str, Any]
Pair = tuple[Dialect, Dialect]

LETTERS: Final[dict[str, Dialect]] = {"c": "chat", "r": "responses", "m": "messages"}
LEAST: Final[dict[Dialect, Json]] = {
    "chat": {"model": "m", "max_completion_tokens": 64, "messages": [{"role": "user", "content": "Hi"}]},
    "responses": {"model": "m", "max_output_tokens": 64, "input": "Hi"},
    "messages": {"model": "m", "max_tokens": 64, "messages": [{"role": "user", "content": "Hi"}]},
}
"""The least request in each dialect; an example says something over it."""


@dataclass(frozen=True)
class Example:
    """`given` goes over the least request of the caller's dialect; `sent` over what an upstream gets for that one, and
    for `beside` if there is any.

    `param` is what a loss or a 400 names, the field's own name if empty. `row` is a part of what its row says, where
    the field has several of one fate; "=" means the one that nothing is told of.
    """

    field: Field
    fate: Fate
    pair: Pair
    given: Json
    sent: Json
    param: str
    row: str
    quirks: Json
    beside: Json


def example(
    field: Field,
    fate: Fate,
    pairs: str,
    given: Json,
    sent: Json | None = None,
    *,
    param: str = "",
    row: str = "",
    quirks: Json | None = None,
    beside: Json | None = None,
) -> list[Example]:
    """One for each of the pairs, written as `c>r m>r`."""
    return [
        Example(
            field, fate, (LETTERS[source], LETTERS[target]), given, sent or {}, param, row, quirks or {}, beside or {}
        )
        for source, target in (pair.split(">") for pair in pairs.split())
    ]
