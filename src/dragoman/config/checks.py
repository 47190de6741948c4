"""What no type can say of a configuration: that its parts can be meant together."""

import re
from collections.abc import Sequence
from ipaddress import ip_network
from typing import Final

from dragoman.config.aliases import AliasConfig
from dragoman.config.models import known
from dragoman.config.numbers import check_limit, check_numbers, check_timeouts
from dragoman.config.root import Config, made
from dragoman.config.upstreams import UpstreamConfig, endpoints_of
from dragoman.errors import ConfigError, GatewayError
from dragoman.policy import auth, credentials, egress
from dragoman.policy.aliases import check_made
from dragoman.policy.resources import Auth, check_pool

RESERVED: Final = frozenset(
    ("v1", "api", "admin", "agent", "health", "status", "healthz", "readyz", "metrics", "version", "convert", "jobs",
     "execute", "dashboard", "static", "docs", "openapi.json", "favicon.ico", "keys", "models")
)  # fmt: skip
"""First path segments of our own; nothing a user names may shadow them."""

_NAME: Final = re.compile(r"[a-z0-9](?:[a-z0-9._-]{0,62}[a-z0-9])?")

_NO_ALIAS: Final = AliasConfig()
_OF_THE_UPSTREAM: Final = (
    "credential", "auth", "timeouts", "network", "allow_cidrs", "max_connections", "keepalive", "proxy", "ca_bundle",
    "breaker", "health",
)  # fmt: skip


def check(config: Config) -> None:
    _check_server(config)
    config.tree()
    for name, upstream in config.upstreams.items():
        at = f"upstreams.{name}"
        check_name(at, name)
        check_endpoint(at, upstream.base_url, upstream.credential, upstream.allow_cidrs)
        _check_connection(at, upstream)
        if upstream.auth.sharing != "private":
            raise ConfigError(f"{at}.auth.sharing", "is of aliases alone: who may call this is no tenant's")
        if upstream.auth.plugin is not None:
            raise ConfigError(f"{at}.auth.plugin", "plugins look at calls by alias only", "bind it to an alias")
        try:
            check_pool(endpoints_of(upstream))
        except GatewayError as error:
            raise ConfigError(f"{at}.hosts", error.message, "hosts alone: the rest is as in base_url") from None
        upstream.adapted(at)
        check_limit(at, upstream.rate_limit)
    for name, command in config.commands.items():
        at = f"upstreams.{name}"
        check_name(at, name)
        command.check(at)
        check_limit(at, command.rate_limit)
    for name, agent in config.agents.items():
        check_name(f"agents.{name}", name)
        agent.check(f"agents.{name}")
    for name, alias in config.aliases.items():
        _check_alias(config, name, alias)
    _check_cidrs("outbound.allow_cidrs", config.outbound.allow_cidrs)
    check_numbers("store", config.store, more_than_0=("flush_interval",), not_negative=("keep_responses",))
    check_numbers("jobs", config.jobs, more_than_0=("max_concurrency", "max_queue", "heartbeat", "keep", "timeout",
                                                    "max_wait"))  # fmt: skip
    _check_default_agent(config)
    config.routes()


def _check_server(config: Config) -> None:
    server = config.server
    if not 0 <= server.port <= 65535:
        raise ConfigError("server.port", f"{server.port} is no port", "0 to 65535; 0 takes a free one")
    if (server.ssl_cert is None) != (server.ssl_key is None):
        raise ConfigError("server.ssl_cert", "ssl_cert and ssl_key go together")
    check_numbers(
        "server",
        server,
        more_than_0=("head_timeout", "body_timeout", "max_body", "max_alias_body", "max_upload", "max_event",
                     "max_connections", "max_in_flight", "ping_interval", "max_message", "websocket_idle",
                     "websocket_lifetime"),
        not_negative=("shutdown_delay", "drain"),
    )  # fmt: skip
    _check_cidrs("server.trusted_proxies", server.trusted_proxies)
    if server.default_upstream is not None:
        _refuse_command("server.default_upstream", server.default_upstream, config)
        known("server.default_upstream", server.default_upstream, config.upstreams)


def _check_default_agent(config: Config) -> None:
    name = config.jobs.default_agent
    if name is not None and not name.startswith("agent/"):  # which may come from Python
        known("jobs.default_agent", name.partition("/")[0], config.commands)


def _check_alias(config: Config, name: str, alias: AliasConfig) -> None:
    at = f"aliases.{name}"
    check_name(at, name)
    if alias.tenant not in config.tree():
        raise ConfigError(f"{at}.tenant", f"there is no tenant {alias.tenant!r}", f"define [tenants.{alias.tenant}]")
    if [alias.upstream is None, alias.base_url is None, not alias.endpoints].count(False) != 1:
        raise ConfigError(at, "needs either upstream, base_url or endpoints")
    if alias.upstream is not None:
        _refuse_command(f"{at}.upstream", alias.upstream, config)
        known(f"{at}.upstream", alias.upstream, config.upstreams)
        for field in _OF_THE_UPSTREAM:
            if getattr(alias, field) != getattr(_NO_ALIAS, field):
                raise ConfigError(f"{at}.{field}", "an alias of an upstream takes its connection settings from there")
    elif name in config.upstreams or name in config.commands:
        raise ConfigError(at, "an upstream has this name already", f'write upstream = "{name}"')
    if alias.base_url is not None:
        check_endpoint(at, alias.base_url, alias.credential, alias.allow_cidrs)
    _check_connection(at, alias)
    try:
        check_made(made(config, name))
    except GatewayError as error:
        raise ConfigError(f"{at}.{error.param}", error.message) from None


def _refuse_command(key: str, name: str, config: Config) -> None:
    if name in config.commands:
        raise ConfigError(
            key, f"{name!r} is a command, which answers models and no raw HTTP", "name one with a base_url"
        )


def check_name(at: str, name: str) -> None:
    """Whether something may be called so; `at` is its key. Raises `ConfigError`."""
    if not _NAME.fullmatch(name):
        raise ConfigError(at, f"{name!r} is no name", "lower-case letters, digits, '.', '_' and '-', at most 64")
    if name in RESERVED:
        raise ConfigError(at, f"{name!r} is a path of the gateway's own")


def check_endpoint(at: str, base_url: str, credential: str, allow_cidrs: Sequence[str]) -> None:
    """Whether an endpoint could be called at all; `at` is the key of the table it stands in."""
    try:
        egress.split_base_url(base_url)
    except ValueError as error:
        raise ConfigError(f"{at}.base_url", str(error)) from None
    _check_credential(at, credential)
    _check_cidrs(f"{at}.allow_cidrs", allow_cidrs)


def _check_cidrs(key: str, cidrs: Sequence[str]) -> None:
    for cidr in cidrs:
        try:
            ip_network(cidr)
        except ValueError as error:
            raise ConfigError(key, str(error)) from None


def _check_credential(at: str, credential: str) -> None:
    """Whether a credential is one; as `check_endpoint`."""
    try:
        credentials.parse(credential)
    except ValueError as error:
        raise ConfigError(f"{at}.credential", str(error)) from None


def _check_connection(at: str, endpoint: UpstreamConfig | AliasConfig) -> None:
    _check_credential(at, endpoint.credential)
    _check_auth(at, endpoint)
    check_numbers(at, endpoint, more_than_0=("max_connections",), not_negative=("keepalive",))
    check_timeouts(at, endpoint.timeouts)


def _check_auth(at: str, endpoint: UpstreamConfig | AliasConfig) -> None:
    if endpoint.credential != "none" and endpoint.auth != Auth():
        raise ConfigError(f"{at}.auth", "there is a `credential` as well", "keep one of the two")
    try:
        auth.parse(endpoint.auth)
    except GatewayError as error:
        raise ConfigError(f"{at}.auth.{error.param}", error.message) from None
