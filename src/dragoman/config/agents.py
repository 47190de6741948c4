"""`[agents.NAME]`: an agent of this process, served as the model `agent/NAME`."""

import re
from typing import Final

from dragoman.config.numbers import check_limit, check_numbers
from dragoman.config.sections import Limited, Section
from dragoman.errors import ConfigError
from dragoman.policy.routing import Timeouts

PREFIX: Final = "agent"
"""What the names of their models begin with."""
_OBJECT: Final = re.compile(r"[^\W\d]\w*(?:\.[^\W\d]\w*)*:[^\W\d]\w*(?:\.[^\W\d]\w*)*")


class AgentTimeouts(Section, frozen=True, kw_only=True):
    """Deadlines of one run, in seconds: it may call models and tools before it says anything."""

    first_byte: float = 300.0
    """From its start to its first content."""
    idle: float = 300.0
    """The longest silence after that."""
    total: float | None = None
    """Over the whole run."""

    def parts(self) -> Timeouts:
        return Timeouts(0.0, self.first_byte, self.idle, self.total)


class AgentConfig(Limited, frozen=True, kw_only=True):
    """An agent of this process, served as the model `agent/NAME` and under `/NAME/`."""

    object: str
    """Where it is: `module:attribute`, importable from the working directory or installed."""
    models: tuple[str, ...] = ()
    """Models, as patterns, that it may ask on behalf of a key whose own scope does not reach them."""
    timeouts: AgentTimeouts = AgentTimeouts()
    """Deadlines of its runs."""

    def check(self, at: str) -> None:
        """Raises `ConfigError`; `at` is the key of its table."""
        if not _OBJECT.fullmatch(self.object):
            raise ConfigError(f"{at}.object", f"{self.object!r} names no object", 'object = "my_agents:assistant"')
        check_numbers(f"{at}.timeouts", self.timeouts, more_than_0=("first_byte", "idle", "total"))
        check_limit(at, self.rate_limit)


def model_of(agent: str) -> str:
    """The model that an agent is asked as, and its upstream; no upstream of the file can have a slash in its name."""
    return f"{PREFIX}/{agent}"
