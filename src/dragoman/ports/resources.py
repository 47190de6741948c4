"""What the gateway needs of a store of upstreams and routes."""

from typing import Protocol

from dragoman.policy.records import Contents, Record


class InUse(Exception):
    """A plugin is bound to something: its arguments are the ids."""


class ResourceStore(Protocol):
    """Upstreams, routes and plugins that the API has made. Raises `GatewayError` STORE_UNAVAILABLE."""

    async def revision(self) -> int:
        """Which `Contents` would be read now."""
        ...

    async def read(self) -> Contents:
        """Everything, as it stands at one moment, the oldest first."""
        ...

    async def put(self, record: Record) -> bool:
        """Stores version 1 of something new, or the next version of what there is; False if that is not there.

        `ValueError` if its alias is taken, or what its route matches; `LookupError` naming what is
        not there of the upstream and the plugins that it belongs to.
        """
        ...

    async def delete(self, resource_id: str, version: int) -> bool:
        """Removes that version, an upstream with its routes; False if it is not there. Raises `InUse`."""
        ...
