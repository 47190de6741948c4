"""Tools that are not offered before a search has found them, which is how agents keep many tools out of the context.

A tool with `defer_loading` waits until a `tool_reference` in a tool's result names it. Upstreams of other dialects
have no such thing, so it is done here: until then the tool is left out of the request. Where the search is a tool of
the caller's own, nothing is lost by that; a search of Anthropic's is a tool that is refused by name.
"""

from typing import Final

import msgspec

from dragoman.dialects.messages.members import decode
from dragoman.wire import messages as wire

REFERENCE: Final = "tool_reference"


def found(messages: msgspec.Raw) -> frozenset[str]:
    """The names of the tools that results of searches refer to."""
    if REFERENCE.encode() not in bytes(messages):
        return frozenset()
    names = set()
    for message in decode(messages, list[wire.Message], "messages"):
        for block in message.content if isinstance(message.content, list) else ():
            names |= _named(block)
    return frozenset(names)


def _named(block: msgspec.Raw) -> set[str]:
    if decode(block, wire.Kind, "messages").type != "tool_result":
        return set()
    content = decode(block, wire.ToolResultBlock, "messages").content
    inner = content if isinstance(content, list) else []
    kept = [one for one in inner if decode(one, wire.Kind, "messages").type == REFERENCE]
    return {decode(one, wire.ToolReference, "messages").tool_name for one in kept}


def says(name: str) -> str:
    """What an upstream is told in the place of a reference: the definition itself is among the tools."""
    return f"The tool {name} can be called now."
