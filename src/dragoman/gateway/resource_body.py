"""Bodies of the management API: read as JSON objects, and then as what they describe."""

from typing import Final, TypeVar

import msgspec
from msgspec import Raw

from dragoman import errors
from dragoman.errors import GatewayError
from dragoman.gateway.call import Call
from dragoman.policy.resources import PluginSetup, Route, Upstream, invalid

MAX_BODY: Final = 256 * 1024
BODY_TIMEOUT: Final = 30.0
FIXED: Final = ("id", "tenant_id")
GIVEN: Final = ("origin", "version", "created_at", "updated_at", "referenced_by")
"""Members that the gateway gives; a body may repeat them, as one that was read before does."""
V = TypeVar("V", Upstream, Route, PluginSetup)


async def read(call: Call) -> dict[str, Raw]:
    """The members that a body has of its own. Raises `GatewayError` INVALID_REQUEST."""
    try:
        given = msgspec.json.decode(await call.read(MAX_BODY, BODY_TIMEOUT), type=dict[str, Raw])
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise GatewayError(errors.INVALID_REQUEST, f"The body is no JSON object: {error}") from None
    return {name: value for name, value in given.items() if name not in GIVEN}


async def read_new(call: Call) -> dict[str, Raw]:
    """The same of something new, which has no id yet."""
    given = await read(call)
    for member in FIXED:
        if member in given:
            raise invalid(member, f"{member!r} is given by the gateway.")
    return given


def convert(given: dict[str, Raw], kind: type[V]) -> V:
    """What a body describes. Raises `GatewayError` INVALID_REQUEST naming the member."""
    rest = {name: value for name, value in given.items() if name not in FIXED}
    try:
        return msgspec.json.decode(msgspec.json.encode(rest), type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        message, _, path = str(error).partition(" - at `$")
        param = path.rstrip("`").removeprefix(".") or None
        raise GatewayError(errors.INVALID_REQUEST, message, param=param) from None
