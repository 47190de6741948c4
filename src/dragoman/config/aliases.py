"""`[aliases.NAME]`: public names for raw HTTP."""

from typing import Literal

from dragoman.config.sections import TimeoutsConfig
from dragoman.policy.resources import Auth, Endpoint, RouteRules, Rules
from dragoman.policy.tenants import ROOT


class AliasConfig(Rules, frozen=True, kw_only=True):
    """A public name for raw HTTP: either an upstream of the configuration or one of its own."""

    tenant: str = ROOT
    """Whose it is; see `[tenants.NAME]`."""
    upstream: str | None = None
    """An entry of `[upstreams]`, whose connections and credential it shares."""
    base_url: str | None = None
    """Or a place of its own."""
    endpoints: tuple[Endpoint, ...] = ()
    """Or several that stand for one another, each with `scheme`, `host`, `port` and `path`."""
    credential: str = "none"
    """As for an upstream."""
    auth: Auth = Auth()
    """Instead of `credential`, where a table says it better or a token is fetched."""
    timeouts: TimeoutsConfig = TimeoutsConfig()
    """Deadlines of its calls."""
    network: Literal["public", "private", "any"] | None = None
    """As for an upstream."""
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
    routes: tuple[RouteRules, ...] = ()
    """Which calls it takes, and what those are held to; every one where there are none."""
