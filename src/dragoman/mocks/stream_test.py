"""A stream of four events with ids and types, one of them with two data lines; then a plain end."""

from typing import Final

from dragoman.mocks.answer import Answer, Frame, Streamed, plain_error
from dragoman.mocks.request import Request

PACE: Final = 0.1
_FRAMES: Final = (
    Frame("First event", "message", "1"),
    Frame("Second event", "update", "2"),
    Frame("Third event with\nmultiple lines", "message", "3"),
    Frame("Final event", "complete", "4", part="finish"),
)


def answer(request: Request) -> Answer:
    """Any path with `events` in it, else 404."""
    if "events" not in "/".join(request.rest):
        return plain_error(404, "Not found")
    return Streamed(_FRAMES, PACE, lambda text: Frame(text, "message"))
