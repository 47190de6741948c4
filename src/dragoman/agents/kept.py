"""What an agent's own tools gave in a run that ended with calls of its caller's tools.

The caller is told of its own calls only, and sends those back with their results. Where it says that it goes on from
that answer, what is kept here is put back beside them, so that the model sees its whole history and no tool of the
agent's runs twice. It is kept in memory, for its own key only, and the oldest goes first: what is gone is a shorter
history.
"""

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from dragoman.turn import Item, Text, ToolCall, ToolResult

MAX_ENTRIES: Final = 1000
MAX_CHARACTERS: Final = 16 * 1024 * 1024
_Step = ToolCall | ToolResult


@dataclass(frozen=True, slots=True)
class _Steps:
    before: tuple[_Step, ...]
    """Of the rounds before the last one."""
    calls: tuple[_Step, ...]
    """Beside the caller's, and their results."""
    results: tuple[_Step, ...]
    size: int


class KeptSteps:
    """By the key and the ids of the caller's calls."""

    def __init__(self, max_entries: int = MAX_ENTRIES, max_characters: int = MAX_CHARACTERS) -> None:
        self._max_entries = max_entries
        self._left = max_characters
        self._entries: OrderedDict[tuple[str, str], _Steps] = OrderedDict()
        """By the first of the caller's calls."""

    def keep(self, key_id: str, before: Iterable[Item], after: Iterable[Item], calls: tuple[ToolCall, ...]) -> None:
        """The steps that a run which ended with `calls` added to the items that it began with."""
        known = {item.call_id for item in before if isinstance(item, ToolCall)}
        theirs = {call.call_id for call in calls}
        steps = [item for item in after if isinstance(item, ToolCall | ToolResult) and item.call_id not in known]
        first = next(place for place, step in enumerate(steps) if step.call_id in theirs)
        last = first
        while first and isinstance(steps[first - 1], ToolCall):
            first -= 1
        while last < len(steps) and isinstance(steps[last], ToolCall):
            last += 1
        beside = tuple(step for step in steps[first:last] if step.call_id not in theirs)
        if not (first or beside):
            return
        self._put((key_id, calls[0].call_id), _steps(tuple(steps[:first]), beside, tuple(steps[last:])))

    def restore(self, key_id: str, items: tuple[Item, ...]) -> tuple[Item, ...]:
        """A history with what was kept of it."""
        restored: list[Item] = []
        results: tuple[_Step, ...] = ()
        for item in items:
            if not isinstance(item, ToolCall):
                restored += results
                results = ()
            elif (steps := self._entries.get((key_id, item.call_id))) is not None:
                restored += (*steps.before, *steps.calls)
                results = steps.results
            restored.append(item)
        return (*restored, *results)

    def _put(self, key: tuple[str, str], steps: _Steps) -> None:
        self._entries[key] = steps
        self._left -= steps.size
        while self._left < 0 or len(self._entries) > self._max_entries:
            _, gone = self._entries.popitem(last=False)
            self._left += gone.size


def _steps(before: tuple[_Step, ...], calls: tuple[_Step, ...], results: tuple[_Step, ...]) -> _Steps:
    texts = (
        step.arguments if isinstance(step, ToolCall) else "".join(p.text for p in step.parts if isinstance(p, Text))
        for step in (*before, *calls, *results)
    )
    return _Steps(before, calls, results, sum(map(len, texts)))
