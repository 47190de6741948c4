"""From layered mappings to a typed configuration, every error naming its key."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from dragoman.config.agents import AgentConfig, AgentTimeouts
from dragoman.config.aliases import AliasConfig
from dragoman.config.checks import check
from dragoman.config.commands import CommandConfig, CommandTimeouts, WorkspaceConfig
from dragoman.config.models import ModelConfig
from dragoman.config.presets import below as presets_below
from dragoman.config.root import Config
from dragoman.config.sections import JobsConfig, LogConfig, ServerConfig, StoreConfig, TimeoutsConfig, hint
from dragoman.config.upstreams import UpstreamConfig
from dragoman.dialects.profile import Profile
from dragoman.errors import ConfigError
from dragoman.policy import precedence, resources
from dragoman.policy.precedence import Layer, Tree
from dragoman.policy.records import OutboundConfig
from dragoman.policy.resources import Auth, Breaker, Concurrency, RateLimit
from dragoman.policy.tenants import TenantConfig


@dataclass(frozen=True, slots=True)
class Loaded:
    """A configuration and where each of its set keys came from."""

    config: Config
    origins: Mapping[str, str]


def parse(layers: Sequence[Layer]) -> Loaded:
    """The configuration that the layers, lowest first, make. Raises `ConfigError`."""
    merged, origins = _merge(layers)
    upstreams = merged.get("upstreams")
    presets = presets_below(upstreams) if isinstance(upstreams, dict) else []
    if presets:
        merged, origins = _merge([*presets, *layers])
    tables = _by_kind(merged)
    for layer in layers:
        _check_names(layer.values, Config, "", frozenset(tables.get("commands", ())))
    try:
        config = msgspec.convert(tables, Config)
    except msgspec.ValidationError as error:
        raise _config_error(error, tables) from None
    check(config)
    return Loaded(config, origins)


def _merge(layers: Sequence[Layer]) -> tuple[Tree, dict[str, str]]:
    merged: Tree = {}
    origins: dict[str, str] = {}
    for layer in layers:
        precedence.merge(merged, layer.values, origins, layer.origin, "", lax=layer.lax)
    return merged, origins


def schema() -> dict[str, Any]:
    """The JSON Schema of the configuration file, for editors."""
    (root, quirks), definitions = msgspec.json.schema_components((Config, Profile), ref_template="#/$defs/{name}")
    definitions["UpstreamConfig"]["properties"]["quirks"] |= quirks
    tables = definitions["Config"]["properties"]
    either = [tables["upstreams"]["additionalProperties"], tables.pop("commands")["additionalProperties"]]
    tables["upstreams"]["additionalProperties"] = {"anyOf": either}
    return {**root, "$defs": definitions}


def _by_kind(merged: Tree) -> Tree:
    """An upstream that has a `command` is of another kind, and has a table of its own inside."""
    upstreams = merged.get("upstreams")
    if not isinstance(upstreams, dict):
        return merged
    commands = {name: item for name, item in upstreams.items() if isinstance(item, dict) and "command" in item}
    others = {name: item for name, item in upstreams.items() if name not in commands}
    return {**merged, "upstreams": others, "commands": commands}


def _check_names(
    values: Mapping[str, Any], section: type[msgspec.Struct], at: str, commands: Collection[str] = ()
) -> None:
    """`commands` are the upstreams of that kind."""
    known = {field.name: field for field in msgspec.structs.fields(section)}
    known.pop("commands", None)
    for name, value in values.items():
        key = f"{at}.{name}" if at else name
        if name not in known:
            raise ConfigError(key, "unknown key", hint(name, known))
        below = _SECTIONS.get((section, name))
        if below is None or not isinstance(value, Mapping):
            continue
        if known[name].type in (below, below | None, below | bool):
            _check_names(value, below, key)
        else:
            for item, inner in value.items():
                if isinstance(inner, Mapping):
                    kind = CommandConfig if item in commands and below is UpstreamConfig else below
                    _check_names(inner, kind, f"{key}.{item}")


_LIMITED: Final = (UpstreamConfig, CommandConfig, ModelConfig, AliasConfig, AgentConfig)
_SECTIONS: Final[dict[tuple[type[msgspec.Struct], str], type[msgspec.Struct]]] = {
    (Config, "server"): ServerConfig,
    (Config, "upstreams"): UpstreamConfig,
    (Config, "models"): ModelConfig,
    (Config, "aliases"): AliasConfig,
    (Config, "agents"): AgentConfig,
    (Config, "tenants"): TenantConfig,
    (Config, "outbound"): OutboundConfig,
    (Config, "store"): StoreConfig,
    (Config, "jobs"): JobsConfig,
    (Config, "log"): LogConfig,
    (AgentConfig, "timeouts"): AgentTimeouts,
    (CommandConfig, "timeouts"): CommandTimeouts,
    (CommandConfig, "workspace"): WorkspaceConfig,
    (ModelConfig, "timeouts"): TimeoutsConfig,
    (UpstreamConfig, "timeouts"): TimeoutsConfig,
    (AliasConfig, "timeouts"): TimeoutsConfig,
    (UpstreamConfig, "auth"): Auth,
    (AliasConfig, "auth"): Auth,
    (UpstreamConfig, "breaker"): Breaker,
    (AliasConfig, "breaker"): Breaker,
    (RateLimit, "sustained"): resources.Rate,
    (RateLimit, "budget"): resources.Budget,
    **{(table, "rate_limit"): RateLimit for table in _LIMITED},
    **{(table, "concurrency"): Concurrency for table in _LIMITED},
}


_ENTRIES: Final[dict[str, Any]] = {
    "upstreams": UpstreamConfig,
    "commands": CommandConfig,
    "models": str | ModelConfig,
    "aliases": AliasConfig,
    "agents": AgentConfig,
    "tenants": TenantConfig,
}


def _config_error(error: msgspec.ValidationError, values: Tree) -> ConfigError:
    """msgspec says `Expected ..., got ... - at `$.server.port``; a key reads `server.port`.

    Of a table's entries it says `$.upstreams[...]`, so the one at fault is looked for.
    """
    message, _, path = str(error).partition(" - at `$")
    key = path.rstrip("`").removeprefix(".")
    table, anonymous, _ = key.partition("[...]")
    for name, value in values[table].items() if anonymous else ():
        try:
            msgspec.convert(value, _ENTRIES[table])
        except msgspec.ValidationError as inner:
            message, _, path = str(inner).partition(" - at `$")
            key = f"{'upstreams' if table == 'commands' else table}.{name}{path.rstrip('`')}"
            break
    return ConfigError(key, message[:1].lower() + message[1:].replace("`", "'"))
