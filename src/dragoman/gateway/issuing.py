"""Keys made, rotated and revoked: the one place where a token is seen in clear, once."""

from collections.abc import Sequence

from dragoman import errors
from dragoman.errors import GatewayError
from dragoman.gateway.clock import entropy, new_id
from dragoman.policy import keys
from dragoman.policy.keys import Key
from dragoman.policy.tenants import ROOT
from dragoman.ports import Clock, KeyStore


class Issuer:
    """Issues keys into a store."""

    def __init__(self, store: KeyStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def create(
        self,
        name: str,
        *,
        models: Sequence[str] = ("*",),
        aliases: Sequence[str] = ("*",),
        admin: bool = False,
        tenant: str = ROOT,
        expires_in: float | None = None,
    ) -> tuple[Key, str]:
        """A new key and its token, which is not stored and cannot be shown again.

        `expires_in` is in seconds. Raises `GatewayError` INVALID_REQUEST, STORE_UNAVAILABLE.
        """
        if not name.strip() or len(name) > 200:
            raise GatewayError(errors.INVALID_REQUEST, "A key needs a name of 1 to 200 characters.", param="name")
        if expires_in is not None and expires_in <= 0:
            raise GatewayError(errors.INVALID_REQUEST, "A key must expire in the future.", param="expires_in")
        now = self._clock.now()
        token = keys.mint(entropy())
        key = Key(
            id=new_id("key_"),
            tenant=tenant,
            name=name,
            hint=token[-4:],
            created_at=now,
            expires_at=None if expires_in is None else now + expires_in,
            models=tuple(models),
            aliases=tuple(aliases),
            admin=admin,
        )
        await self._store.add(key, keys.digest(token))
        return key, token

    async def rotate(self, key_id: str) -> tuple[Key, str]:
        """A new token with the old key's scopes and all it owns; the old one is revoked in the same moment."""
        for old in await self._store.list():
            if old.id == key_id and old.usable(self._clock.now()):
                token = keys.mint(entropy())
                now = self._clock.now()
                key = Key(
                    id=new_id("key_"),
                    owner=old.owner,
                    tenant=old.tenant,
                    name=old.name,
                    hint=token[-4:],
                    created_at=now,
                    expires_at=old.expires_at,
                    models=old.models,
                    aliases=old.aliases,
                    admin=old.admin,
                )
                if not await self._store.replace(old.id, key, keys.digest(token), now):
                    break
                return key, token
        raise GatewayError(errors.NOT_FOUND, f"There is no usable key {key_id!r}.")

    async def revoke(self, key_id: str) -> None:
        if not await self._store.revoke(key_id, self._clock.now()):
            raise GatewayError(errors.NOT_FOUND, f"There is no key {key_id!r}.")

    async def list(self) -> Sequence[Key]:
        return await self._store.list()
