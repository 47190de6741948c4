"""What the environment and `.env` ask for. The environment comes first; an empty value is none."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from dragoman.errors import ConfigError
from dragoman.gateway.settings import read_dotenv

OPENAI: Final = "https://api.openai.com/v1"
MODEL: Final = "gpt-4o-mini"
PROMPT: Final = "Say hi"
TIMEOUT: Final = 30.0
"""Seconds that a server may take until it answers."""
_PLACEHOLDERS: Final = ("...", "…")


@dataclass(frozen=True)
class Wishes:
    """`base`: a running server, to which the tests are confined. `provider_key` None: a mock provider."""

    base: str | None
    base_key: str
    provider: str
    provider_key: str | None
    model: str
    prompt: str
    bind: str
    timeout: float

    @property
    def dialects(self) -> list[str]:
        """What the provider may be taken to speak: what is OpenAI-like speaks Chat, and hardly ever Responses."""
        return ["chat", "responses"] if urlsplit(self.provider).hostname == "api.openai.com" else ["chat"]


def read(dotenv: Path, environ: Mapping[str, str]) -> Wishes:
    """Raises `ConfigError` naming what cannot be read."""
    try:
        values = {**read_dotenv(dotenv), **environ}
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(dotenv.name, f"cannot be read: {error}") from None
    key = values.get("OPENAI_API_KEY", "")
    real = None if not key or key.endswith(_PLACEHOLDERS) else key
    return Wishes(
        base=_url(values, "CHAT2RESPONSE_BASE"),
        base_key=values.get("CHAT2RESPONSE_KEY") or key or "none",
        provider=_url(values, "OPENAI_BASE_URL") or OPENAI,
        provider_key=real,
        model=values.get("MODEL") or MODEL,
        prompt=values.get("PROMPT") or PROMPT,
        bind=values.get("BIND_ADDR") or "127.0.0.1:0",
        timeout=_seconds(values, "START_TIMEOUT", TIMEOUT),
    )


def _url(values: Mapping[str, str], name: str) -> str | None:
    url = values.get(name, "").rstrip("/")
    if not url:
        return None
    if urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).hostname:
        raise ConfigError(name, f"{url!r} is no http:// or https:// URL")
    return url


def _seconds(values: Mapping[str, str], name: str, default: float) -> float:
    text = values.get(name) or str(default)
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds <= 3600:
        raise ConfigError(name, f"{text!r} is no number of seconds between 0 and 3600")
    return seconds
