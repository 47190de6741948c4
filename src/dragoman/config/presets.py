"""What the `profile` of a command stands for: settings that are there unless the file says otherwise.

A profile may reach beyond its own upstream, into the names of models or the form of errors.
"""

from collections.abc import Mapping
from typing import Any, Final, Literal, get_args

from dragoman.errors import ConfigError
from dragoman.policy.precedence import Layer

Name = Literal["claude-json"]
NAMES: Final[tuple[Name, ...]] = get_args(Name)

Values = dict[str, Any]
"""As TOML has them."""


def below(upstreams: Mapping[str, Any]) -> list[Layer]:
    """The layers of all profiles that upstreams have; they belong under every other. Raises `ConfigError`."""
    layers = []
    for name, item in upstreams.items():
        profile = item.get("profile") if isinstance(item, Mapping) and "command" in item else None
        if profile is None:
            continue
        if profile not in NAMES:
            hint = f"known here: {', '.join(NAMES)}"
            raise ConfigError(f"upstreams.{name}.profile", f"no profile {profile!r} of a command", hint)
        layers.append(Layer(f"profile {profile}", _claude_json(name)))
    return layers[::-1]  # of two, the first in the file is to win


def _claude_json(name: str) -> Values:
    """Claude Code as one careful endpoint: one run at a time, none waiting, each answer whole."""
    models = ["haiku", "sonnet", "opus"]
    return {
        "server": {"default_model": "sonnet", "error_style": "flat"},
        "upstreams": {
            name: {
                "adapter": "claude-cli",
                "output": "json",
                "prompt_via": "argv",
                "system_prompt": "prompt",
                "models": models,
                "default_model": "sonnet",
                "max_concurrency": 1,
                "max_queue": 0,
            }
        },
        "models": {model: f"{name}/{model}" for model in models},
        "jobs": {"when_busy": "refuse"},
    }
