"""Tools that a Responses request groups under a name, for upstreams that have no such groups, and back.

    {"type": "namespace", "name": "crm", "description": "...", "tools": [{"type": "function", "name": "find"}]}

The neutral tool is called `crm__find`, with its namespace beside it. A call of it is written as the dialect has it:
name `find`, namespace `crm`.
"""

from collections.abc import Callable, Iterable
from itertools import groupby
from typing import Final, TypeVar

import msgspec
from msgspec import Raw

from dragoman.dialects.responses.members import invalid, read
from dragoman.turn import Extra, Namespace, Tool

KIND: Final = "namespace"
_JOINT: Final = "__"
_T = TypeVar("_T")


class _Group(msgspec.Struct, frozen=True):
    name: str
    tools: list[Raw]
    description: str | None = None


class _Rendered(msgspec.Struct, frozen=True, tag_field="type", tag=KIND):
    name: str
    description: str
    tools: list[Raw]


def parse(value: Raw, at: str, extras: list[Extra], parse_tool: Callable[[Raw, str], Tool | None]) -> list[Tool]:
    """The tools of a group; `parse_tool` gives None for one that nobody can run but its provider."""
    group = read(value, _Group, at, extras)
    namespace = Namespace(group.name, group.description or "")
    tools = []
    for number, given in enumerate(group.tools):
        place = f"{at}.tools[{number}]"
        tool = parse_tool(given, place)
        if tool is None:
            raise invalid(f"{place}.type", f"A namespace holds functions and custom tools only ('{place}.type').")
        tools.append(msgspec.structs.replace(tool, name=whole(group.name, tool.name), namespace=namespace))
    return tools


def check(tools: Iterable[Tool]) -> None:
    """Raises `GatewayError` INVALID_REQUEST where two tools would be the same to an upstream."""
    names = set()
    for tool in tools:
        if tool.name in names:
            raise invalid("tools", f"Two tools are called {tool.name!r}, one of them by its namespace.")
        names.add(tool.name)


def whole(namespace: str | None, name: str) -> str:
    """The name of a tool among all others."""
    return f"{namespace}{_JOINT}{name}" if namespace else name


def bare(name: str, namespace: str) -> str:
    """The name of a tool inside of its namespace."""
    return name.removeprefix(namespace + _JOINT) if namespace else name


def ungrouped(tools: Iterable[Tool]) -> list[Tool]:
    """The tools under the names that they have inside of their namespaces."""
    return [
        tool if tool.namespace is None else msgspec.structs.replace(tool, name=bare(tool.name, tool.namespace.name))
        for tool in tools
    ]


def grouped(tools: Iterable[Tool], rendered: Iterable[_T]) -> list[_T | Raw]:
    """What the tools were rendered as, those of one namespace together again."""
    out: list[_T | Raw] = []
    for namespace, pairs in groupby(zip(tools, rendered, strict=True), lambda pair: pair[0].namespace):
        members = [one for _, one in pairs]
        if namespace is None:
            out += members
        else:
            inner = [Raw(msgspec.json.encode(one)) for one in members]
            out.append(Raw(msgspec.json.encode(_Rendered(namespace.name, namespace.description, inner))))
    return out


class Homes:
    """Where the tools that are called belong."""

    def __init__(self, tools: Iterable[Tool]) -> None:
        self._spaces = {tool.name: tool.namespace.name for tool in tools if tool.namespace is not None}

    def of(self, name: str) -> tuple[str, str | None]:
        """The name of a called tool as its caller knows it, and its namespace."""
        space = self._spaces.get(name, "")
        return bare(name, space), space or None
