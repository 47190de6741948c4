"""What a suite is run against."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Endpoint:
    """Where an OpenAI client is pointed, and with which key."""

    base_url: str
    api_key: str


@dataclass(frozen=True)
class Target:
    """A gateway, and the provider behind it if that can be asked as well, for comparison."""

    gateway: Endpoint
    direct: Endpoint | None
    model: str
    prompt: str
    samples: int
    """How many calls a figure is made of."""
