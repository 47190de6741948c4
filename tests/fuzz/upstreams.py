"""What an upstream sends: the same answer as a stream and finished, and whole events in odd wrappings.

What is drawn in a composite is made outside of it: made anew for each draw, a strategy costs more than its value.
"""

import json
from dataclasses import dataclass
from typing import Any, Final

from hypothesis import strategies as st

Json = dict[str, Any]

_MARKS: Final = "aäZ9 \n\t\r\"'\\/{}[]:,\x00\x7f\u2028\ufeff\ufffd🐉\U0010ffff"
WORDS: Final = st.text(_MARKS, min_size=1, max_size=9) | st.text(min_size=1, max_size=5)
"""Text that is never empty: of characters that have a meaning somewhere, or of any at all."""
NAMES: Final = st.sampled_from(["f", "look", "apply_patch", "a" * 64])
OBJECTS: Final = st.dictionaries(WORDS, st.integers() | WORDS | st.none() | st.lists(WORDS, max_size=1), max_size=2)
SIZES: Final = st.integers(1, 9)
TOKENS: Final = st.integers(0, 1000)
FLAGS: Final = st.booleans()
SELDOM: Final = st.sampled_from([False, False, True])
PERHAPS: Final = st.none() | WORDS
WORDS_OR_NOTHING: Final = WORDS | st.just("")
ARGUMENTS: Final = OBJECTS.map(json.dumps) | st.just("")
HOW_MANY: Final = st.sampled_from([0, 1, 1, 2, 3, 4])


@dataclass(frozen=True)
class Sent:
    """One answer. From its frame number `enough` on, counted from 1, the stream says that it is complete."""

    frames: tuple[bytes, ...]
    enough: int
    body: bytes

    @property
    def stream(self) -> bytes:
        return b"".join(self.frames)


@dataclass(frozen=True)
class Wrapping:
    """How a server puts its events on the wire."""

    ascii: bool
    end: bytes
    comments: bool
    named: bool

    def text(self, value: Json) -> str:
        return json.dumps(value, ensure_ascii=self.ascii)

    def frame(self, value: Json, name: str = "") -> bytes:
        head = f"event: {name}\n" if name and self.named else ""
        text = f"{head}data: {self.text(value)}\n\n"
        if self.comments:
            text = f": keep-alive\n\n{text}"
        return text.encode().replace(b"\n", self.end)


WRAPPINGS: Final = st.builds(
    Wrapping, st.booleans(), st.sampled_from([b"\n", b"\r\n"]), st.booleans(), st.sampled_from([True, True, False])
)


def pieces(text: str, size: int) -> list[str]:
    return [text[at : at + size] for at in range(0, len(text), size)]


def in_turns(many: list[list[Any]]) -> list[Any]:
    """One of each, then the next of each."""
    longest = max(map(len, many), default=0)
    return [one[at] for at in range(longest) for one in many if at < len(one)]
