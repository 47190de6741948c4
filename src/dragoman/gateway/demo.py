"""The demo's configuration: mock upstreams only, so that anyone can try everything without an account."""

import sys
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from dragoman.config import Layer, Tree
from dragoman.gateway.settings import ADMIN_KEY, Settings
from dragoman.mocks import fake_cli

KEPT: Final = (ADMIN_KEY, "DRAGOMAN_SERVER__", "DRAGOMAN_LOG__", "BIND_ADDR", "NO_COLOR", "TERM")
"""Beginnings of the names that a demo heeds in the environment; the rest could reach real upstreams or keys."""
MODELS: Final = ("gpt-4o-mini", "gpt-4", "gpt-3.5-turbo")
PATTERNS: Final = (
    "text-embedding-*",
    "whisper-*",
    "tts-*",
    "omni-moderation-*",
    "gpt-image-*",
    "dall-e-*",
    "*-instruct",
)
EVERY_HEADER: Final = {"request": {"passthrough": "all"}}
FAKE: Final = "fake-claude"
"""A command-line agent that asks no model."""
ASSISTANT: Final = "dragoman.gateway.demo_agent:assistant"
NEEDED: Final = ("pydantic", "griffe")
"""What an agent needs; a demo without them has none."""
SERVICES: Final = ("openai", "github", "weather", "calculator", "stream-test")


def layer(mock_url: str) -> Layer:
    """The layer that stands for a configuration file; `mock_url` is the base of the mock upstreams."""
    values: Tree = {
        "upstreams": {
            "mock-chat": {"base_url": f"{mock_url}/v1", "direct": True},
            "mock-responses": {
                "base_url": f"{mock_url}/only/responses/v1",
                "dialects": ["responses"],
                "direct": True,
            },
            "mock-messages": {
                "base_url": f"{mock_url}/only/messages/v1",
                "dialects": ["messages"],
                "profile": "anthropic",
                "direct": True,
            },
        },
        "models": {name: f"mock-chat/{name}" for name in MODELS} | {FAKE: f"{FAKE}/sonnet"},
        "aliases": {name: {"base_url": f"{mock_url}/{name}", "headers": EVERY_HEADER} for name in SERVICES},
    }
    values["models"] |= dict.fromkeys(PATTERNS, "mock-chat")
    for item in (*values["upstreams"].values(), *values["aliases"].values()):
        item["breaker"] = False  # mocks fail when they are asked to, and are to do so each time
    values["upstreams"][FAKE] = {
        "command": sys.executable,
        "args": ["-IS", fake_cli.__file__, "claude"],
        "adapter": "claude-cli",
        "models": ["haiku", "sonnet", "opus"],
        "tools": True,
    }
    return Layer("demo", values)


def settings(mock_url: str, state: Path, flags: Tree) -> Settings:
    """The settings of a demo whose state is kept in `state`: no file, and little of the environment."""
    process = Settings.from_process()
    environ = {name: value for name, value in process.environ.items() if name.startswith(KEPT)}
    homes = {"HOME": str(state), "XDG_STATE_HOME": str(state)}
    base = layer(mock_url)
    if all(find_spec(name) for name in NEEDED):
        base = replace(base, values={**base.values, "agents": {"assistant": {"object": ASSISTANT}}})
    return Settings({**environ, **homes}, None, flags, base, process.cwd)
