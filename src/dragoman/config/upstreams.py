"""`[upstreams.NAME]`: what answers calls."""

from collections.abc import Sequence
from typing import Literal

import msgspec

from dragoman.config.numbers import check_numbers
from dragoman.config.sections import Limited, TimeoutsConfig, hint
from dragoman.dialects.profile import PROFILES, Profile, Quirk, adapt
from dragoman.errors import ConfigError
from dragoman.policy import egress
from dragoman.policy.resources import Auth, Breaker, Endpoint, Health, Retry


class UpstreamConfig(Limited, frozen=True, kw_only=True):
    """Something that answers calls over HTTP."""

    base_url: str
    """Where it is, path included; what is called is appended to it."""
    dialects: tuple[Literal["chat", "responses", "messages"], ...] = ("chat",)
    """What it speaks; the caller's own dialect is preferred, then the first."""
    profile: Literal["openai", "anthropic", "vllm", "ollama", "llamacpp", "deepseek", "openrouter", "gemini"] = "openai"
    """The quirks of its kind, where a call is translated for it."""
    quirks: dict[str, Quirk] = {}
    """Those in which it differs from its profile; see `[upstreams.NAME.quirks]`."""
    credential: str = "none"
    """`bearer REF`, `header NAME REF`, `query NAME REF`, `basic REF REF`, `caller` or `none`."""
    auth: Auth = Auth()
    """Instead of `credential`, where a table says it better or a token is fetched; see `[aliases.NAME.auth]`."""
    timeouts: TimeoutsConfig = TimeoutsConfig()
    """Deadlines of its calls."""
    direct: bool = False
    """Whether callers may name `upstream/any-model`."""
    network: Literal["public", "private", "any"] | None = None
    """Which addresses it may resolve to; default by the host of `base_url`."""
    allow_cidrs: tuple[str, ...] = ()
    """Addresses permitted whatever `network` says."""
    max_connections: int = 1000
    """Connections to it at once."""
    keepalive: float = 15.0
    """Seconds an idle connection is kept."""
    proxy: str | None = None
    """An HTTP proxy to reach it by; its address is what is judged."""
    ca_bundle: str | None = None
    """A PEM file of authorities, instead of the system's."""
    include_usage: bool = True
    """Whether to ask for usage in streams; false for upstreams that refuse `stream_options`."""
    hosts: tuple[str, ...] = ()
    """Further hosts that answer as the one of `base_url` does, under the same scheme, port and path."""
    breaker: Breaker | bool = Breaker()
    """When an endpoint that fails is given a rest; `false` for never."""
    health: Health | None = None
    """How its endpoints are checked."""
    retry: Retry = Retry()
    """How often a call is sent before its fallback is tried: any model call, and calls by an alias without a rule of
    its own."""

    def adapted(self, at: str) -> Profile:
        """Its profile with its own quirks. Raises `ConfigError`; `at` is the key of its table."""
        for name in self.quirks:
            if name not in Profile.__struct_fields__:
                raise ConfigError(f"{at}.quirks.{name}", "unknown quirk", hint(name, Profile.__struct_fields__))
        try:
            profile = adapt(PROFILES[self.profile], self.quirks)
        except msgspec.ValidationError as error:
            message, _, path = str(error).partition(" - at `$")
            key = f"{at}.quirks{path.rstrip('`')}"
            raise ConfigError(key, message[:1].lower() + message[1:].replace("`", "'")) from None
        check_numbers(f"{at}.quirks", profile, more_than_0=("default_max_tokens",))
        return profile


def endpoints_of(upstream: UpstreamConfig) -> tuple[Endpoint, ...]:
    return endpoints_at(upstream.base_url, upstream.hosts)


def endpoints_at(base_url: str, hosts: Sequence[str]) -> tuple[Endpoint, ...]:
    url = egress.split_base_url(base_url)
    return tuple(Endpoint(scheme=url.scheme, host=host, port=url.port, path=url.path) for host in (url.host, *hosts))
