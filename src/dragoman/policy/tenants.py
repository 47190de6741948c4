"""Tenants as a tree: who is above whom. What they share is said in `inheritance`.

There is always the root, whose the configuration file and every key are unless something else is said. The others are
named by the configuration.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import msgspec

ROOT: Final = "default"
NAME: Final = re.compile(r"[a-z0-9](?:[a-z0-9._-]{0,62}[a-z0-9])?")


class TenantConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Somebody who has keys, and may have aliases, of their own."""

    parent: str = ROOT
    """Whose shared aliases and rules reach it."""
    secrets: tuple[str, ...] = ()
    """Patterns of the references that credentials and plugins may name that its admin keys set up; see `[outbound]`."""


class Tenants:
    """The tree. Raises `ValueError` for one that is none, naming the tenant first."""

    def __init__(self, given: Mapping[str, TenantConfig]) -> None:
        parents = {name: tenant.parent for name, tenant in given.items()}
        for name, parent in parents.items():
            if name == ROOT:
                raise ValueError(name, "the root is there by itself, and has nobody above it")
            if not NAME.fullmatch(name):
                raise ValueError(name, f"{name!r} is no name")
            if parent != ROOT and parent not in parents:
                raise ValueError(name, f"there is no tenant {parent!r} to be its parent")
        self._lines: dict[str, tuple[str, ...]] = {ROOT: (ROOT,)}
        for name in parents:
            self._lines[name] = _line(name, parents)

    def __iter__(self) -> Iterator[str]:
        return iter(self._lines)

    def __contains__(self, tenant: object) -> bool:
        return tenant in self._lines

    def line(self, tenant: str) -> Sequence[str]:
        """The tenant itself, the one above it, and so on to the root; nobody where there is no such tenant."""
        return self._lines.get(tenant, ())


def _line(name: str, parents: Mapping[str, str]) -> tuple[str, ...]:
    line = [name]
    while line[-1] != ROOT:
        above = parents[line[-1]]
        if above in line:
            raise ValueError(name, "it is above itself")
        line.append(above)
    return tuple(line)
