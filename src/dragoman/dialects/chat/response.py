"""A buffered Chat Completions answer on its way to a caller of the same dialect.

It passes with unknown fields intact; the model is named as the caller asked for it. The answers of the
other `/v1` endpoints (embeddings, legacy completions, images) have the same frame and pass the same way.
"""

from typing import Final

import msgspec

from dragoman import errors
from dragoman.dialects.chat.errors import parse as parse_error
from dragoman.errors import GatewayError, WireError
from dragoman.turn import Usage
from dragoman.wire import chat as wire

_NOTHING: Final = (b"null", b"[]")


def relay(body: bytes, model: str, *, needs: str = "choices") -> tuple[bytes, Usage | None]:
    """The answer and what it says it used.

    `needs` is the member without which a 200 is no answer. Raises `GatewayError` PROTOCOL_ERROR for
    anything else: an empty body, an HTML page, an error in a 200.
    """
    try:
        fields = wire.parse_fields(body)
    except WireError as error:
        what = "nothing" if not body.strip() else f"a body that is {error}"
        raise GatewayError(errors.PROTOCOL_ERROR, f"The upstream answered 200 with {what}.") from None
    if _absent(fields, needs) or not _absent(fields, "error"):
        said = parse_error(body)
        what = f"the error {said.message!r}" if said else f"a body without {needs!r}"
        raise GatewayError(errors.PROTOCOL_ERROR, f"The upstream answered 200 with {what}.")
    usage = read_usage(fields.get("usage"))
    if "model" in fields:
        fields["model"] = wire.raw(model)
    return wire.render_fields(fields), usage


def _absent(fields: wire.Fields, name: str) -> bool:
    return name not in fields or bytes(fields[name]) in _NOTHING


def read_usage(value: msgspec.Raw | None) -> Usage | None:
    """Usage in neutral form; None where it is absent or unreadable, never invented zeros."""
    if value is None:
        return None
    try:
        usage = wire.parse_usage(value)
    except (msgspec.DecodeError, RecursionError):
        return None
    if usage is None or (usage.prompt_tokens is None and usage.completion_tokens is None):
        return None
    into = usage.prompt_tokens_details or wire.TokenDetails()
    out = usage.completion_tokens_details or wire.TokenDetails()
    return Usage(
        input_tokens=usage.prompt_tokens or 0,
        output_tokens=usage.completion_tokens or 0,
        cached_tokens=into.cached_tokens or 0,
        cache_write_tokens=into.cache_write_tokens or 0,
        reasoning_tokens=out.reasoning_tokens or 0,
    )
