"""`POST /api/oagw/v1/resolve`: where an alias call would go, judged as the call would be and not made.

The answer names the upstream and the path below its base URL, never its address: that is the operator's.
"""

import msgspec

from dragoman import errors
from dragoman.errors import GatewayError
from dragoman.gateway.call import Call
from dragoman.gateway.runtime import Runtime
from dragoman.policy import aliases
from dragoman.policy.keys import Key

MAX_BODY = 64 * 1024


class Asked(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The body; `path` is what would follow the alias, percent-encoded, with its query."""

    alias: str
    path: str = ""
    method: str = "GET"


async def answer(call: Call, key: Key, runtime: Runtime) -> None:
    """Raises `GatewayError` as the call itself would before it went out."""
    try:
        asked = msgspec.json.decode(await call.read(MAX_BODY, runtime.config.server.body_timeout), type=Asked)
    except msgspec.DecodeError as error:
        raise GatewayError(errors.INVALID_REQUEST, f"The body names no call: {error}") from None
    key.require_aliases()
    name = asked.alias.lower().removesuffix(".")
    alias = runtime.views.find(key.tenant, name)
    if alias is None or not key.permits_alias(name):
        raise GatewayError(errors.ROUTE_NOT_FOUND, f"Unknown alias: {name}", extra={"alias": name})
    path, _, query = asked.path.partition("?")
    target = aliases.target(alias, path.encode(), query.encode())
    alias.route(asked.method, target)
    await call.answer_json({"alias": name, "upstream": alias.upstream, "method": asked.method, "path": target})
