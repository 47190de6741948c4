"""Which plugins there are: those built in, and those that installed distributions offer by entry point."""

from collections.abc import Mapping, Sequence
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Final

import structlog

from dragoman.plugins.base import Auth, Guard, Plugin, Transform
from dragoman.plugins.json_redaction import JsonRedaction
from dragoman.plugins.request_id import RequestId
from dragoman.plugins.required_headers import RequiredHeaders
from dragoman.plugins.size_guard import SizeGuard
from dragoman.policy.plugins import Kind

GROUP: Final = "dragoman.plugins"
PluginType = type[Plugin[Any]]
BUILT_IN: Final[Mapping[str, PluginType]] = {
    "json_redaction": JsonRedaction,
    "request_id": RequestId,
    "required_headers": RequiredHeaders,
    "size_guard": SizeGuard,
}
_log = structlog.get_logger("dragoman")


def find(name: str) -> PluginType:
    """The class of a plugin. Raises `LookupError` if none of that name is installed or can be loaded."""
    return BUILT_IN.get(name) or _load(name)


def names() -> Sequence[str]:
    """Every name that `find` knows; one that is built in cannot be taken by another."""
    return [*BUILT_IN, *(name for name in sorted(offered()) if name not in BUILT_IN)]


def kinds() -> Sequence[tuple[str, Kind]]:
    """Every plugin that can be loaded, with its kind."""
    found = []
    for name in names():
        try:
            found.append((name, find(name).kind))
        except LookupError as error:
            _log.warning("plugin not loaded", plugin=name, reason=str(error))
    return found


@cache
def offered() -> Mapping[str, EntryPoint]:
    """Read once, and not before somebody asks for what is not built in: a start without plugins reads no metadata."""
    return {point.name: point for point in entry_points(group=GROUP)}


def _load(name: str) -> PluginType:
    point = offered().get(name)
    if point is None:
        raise LookupError(f"no plugin {name!r} is installed")
    try:
        found = point.load()
    except Exception as error:  # somebody else's module may raise anything while it is imported
        raise LookupError(f"the plugin {name!r} cannot be loaded: {type(error).__name__}: {error}") from error
    if not (isinstance(found, type) and issubclass(found, (Auth, Guard, Transform))):
        raise LookupError(f"the plugin {name!r} is no class of Auth, Guard or Transform")
    return found
