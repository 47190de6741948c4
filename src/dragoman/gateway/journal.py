"""What a job has finished of its work, kept among the events of its output.

A note stands between the events of the response and is none of them: it begins with a mark that no JSON begins with.
"""

from collections.abc import Iterable
from contextlib import aclosing
from typing import Final

import msgspec

from dragoman.ports import JobRun, Jobs

_MARK: Final = b"step "


class _Note(msgspec.Struct, array_like=True):
    step: str
    outcome: str


_parse: Final = msgspec.json.Decoder(_Note).decode


class JobJournal:
    """`ports.Journal` of one job; `kept` is its output so far."""

    def __init__(self, run: JobRun, kept: Iterable[bytes]) -> None:
        self._run = run
        notes = (_parse(data[len(_MARK) :]) for data in kept if is_note(data))
        self._known = {note.step: note.outcome for note in notes}

    def recall(self, step: str) -> str | None:
        return self._known.get(step)

    async def note(self, step: str, outcome: str) -> None:
        self._known[step] = outcome
        await self._run.append(_MARK + msgspec.json.encode(_Note(step, outcome)))
        await self._run.stored()


def is_note(data: bytes) -> bool:
    return data.startswith(_MARK)


async def output_of(jobs: Jobs, run: JobRun) -> list[bytes]:
    """What earlier attempts have put out."""
    kept: list[bytes] = []
    if run.recorded:
        async with aclosing(jobs.events(run.id)) as events:
            async for number, data in events:
                kept.append(data)
                if number + 1 >= run.recorded:
                    break
    return kept
