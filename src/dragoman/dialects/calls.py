"""Calls between a caller's tools and an upstream's: in which shape and under which name, there and back.

An upstream without custom tools is offered a function with one string in their place, and one that is strict
about names an alias. Both follow from the request alone, so whoever holds its turn can undo them: a call of
such a function is the custom call it was meant to be, and the alias is the tool it stands for.

A call outside of the allowed tools is suppressed: the set is a hard constraint, also over upstreams that only
take it for a hint.
"""

import hashlib
import re
from typing import Final

import msgspec

from dragoman.turn import CallKind, Tool, Turn

WRAP_SCHEMA: Final = msgspec.Raw(
    b'{"type":"object","properties":{"input":{"type":"string"}},"required":["input"],"additionalProperties":false}'
)
"""The parameters of the function that stands for a custom tool."""
_WRAP_NOTE: Final = "Give the whole input of the tool as one string in the member `input`."
_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")
_FOREIGN: Final = re.compile(r"[^A-Za-z0-9_-]")
_STEM: Final = 55  # an alias has a mark of 9 characters behind it


class _Wrapped(msgspec.Struct, frozen=True):
    input: str


class _Format(msgspec.Struct, frozen=True):
    """A custom tool's format in Responses form; any text, if it has no definition."""

    definition: str = ""
    syntax: str = ""


class Calls:
    """What the calls of an answer mean to the request they answer."""

    def __init__(self, turn: Turn) -> None:
        choice = turn.tool_choice
        self._allowed = frozenset(choice.names) if choice is not None and choice.mode == "allowed" else None
        self._custom = frozenset(tool.name for tool in turn.tools if tool.kind == "custom")
        self._names = {alias(tool.name): tool.name for tool in turn.tools if not is_plain(tool.name)}

    def name(self, given: str) -> str:
        """The tool that an upstream calls `given`."""
        return self._names.get(given, given)

    def permits(self, name: str) -> bool:
        return self._allowed is None or name in self._allowed

    def unwraps(self, name: str, kind: CallKind) -> bool:
        """Whether a call of this kind stands for a custom tool of the caller."""
        return kind == "function" and name in self._custom


def wrap(text: str) -> str:
    """The raw input of a custom tool as the arguments of the function that stands for it."""
    return msgspec.json.encode(_Wrapped(text)).decode()


def unwrap(arguments: str) -> str:
    """The raw input inside a wrapped call's arguments; what is no wrapping is the input itself."""
    try:
        return msgspec.json.decode(arguments, type=_Wrapped).input
    except (msgspec.DecodeError, RecursionError):
        return arguments


def description(tool: Tool) -> str | None:
    """What a tool says of itself to an upstream without namespaces: that of its namespace comes first."""
    if tool.namespace is None or not tool.namespace.description:
        return tool.description
    return f"{tool.namespace.description}\n\n{tool.description}" if tool.description else tool.namespace.description


def wrap_description(tool: Tool) -> str:
    """What the function that stands for a custom tool says of itself; its format, which nobody enforces, included."""
    notes = [description(tool) or "", _WRAP_NOTE]
    if tool.format is not msgspec.UNSET:
        notes.append(_describe(tool.format))
    return "\n\n".join(note for note in notes if note)


def _describe(form: msgspec.Raw) -> str:
    given = msgspec.json.decode(form, type=_Format)
    if not given.definition:
        return ""
    return f"The input must follow this grammar ({given.syntax}):\n\n{given.definition}"


def is_plain(name: str) -> bool:
    """Whether a tool's name follows OpenAI's rule."""
    return _NAME.fullmatch(name) is not None


def alias(name: str) -> str:
    """A name that follows the rule: the same if it does, else what can be kept of it and a mark of the rest."""
    if is_plain(name):
        return name
    mark = hashlib.sha256(name.encode()).hexdigest()[:8]
    return f"{_FOREIGN.sub('_', name)[:_STEM]}_{mark}"
