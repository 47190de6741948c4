"""The demo's configuration: mock upstreams only, so that anyone can try everything without an account."""

from typing import Final

from dragoman.config import Layer, Tree

MODELS: Final = ("gpt-4o-mini", "gpt-4", "gpt-3.5-turbo")
SERVICES: Final = ("openai", "github", "weather", "calculator", "stream-test")


def layer(mock_url: str) -> Layer:
    """The layer that stands for a configuration file; `mock_url` is the base of the mock upstreams."""
    values: Tree = {
        "upstreams": {"mock-chat": {"base_url": f"{mock_url}/v1", "direct": True}},
        "models": {name: f"mock-chat/{name}" for name in MODELS},
        "aliases": {name: {"base_url": f"{mock_url}/{name}", "pass_headers": ["*"]} for name in SERVICES},
    }
    values["models"] |= {pattern: "mock-chat" for pattern in ("text-embedding-*", "whisper-*", "tts-*")}
    return Layer("demo", values)
