"""`[models]`: public names, and the routes that they stand for."""

from collections.abc import Collection, Mapping
from dataclasses import replace
from difflib import get_close_matches

from dragoman.config.agents import PREFIX, AgentConfig
from dragoman.config.commands import CommandConfig
from dragoman.config.numbers import check_limit, check_timeouts
from dragoman.config.sections import Limited, TimeoutsConfig
from dragoman.config.upstreams import UpstreamConfig
from dragoman.errors import ConfigError
from dragoman.policy import admission
from dragoman.policy.routing import Route, Target, is_glob


class ModelConfig(Limited, frozen=True, kw_only=True):
    """A public model name: where it goes and what may stand in."""

    upstream: str
    """An entry of `[upstreams]`."""
    model: str = ""
    """The upstream's own name; default the name asked for."""
    fallback: tuple[str, ...] = ()
    """`upstream/model` each, tried in order until the first content."""
    timeouts: TimeoutsConfig | None = None
    """Deadlines of this route instead of its upstreams'."""
    strict: bool = False
    """Whether a call that cannot be translated without loss is refused with a 400."""
    allow_unknown: bool = False
    """Whether a translation drops parameters that the upstream does not know, with a loss, instead of refusing them."""


Answerer = UpstreamConfig | CommandConfig | AgentConfig
"""What a model may go to."""


def route(name: str, value: str | ModelConfig, upstreams: Mapping[str, Answerer]) -> Route:
    """`upstreams` by the names that routes have for them: `agent/NAME` for an agent. Raises `ConfigError`."""
    at = f"models.{name}"
    if isinstance(value, str):
        target = _target(at, value, upstreams)
        _check_pattern(at, name, target.model)
        return Route((target,))
    _check_pattern(f"{at}.model", name, value.model)
    known(f"{at}.upstream", value.upstream, upstreams)
    timeouts = None
    if value.timeouts is not None:
        check_timeouts(at, value.timeouts)
        timeouts = value.timeouts.parts()
    check_limit(at, value.rate_limit)
    limits = admission.bounds("model", name, value.rate_limit, value.concurrency)
    first = Target(value.upstream, value.model, timeouts, value.strict, value.allow_unknown, limits)
    rest = tuple(
        replace(
            _target(f"{at}.fallback", text, upstreams),
            timeouts=timeouts,
            strict=value.strict,
            allow_unknown=value.allow_unknown,
            bounds=limits,
        )  # fmt: skip
        for text in value.fallback
    )
    for target in rest:
        upstream = upstreams[target.upstream]
        if isinstance(upstream, UpstreamConfig) and upstream.credential == "caller":
            message = f"{target.upstream!r} takes the caller's own credential, which goes to one upstream only"
            raise ConfigError(f"{at}.fallback", message, "give that upstream a credential of its own")
    return Route((first, *rest))


def _check_pattern(at: str, name: str, model: str) -> None:
    if is_glob(name) and model:
        raise ConfigError(at, "a pattern hands on the name asked for", "give each name its own entry")


def _target(at: str, text: str, upstreams: Collection[str]) -> Target:
    upstream, _, model = text.partition("/")
    if upstream == PREFIX:
        known(at, text, upstreams)
        return Target(text, text)
    known(at, upstream, upstreams)
    return Target(upstream, model)


def known(at: str, name: str, upstreams: Collection[str]) -> None:
    if name not in upstreams:
        close = get_close_matches(name, upstreams, n=1)
        hint = f"did you mean {close[0]!r}?" if close else "define [upstreams." + name + "]"
        raise ConfigError(at, f"no upstream {name!r}", hint)
