"""Which calls of an answer its caller may see, and as what.

A call outside of the allowed tools is suppressed: Open Responses makes the set a hard constraint, also over
upstreams that only take it for a hint. A custom tool that went to an upstream without custom tools, wrapped
as a function with one string, comes back as the custom call it was meant to be.
"""

import msgspec

from dragoman.turn import CallKind, Turn


class _Wrapped(msgspec.Struct, frozen=True):
    input: str


class Calls:
    def __init__(self, turn: Turn) -> None:
        choice = turn.tool_choice
        self._allowed = frozenset(choice.names) if choice is not None and choice.mode == "allowed" else None
        self._custom = frozenset(tool.name for tool in turn.tools if tool.kind == "custom")

    def permits(self, name: str) -> bool:
        return self._allowed is None or name in self._allowed

    def unwraps(self, name: str, kind: CallKind) -> bool:
        """Whether a call of this kind stands for a custom tool of the caller."""
        return kind == "function" and name in self._custom


def unwrap(arguments: str) -> str:
    """The raw input inside a wrapped call's arguments; what is no wrapping is the input itself."""
    try:
        return msgspec.json.decode(arguments, type=_Wrapped).input
    except (msgspec.DecodeError, RecursionError):
        return arguments
