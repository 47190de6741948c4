"""What an answer is rendered for, in the tests."""

from collections.abc import Callable

from dragoman.dialects.base import Setting
from dragoman.turn import Thinking, Turn


def numbered() -> Callable[[str], str]:
    """Ids that count up."""
    given: list[str] = []

    def new_id(prefix: str) -> str:
        given.append(prefix)
        return f"{prefix}{len(given)}"

    return new_id


def asked(*, hidden: bool = False, estimate: int = 0) -> Setting:
    turn = Turn(model="fast", thinking=Thinking(hidden=hidden))
    return Setting(turn, numbered(), 1700000000, input_estimate=estimate)
