"""What a tenant is shown of the upstreams and plugins above it: that they are there, and which rules reach it.

References into the vault, settings of plugins, headers that are written and rules that are kept private are their
owner's business. So are its routes; calls take them, but nobody below is shown them.
"""

from collections.abc import Iterable, Sequence

from msgspec.structs import replace

from dragoman import errors
from dragoman.errors import GatewayError
from dragoman.policy.inheritance import Source, covers
from dragoman.policy.records import PluginRecord, RouteRecord, UpstreamRecord, made, reaches
from dragoman.policy.resources import Auth, Cors, Headers, PluginBinding, Plugins, Upstream, masked


def upstreams(records: Iterable[UpstreamRecord], line: Sequence[str]) -> Sequence[UpstreamRecord]:
    """Those that the first of `line` has, and what it is shown of those above it."""
    return [
        one if one.tenant == line[0] else replace(one, value=_public(one.value))
        for one in records
        if reaches(one, line)
    ]


def plugins(records: Iterable[PluginRecord], line: Sequence[str]) -> Sequence[PluginRecord]:
    """The same of plugins that are set up."""
    return [
        one if one.tenant == line[0] else replace(one, value=replace(one.value, config={}))
        for one in records
        if reaches(one, line)
    ]


def routes(records: Iterable[RouteRecord], line: Sequence[str]) -> Sequence[RouteRecord]:
    """The routes of the first of `line`."""
    return [one for one in records if one.tenant == line[0]]


def _public(value: Upstream) -> Upstream:
    plugins, limit, cors = value.plugins, value.rate_limit, value.cors
    named = tuple(PluginBinding(id=item.id, timeout=item.timeout) for item in plugins.items)
    return replace(
        value,
        auth=Auth() if value.auth.sharing == "private" else masked(value.auth),
        headers=Headers(),
        plugins=Plugins() if plugins.sharing == "private" else replace(plugins, items=named),
        rate_limit=None if limit is None or limit.sharing == "private" else limit,
        cors=Cors() if cors.sharing == "private" else cors,
    )


def check_override(record: UpstreamRecord, above: Iterable[UpstreamRecord], line: Sequence[str]) -> None:
    """Refuses a credential in place of one that is enforced. Raises `GatewayError` PERMISSION_DENIED."""
    own = _source(record)
    if not own.authenticates:
        return
    for other in above:
        if other.tenant != line[0] and other.value.alias == record.value.alias and reaches(other, line):
            forced = other.value.auth.type != "none" and other.value.auth.sharing == "enforce"
            if forced and covers(_source(other), own):
                message = "The credential of this upstream is enforced by a tenant above: leave out 'auth'."
                raise GatewayError(errors.PERMISSION_DENIED, message, param="auth")


def _source(record: UpstreamRecord) -> Source:
    return Source(made(record, ()), record.tenant, record.value.auth)
