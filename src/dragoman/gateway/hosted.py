"""An agent of this process, and what it runs under."""

from dataclasses import dataclass

from dragoman.ports import Agent, Timeouts
from dragoman.upstreams.in_process import InProcessUpstream, Opening


@dataclass(frozen=True, slots=True)
class Hosted:
    """One agent; `opening` gives its runs their access to the gateway."""

    agent: Agent
    timeouts: Timeouts
    opening: Opening

    def upstream(self, name: str) -> InProcessUpstream:
        return InProcessUpstream(name, self.agent, self.timeouts, self.opening)
