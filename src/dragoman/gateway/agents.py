"""The agents that this process serves: given in Python, and named in the configuration.

A name of the configuration is imported when the configuration is read, so that a reload finds new ones. What has been
imported once stays as it is until a restart.
"""

import asyncio
import importlib
import sys
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from functools import partial
from pathlib import Path
from typing import Final

import structlog

from dragoman.config import AgentConfig, AgentTimeouts, Config, check_name, model_of
from dragoman.errors import ConfigError
from dragoman.gateway.hosted import Hosted
from dragoman.gateway.inside import Inside
from dragoman.ports import Agent
from dragoman.upstreams.in_process import InProcessUpstream

SURFACES: Final = ("/chat/completions", "/responses", "/health", "/capabilities")
"""Paths below an agent's name that are the gateway's."""
CLOSING: Final = 5.0
"""Seconds that an agent has to close."""
_log = structlog.get_logger("dragoman")


class Roster:
    """Finds the agents of a configuration. Raises `ConfigError` for one that cannot be served."""

    def __init__(self, given: Sequence[object], inside: Inside, directory: Path) -> None:
        """`directory` is where modules may be that are not installed."""
        self._inside = inside
        self._directory = directory
        self._given: dict[str, Agent] = {}
        self._served: dict[int, Agent] = {}
        """Every one that was ever found, by its identity; some may be the same."""
        for one in given:
            agent = _agent("agents", one)
            at = f"agents.{agent.name}"
            check_name(at, agent.name)
            if agent.name in self._given:
                raise ConfigError(at, "two agents have this name")
            self._given[agent.name] = agent

    def hosted(self, config: Config) -> dict[str, Hosted]:
        """Every agent, by its name."""
        found = {name: self._host(name, agent, (), AgentTimeouts()) for name, agent in self._given.items()}
        for name, item in config.agents.items():
            if name in found:
                raise ConfigError(f"agents.{name}", "an agent of this name was given in Python already")
            agent = _load(f"agents.{name}.object", item, self._directory)
            found[name] = self._host(name, agent, item.models, item.timeouts)
        return found

    async def close(self) -> None:
        """Closes them, once nothing of them runs any more."""
        for agent in self._served.values():
            try:
                async with asyncio.timeout(CLOSING):
                    await agent.close()
            except Exception:  # noqa: BLE001 - the author's code may raise anything
                _log.exception("agent not closed", agent=agent.name)

    def _host(self, name: str, agent: Agent, models: tuple[str, ...], timeouts: AgentTimeouts) -> Hosted:
        for endpoint in agent.card.endpoints:
            if endpoint.path in SURFACES or not endpoint.path.startswith("/"):
                message = f"its endpoint {endpoint.path!r} cannot be served"
                raise ConfigError(f"agents.{name}", message, f"a path that begins with / and is none of {SURFACES}")
        self._served[id(agent)] = agent
        return Hosted(agent, timeouts.parts(), partial(self._inside.open, name, models))


def upstreams(hosted: Mapping[str, Hosted]) -> dict[str, InProcessUpstream]:
    """What answers for them, by the model that each is asked as."""
    return {model_of(name): one.upstream(name) for name, one in hosted.items()}


def _load(at: str, config: AgentConfig, directory: Path) -> Agent:
    name, _, path = config.object.partition(":")
    place = str(directory.absolute())
    if place not in sys.path:
        sys.path.insert(0, place)
    importlib.invalidate_caches()  # a file may be newer than the last look at its directory
    try:
        found: object = importlib.import_module(name)
    except ModuleNotFoundError as error:
        missing = error.name or ""
        if name == missing or name.startswith(f"{missing}."):
            hint = "run dragoman in the directory that has it, or install it"
            raise ConfigError(at, f"there is no module {missing!r}", hint) from None
        raise ConfigError(at, f"{name!r} needs {missing!r}, which is not installed") from None
    except Exception as error:  # the operator's module may raise anything while it is imported
        raise ConfigError(at, f"{name!r} cannot be imported: {type(error).__name__}: {error}") from error
    for part in path.split("."):
        try:
            found = getattr(found, part)
        except AttributeError:
            close = get_close_matches(part, dir(found), n=1)
            hint = f"did you mean {close[0]!r}?" if close else ""
            raise ConfigError(at, f"there is no {part!r} in {name!r}", hint) from None
    return _agent(at, found)


def _agent(at: str, found: object) -> Agent:
    if isinstance(found, Agent) and not isinstance(found, type):
        return found
    raise ConfigError(at, f"{type(found).__name__!r} is no agent", "dragoman.from_callable(...) makes one of it")
