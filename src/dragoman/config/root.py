"""The whole configuration."""

from typing import Final

import msgspec

from dragoman.config.agents import AgentConfig, model_of
from dragoman.config.aliases import AliasConfig
from dragoman.config.commands import CommandConfig
from dragoman.config.models import Answerer, ModelConfig, route
from dragoman.config.sections import JobsConfig, LogConfig, Section, ServerConfig, StoreConfig
from dragoman.config.upstreams import UpstreamConfig, endpoints_at, endpoints_of
from dragoman.errors import ConfigError
from dragoman.policy.aliases import Made
from dragoman.policy.records import OutboundConfig
from dragoman.policy.resources import route_id, upstream_id
from dragoman.policy.routing import Route
from dragoman.policy.tenants import ROOT, TenantConfig, Tenants


class Config(Section, frozen=True, kw_only=True):
    """Everything an operator can set."""

    server: ServerConfig = ServerConfig()
    upstreams: dict[str, UpstreamConfig] = {}
    commands: dict[str, CommandConfig] = {}
    """The entries of `[upstreams]` that have a `command`."""
    models: dict[str, str | ModelConfig] = {}
    aliases: dict[str, AliasConfig] = {}
    agents: dict[str, AgentConfig] = {}
    tenants: dict[str, TenantConfig] = {}
    outbound: OutboundConfig = OutboundConfig()
    store: StoreConfig = StoreConfig()
    jobs: JobsConfig = JobsConfig()
    log: LogConfig = LogConfig()

    @property
    def serves_anything(self) -> bool:
        return bool(self.upstreams or self.commands or self.aliases or self.agents)

    def routes(self) -> dict[str, Route]:
        """The routes of `[models]`, a plain string read as `upstream` or `upstream/model`."""
        agents = {model_of(name): agent for name, agent in self.agents.items()}
        known: dict[str, Answerer] = {**self.upstreams, **self.commands, **agents}
        return {name: route(name, value, known) for name, value in self.models.items()}

    def tree(self) -> Tenants:
        """The tenants of `[tenants]`, below the root. Raises `ConfigError`."""
        try:
            return Tenants(self.tenants)
        except ValueError as error:
            name, message = error.args
            raise ConfigError(f"tenants.{name}", message) from None

    def leave(self, tenant: str) -> OutboundConfig:
        """What the API may write for a tenant: each has secrets of its own, and no other names them."""
        if tenant == ROOT:
            return self.outbound
        own = self.tenants.get(tenant, _NOBODY)
        return msgspec.structs.replace(self.outbound, secrets=own.secrets)


_NOBODY: Final = TenantConfig()


def made(config: Config, name: str) -> Made:
    """An alias of the file in the words of the management API. Its ids follow from its name and its routes'."""
    alias = config.aliases[name]
    if alias.upstream is not None:
        endpoints = endpoints_of(config.upstreams[alias.upstream])
    else:
        endpoints = alias.endpoints or endpoints_at(alias.base_url or "", ())
    routes = [(route_id(f"{name} {msgspec.json.encode(route.match).decode()} {route.priority}"), route)
              for route in alias.routes]  # fmt: skip
    return Made(name, upstream_id(name), endpoints, alias, routes)
