"""The usage of a Messages answer in neutral form, and back.

`input_tokens` here excludes what was read from a cache and written to it; the neutral number includes both.
"""

from typing import Final

import msgspec

from dragoman.dialects.messages.members import Body
from dragoman.turn import Usage
from dragoman.wire import messages_answer as wire

_TIERS: Final = {"standard": "default"}
_TIERS_BACK: Final = {"default": "standard", "standard": "standard", "priority": "priority", "batch": "batch"}


def read(value: msgspec.Raw) -> wire.Usage | None:
    """What stands in `usage`; None where it is absent or unreadable, never invented zeros."""
    try:
        usage: wire.Usage | None = wire.parse_usage(value)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return usage


def merge(earlier: wire.Usage | None, later: wire.Usage | None) -> wire.Usage | None:
    """The numbers of a stream are cumulative: the last one said of each counts."""
    if earlier is None or later is None:
        return earlier or later
    said = {name: value for name in wire.Usage.__struct_fields__ if (value := getattr(later, name)) is not None}
    return msgspec.structs.replace(earlier, **said)


def neutral(usage: wire.Usage | None) -> Usage | None:
    if usage is None or (usage.input_tokens is None and usage.output_tokens is None):
        return None
    cached, written = usage.cache_read_input_tokens or 0, usage.cache_creation_input_tokens or 0
    details = usage.output_tokens_details
    return Usage(
        input_tokens=(usage.input_tokens or 0) + cached + written,
        output_tokens=usage.output_tokens or 0,
        cached_tokens=cached,
        cache_write_tokens=written,
        reasoning_tokens=details.thinking_tokens or 0 if details is not None else 0,
    )


def tier(usage: wire.Usage | None) -> str | None:
    """The service that answered, as the other dialects call it."""
    named = None if usage is None else usage.service_tier
    return None if named is None else _TIERS.get(named, named)


def render(usage: Usage | None, estimate: int) -> Body:
    """The members of `usage`.

    The API has no way to leave it out. What nobody reported is the estimate of the input, and for the output
    a 0, which no answer of the API itself ever has.
    """
    if usage is None:
        return _body(max(estimate, 1), 0, 0, 0)
    fresh = max(usage.input_tokens - usage.cached_tokens - usage.cache_write_tokens, 0)
    body = _body(fresh, usage.cached_tokens, usage.cache_write_tokens, usage.output_tokens)
    if usage.reasoning_tokens:
        body["output_tokens_details"] = {"thinking_tokens": usage.reasoning_tokens}
    return body


def _body(fresh: int, cached: int, written: int, output: int) -> Body:
    return {
        "input_tokens": fresh,
        "cache_creation_input_tokens": written,
        "cache_read_input_tokens": cached,
        "output_tokens": output,
    }


def native_tier(service_tier: str | None) -> str | None:
    """The service that answered, if the API has a word for it."""
    return _TIERS_BACK.get(service_tier or "")
