"""The admin API of a gateway; every call takes an admin key, and raises for an error."""

from collections.abc import Awaitable, Callable, Sequence
from urllib.parse import quote

from dragoman.client.admin import (
    Key,
    KeyList,
    LedgerList,
    LedgerRow,
    NewKey,
    Reloaded,
    Route,
    RouteList,
    UsageList,
    UsageTotal,
)
from dragoman.client.request import Request
from dragoman.client.response import Response

Send = Callable[[Request], Awaitable[Response]]


class AsyncAdmin:
    """What an operator does: keys, usage, routes, reload. Each family of things has an attribute of its own."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.keys = AsyncKeys(send)

    async def usage(self, *, since: float = 0.0, key: str | None = None) -> tuple[UsageTotal, ...]:
        """What was used since a Unix time, by key and name; of one key only if its id is given."""
        answer = await self._send(_of(Request.get("/admin/usage").query({"since": since}), key))
        return answer.json(UsageList).usage

    async def ledger(self, *, limit: int = 50, key: str | None = None) -> tuple[LedgerRow, ...]:
        """The newest calls first."""
        answer = await self._send(_of(Request.get("/admin/ledger").query({"limit": limit}), key))
        return answer.json(LedgerList).rows

    async def routes(self) -> tuple[Route, ...]:
        """Every public name and where it goes."""
        answer = await self._send(Request.get("/admin/routes"))
        return answer.json(RouteList).routes

    async def reload(self) -> Reloaded:
        """Takes up the configuration anew: the whole of it, or none."""
        answer = await self._send(Request.post("/admin/reload"))
        return answer.json(Reloaded)


class AsyncKeys:
    """The keys of callers."""

    def __init__(self, send: Send) -> None:
        self._send = send

    async def list(self) -> tuple[Key, ...]:
        """Every key, revoked ones too, the oldest first."""
        answer = await self._send(Request.get("/admin/keys"))
        return answer.json(KeyList).keys

    async def create(
        self,
        name: str,
        *,
        models: Sequence[str] = ("*",),
        aliases: Sequence[str] = ("*",),
        admin: bool = False,
        tenant: str | None = None,
        expires_in: float | None = None,
    ) -> NewKey:
        """Makes a key for the models and aliases that match the patterns; `expires_in` in seconds.

        It is the root's unless a `tenant` is named.
        """
        body = {"name": name, "models": models, "aliases": aliases, "admin": admin, "expires_in": expires_in}
        whose = {} if tenant is None else {"tenant": tenant}
        answer = await self._send(Request.post("/admin/keys").json({**body, **whose}))
        return answer.json(NewKey)

    async def revoke(self, key_id: str) -> None:
        """Ends a key for good. Raises `NotFound`."""
        await self._send(Request.delete(f"/admin/keys/{quote(key_id, safe='')}"))

    async def rotate(self, key_id: str) -> NewKey:
        """Makes a new key with the old one's scopes and revokes that in the same moment. Raises `NotFound`."""
        answer = await self._send(Request.post(f"/admin/keys/{quote(key_id, safe='')}/rotate"))
        return answer.json(NewKey)


def _of(request: Request, key: str | None) -> Request:
    return request if key is None else request.query({"key": key})
