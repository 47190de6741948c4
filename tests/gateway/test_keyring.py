import pytest

from dragoman import errors
from dragoman.errors import GatewayError
from dragoman.gateway.issuing import Issuer
from dragoman.gateway.keyring import TTL, Keyring
from dragoman.policy import keys
from dragoman.policy.keys import Key
from dragoman.stores.memory import MemoryKeyStore

ADMIN = "an-admin-key-of-some-length"


class SettableClock:
    def __init__(self) -> None:
        self.seconds = 1_000.0

    def now(self) -> float:
        return self.seconds

    def monotonic(self) -> float:
        return self.seconds


class CountingStore(MemoryKeyStore):
    """Counts look-ups, and fails them when told to."""

    def __init__(self) -> None:
        super().__init__()
        self.finds = 0
        self.down = False

    async def find(self, digest: bytes) -> Key | None:
        self.finds += 1
        if self.down:
            raise GatewayError(errors.STORE_UNAVAILABLE, "down")
        return await super().find(digest)


@pytest.fixture
def clock() -> SettableClock:
    return SettableClock()


@pytest.fixture
def store() -> CountingStore:
    return CountingStore()


async def refused(keyring: Keyring, token: str | None) -> errors.ErrorKind:
    with pytest.raises(GatewayError) as raised:
        await keyring.identify(token)
    return raised.value.kind


@pytest.mark.parametrize("token", [None, ""])
async def test_no_token_is_a_missing_key(store: CountingStore, clock: SettableClock, token: str | None) -> None:
    assert await refused(Keyring(store, clock, ADMIN), token) is errors.MISSING_API_KEY


@pytest.mark.parametrize(
    "token",
    [" ", "x", "drg_", "null", "None", "undefined", "sk-1234", ADMIN[:-1], ADMIN + "x", "\udcff", "0" * 10_000],
)
async def test_anything_unknown_is_refused_without_a_look_up(
    store: CountingStore, clock: SettableClock, token: str
) -> None:
    assert await refused(Keyring(store, clock, ADMIN), token) is errors.INVALID_API_KEY
    assert store.finds == 0


async def test_without_an_admin_key_nothing_passes_for_one(store: CountingStore, clock: SettableClock) -> None:
    assert await refused(Keyring(store, clock), ADMIN) is errors.INVALID_API_KEY
    assert await refused(Keyring(store, clock, None), "None") is errors.INVALID_API_KEY


async def test_the_admin_key_has_every_scope(store: CountingStore, clock: SettableClock) -> None:
    key = await Keyring(store, clock, ADMIN).identify(ADMIN)
    key.require_admin()
    assert key.permits_model("anything") and key.permits_alias("anything")


async def test_a_stored_key_is_found_and_then_cached(store: CountingStore, clock: SettableClock) -> None:
    key, token = await Issuer(store, clock).create("mine")
    keyring = Keyring(store, clock)
    assert await keyring.identify(token) == key
    assert await keyring.identify(token) == key
    assert store.finds == 1


async def test_a_revocation_is_felt_within_the_cache_time(store: CountingStore, clock: SettableClock) -> None:
    issuer = Issuer(store, clock)
    key, token = await issuer.create("mine")
    keyring = Keyring(store, clock)
    await keyring.identify(token)
    await issuer.revoke(key.id)
    clock.seconds += TTL
    assert await refused(keyring, token) is errors.INVALID_API_KEY


async def test_forgetting_makes_it_felt_at_once(store: CountingStore, clock: SettableClock) -> None:
    issuer = Issuer(store, clock)
    key, token = await issuer.create("mine")
    keyring = Keyring(store, clock)
    await keyring.identify(token)
    await issuer.revoke(key.id)
    keyring.forget()
    assert await refused(keyring, token) is errors.INVALID_API_KEY


async def test_a_cached_key_expires_to_the_second(store: CountingStore, clock: SettableClock) -> None:
    _, token = await Issuer(store, clock).create("short", expires_in=5)
    keyring = Keyring(store, clock)
    await keyring.identify(token)
    clock.seconds += 5
    assert await refused(keyring, token) is errors.INVALID_API_KEY


async def test_a_store_that_is_down_is_never_a_wrong_key(store: CountingStore, clock: SettableClock) -> None:
    _, token = await Issuer(store, clock).create("mine")
    store.down = True
    assert await refused(Keyring(store, clock), token) is errors.STORE_UNAVAILABLE


async def test_a_cached_key_outlives_the_store_for_its_time(store: CountingStore, clock: SettableClock) -> None:
    key, token = await Issuer(store, clock).create("mine")
    keyring = Keyring(store, clock)
    await keyring.identify(token)
    store.down = True
    assert await keyring.identify(token) == key


async def test_a_well_formed_stranger_is_looked_up_and_refused(store: CountingStore, clock: SettableClock) -> None:
    assert await refused(Keyring(store, clock), keys.mint(bytes(32))) is errors.INVALID_API_KEY
    assert store.finds == 1


async def test_what_was_begun_under_a_key_goes_on_under_the_one_in_its_place(
    store: CountingStore, clock: SettableClock
) -> None:
    issuer, keyring = Issuer(store, clock), Keyring(store, clock, ADMIN)
    first, _ = await issuer.create("mine")
    second, _ = await issuer.rotate(first.id)
    assert await keyring.by_id(first.id) == second
    await issuer.revoke(second.id)
    for key_id in (first.id, second.id, "key_unknown"):
        with pytest.raises(GatewayError) as raised:
            await keyring.by_id(key_id)
        assert raised.value.kind is errors.INVALID_API_KEY
    assert (await keyring.by_id("env-admin")).admin
