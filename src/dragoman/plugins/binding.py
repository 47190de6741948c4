"""From what is written to a plugin that can be asked: found, told its settings, and given its secrets. Once, and not
for each call."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final
from weakref import WeakValueDictionary

import msgspec
import structlog

from dragoman import errors
from dragoman.errors import GatewayError
from dragoman.plugins import installed
from dragoman.plugins.base import Plugin
from dragoman.policy import credentials
from dragoman.policy.aliases import Made
from dragoman.policy.plugins import Bound, Chain, Kind, plugin_id, split_id
from dragoman.policy.resources import Auth, PluginBinding, Plugins, PluginSetup, Route, Upstream, invalid

Setups = Mapping[str, PluginSetup]
NO_SETUPS: Final[Setups] = {}
LOOKING: Final[tuple[Kind, ...]] = ("guard", "transform")
_log = structlog.get_logger("dragoman")


class Binder:
    """Binds plugins; `reveal` is the vault's. One that is bound again in the same way is the same one."""

    def __init__(self, reveal: Callable[[str], str]) -> None:
        self._reveal = reveal
        self._bound: WeakValueDictionary[tuple[str, bytes], Bound[Any]] = WeakValueDictionary()

    def chains(self, written: Made) -> dict[str, Chain | None]:
        """The plugins of an upstream, under `""`, and of its routes, under their ids.

        Raises `GatewayError` as `bind`, naming the member.
        """
        chains = {"": self.chain(written.rules.plugins, NO_SETUPS, written.id)}
        for number, (route_id, route) in enumerate(written.routes):
            if route.plugins.items:
                with _at(f"routes[{number}]"):
                    chains[route_id] = self.chain(route.plugins, NO_SETUPS, route_id)
        return chains

    def chain(self, plugins: Plugins, setups: Setups, whose: str) -> Chain | None:
        """The guards and transforms of one resource, none if it has none; `setups` may be bound by their ids."""
        guards: list[Bound[Any]] = []
        transforms: list[Bound[Any]] = []
        for number, item in enumerate(plugins.items):
            with _at(f"plugins.items[{number}]"):
                bound = self.bind(item, LOOKING, setups, whose)
            (guards if bound.plugin.kind == "guard" else transforms).append(bound)
        return Chain(None, tuple(guards), tuple(transforms)) if plugins.items else None

    def signing(self, written: Made, auth: Auth, setups: Setups = NO_SETUPS) -> Chain | None:
        """The plugin that authenticates the calls of an upstream, none if none does."""
        if auth.plugin is None:
            return None
        with _at("auth.plugin"):
            return Chain(self.bind(auth.plugin, ("auth",), setups, written.id))

    def bind(
        self, binding: PluginBinding, kinds: Sequence[Kind], setups: Setups = NO_SETUPS, whose: str = ""
    ) -> Bound[Any]:
        """A plugin ready to be asked, shared among those of `whose` that bind it alike.

        Raises `GatewayError` PLUGIN_NOT_FOUND, INVALID_REQUEST naming the member, SECRET_NOT_FOUND.
        """
        given, binding = binding.id, resolved(binding, setups)
        key = whose, msgspec.json.encode((given, binding, kinds))
        bound = self._bound.get(key)
        if bound is None:
            bound = self._bound[key] = self._make(given, binding, kinds)
        return bound

    def _make(self, given: str, binding: PluginBinding, kinds: Sequence[Kind]) -> Bound[Any]:
        found = find(binding.id, kinds)
        settings = check_settings(found, binding)
        secrets = {member: self._reveal(reference) for member, reference in binding.references}
        name = split_id(binding.id)[1]
        try:
            plugin = found(settings, secrets)
        except Exception as error:  # noqa: BLE001 - somebody else's code
            _log.error("plugin not made", plugin=name, exc_info=error)
            raise invalid("config", f"The plugin {name!r} does not take its settings; the log says why.") from None
        forms = credentials.echoes(*secrets.values()) if secrets else ()
        reads = found.body_limit is not Plugin.body_limit
        return Bound(plugin_id(found.kind, split_id(given)[1]), plugin, binding.timeout, forms, reads)


def check(value: Upstream | Route, setups: Setups) -> None:
    """Whether the plugins that something is bound to can be had.

    Raises `GatewayError` INVALID_REQUEST naming the member.
    """
    if isinstance(value, Upstream) and value.auth.plugin is not None:
        _check("auth.plugin", value.auth.plugin, ("auth",), setups)
    for number, binding in enumerate(value.plugins.items):
        _check(f"plugins.items[{number}]", binding, LOOKING, setups)


def check_setup(value: PluginSetup) -> None:
    """The same of a plugin that is set up."""
    binding = PluginBinding(id=value.plugin, config=value.config)
    try:
        check_settings(find(value.plugin, (value.type,)), binding)
    except GatewayError as error:
        param = "plugin" if error.param == "id" else error.param
        raise GatewayError(errors.INVALID_REQUEST, error.message, param=param) from None


def _check(at: str, binding: PluginBinding, kinds: Sequence[Kind], setups: Setups) -> None:
    try:
        with _at(at):
            binding = resolved(binding, setups)
            check_settings(find(binding.id, kinds), binding)
    except GatewayError as error:
        raise GatewayError(errors.INVALID_REQUEST, error.message, param=error.param) from None


def resolved(binding: PluginBinding, setups: Setups) -> PluginBinding:
    """A binding in its own words: what is set up elsewhere stands in it. Raises `GatewayError` INVALID_REQUEST."""
    setup = setups.get(binding.id)
    if setup is None:
        return binding
    if binding.config:
        raise invalid("config", "This plugin is set up already: its settings are not for a binding to say.")
    return PluginBinding(id=plugin_id(setup.type, setup.plugin), config=setup.config, timeout=binding.timeout)


def find(given: str, kinds: Sequence[Kind]) -> installed.PluginType:
    """The class of a plugin by its id or name. Raises `GatewayError` PLUGIN_NOT_FOUND, INVALID_REQUEST."""
    kind, name = split_id(given)
    try:
        found = installed.find(name)
    except LookupError as error:
        message = str(error)
        raise GatewayError(
            errors.PLUGIN_NOT_FOUND, f"{message[:1].upper()}{message[1:]}.", param="id", extra={"plugin": name}
        ) from error
    if found.kind not in kinds or kind not in (None, found.kind):
        raise invalid("id", f"{name!r} is a plugin of kind {found.kind!r}, and not of kind {(kind or kinds[0])!r}.")
    return found


def check_settings(found: installed.PluginType, binding: PluginBinding) -> msgspec.Struct:
    """The settings of a binding. Raises `GatewayError` INVALID_REQUEST naming the member, and quoting no reference."""
    for member, reference in binding.references:
        try:
            credentials.check_reference(reference)
        except ValueError as error:
            raise invalid(f"config.{member}", f"The setting {error}.") from None
    try:
        return msgspec.convert(binding.config, found.settings_type)
    except msgspec.ValidationError as error:
        message, _, path = str(error).partition(" - at `$")
        raise invalid(f"config{path.rstrip('`')}", message + ".") from None


@contextmanager
def _at(member: str) -> Iterator[None]:
    """Says in which member an error is that is raised inside."""
    try:
        yield
    except GatewayError as error:
        param = member if error.param is None else f"{member}.{error.param}"
        raise GatewayError(error.kind, error.message, param=param, extra=error.extra) from error
