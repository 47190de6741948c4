"""Who calls: the one code path of authentication. It fails closed.

A stored key is cached for at most `TTL` seconds, so a revocation is felt by then everywhere. A store that
cannot answer is a 503, never a 401. There is no identity without a key: `Key` refuses an empty id.
"""

import hmac
from collections import OrderedDict
from typing import Final

from dragoman import errors
from dragoman.errors import GatewayError
from dragoman.gateway.call import Call
from dragoman.policy import keys
from dragoman.policy.keys import Key
from dragoman.ports import Clock, KeyStore

TTL: Final = 30.0
MAX_CACHED: Final = 10_000
ADMIN_ID: Final = "env-admin"


class Keyring:
    """Finds the key of a call. `admin_key` is the operator's own, from the environment, if set."""

    def __init__(self, store: KeyStore, clock: Clock, admin_key: str | None = None) -> None:
        self._store = store
        self._clock = clock
        self._cache: OrderedDict[bytes, tuple[Key, float]] = OrderedDict()
        self._admin: tuple[bytes, Key] | None = None
        if admin_key is not None:
            self._admin = (keys.digest(admin_key), Key(id=ADMIN_ID, name="DRAGOMAN_ADMIN_KEY", admin=True))

    async def of(self, call: Call, *, own_header: bool = False) -> Key:
        """The key under which a call is made; `own_header` as for `Call.token`. Raises as `identify` does."""
        if call.grant is not None:
            return call.grant.narrowed(await self.by_id(call.grant.key_id))
        return await self.identify(call.token(own_header=own_header))

    async def identify(self, token: str | None) -> Key:
        """The key of `token`. Raises `GatewayError` MISSING_API_KEY, INVALID_API_KEY, STORE_UNAVAILABLE."""
        if not token:
            raise GatewayError(errors.MISSING_API_KEY, "No API key: send it as 'Authorization: Bearer KEY'.")
        digest = keys.digest(token)
        if self._admin is not None and hmac.compare_digest(digest, self._admin[0]):
            return self._admin[1]
        cached = self._cache.get(digest)
        now = self._clock.monotonic()
        if cached is not None and now < cached[1]:
            return self._usable(cached[0])
        if not keys.well_formed(token):
            raise _invalid()
        key = await self._store.find(digest)
        if key is None:
            self._cache.pop(digest, None)
            raise _invalid()
        self._cache[digest] = (key, now + TTL)
        if len(self._cache) > MAX_CACHED:
            self._cache.popitem(last=False)
        return self._usable(key)

    async def by_id(self, key_id: str) -> Key:
        """The key under which something was begun or the one in its place, if it may still call.

        Raises as `identify` does.
        """
        if self._admin is not None and key_id == ADMIN_ID:
            return self._admin[1]
        key = await self._store.heir(key_id)
        if key is None:
            raise _invalid()
        return self._usable(key)

    def forget(self) -> None:
        """Drops the cache: what this process has just changed holds here at once."""
        self._cache.clear()

    def _usable(self, key: Key) -> Key:
        if not key.usable(self._clock.now()):
            raise _invalid()
        return key


def _invalid() -> GatewayError:
    return GatewayError(errors.INVALID_API_KEY, "The API key is unknown, expired or revoked.")
