import pytest

from dragoman import errors
from dragoman.errors import GatewayError
from dragoman.gateway.clock import SystemClock
from dragoman.gateway.issuing import Issuer
from dragoman.policy import keys
from dragoman.stores.memory import MemoryKeyStore


@pytest.fixture
def store() -> MemoryKeyStore:
    return MemoryKeyStore()


@pytest.fixture
def issuer(store: MemoryKeyStore) -> Issuer:
    return Issuer(store, SystemClock())


async def test_the_token_is_well_formed_and_only_its_digest_is_stored(issuer: Issuer, store: MemoryKeyStore) -> None:
    key, token = await issuer.create("ci", models=["a"], aliases=[], expires_in=60)
    assert keys.well_formed(token)
    assert await store.find(keys.digest(token)) == key
    assert key.hint == token[-4:] and token not in repr(await issuer.list())
    assert (key.models, key.aliases, key.admin) == (("a",), (), False)


async def test_rotation_keeps_scopes_and_revokes_the_old_token(issuer: Issuer, store: MemoryKeyStore) -> None:
    old, old_token = await issuer.create("ci", models=["a"], expires_in=60, admin=True)
    new, new_token = await issuer.rotate(old.id)
    assert (new.name, new.models, new.expires_at, new.admin) == (old.name, old.models, old.expires_at, True)
    assert new.id != old.id and new_token != old_token
    stored = await store.find(keys.digest(old_token))
    assert stored is not None and stored.revoked_at is not None


async def test_rotation_hands_on_whose_things_are(issuer: Issuer) -> None:
    first, _ = await issuer.create("ci")
    second, _ = await issuer.rotate(first.id)
    third, _ = await issuer.rotate(second.id)
    assert (first.owner, second.owner, third.owner) == (first.id, first.id, first.id)


async def test_a_revoked_key_cannot_be_rotated(issuer: Issuer) -> None:
    key, _ = await issuer.create("ci")
    await issuer.revoke(key.id)
    with pytest.raises(GatewayError) as raised:
        await issuer.rotate(key.id)
    assert raised.value.kind is errors.NOT_FOUND


@pytest.mark.parametrize(
    ("name", "expires_in"), [("", None), ("   ", None), ("x" * 201, None), ("x", 0.0), ("x", -1.0)]
)
async def test_a_bad_key_is_never_made(issuer: Issuer, name: str, expires_in: float | None) -> None:
    with pytest.raises(GatewayError) as raised:
        await issuer.create(name, expires_in=expires_in)
    assert raised.value.kind is errors.INVALID_REQUEST
    assert await issuer.list() == []


async def test_revoking_what_is_not_there_is_an_error(issuer: Issuer) -> None:
    with pytest.raises(GatewayError):
        await issuer.revoke("key_none")
