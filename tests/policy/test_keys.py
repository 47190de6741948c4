import hashlib
import string
import zlib

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dragoman import errors
from dragoman.errors import GatewayError
from dragoman.policy.keys import ADMIN_KEY_MIN_CHARS, PREFIX, TOKEN_CHARS, Key, digest, mint, well_formed

ALPHABET = string.digits + string.ascii_uppercase + string.ascii_lowercase
TOKEN = mint(bytes(range(32)))


def test_a_token_has_the_form_it_is_said_to_have() -> None:
    assert PREFIX == "drg_"
    assert TOKEN_CHARS == 53
    assert mint(bytes(32)) == "drg_" + "0" * 43 + mint(bytes(32))[-6:]
    assert well_formed(TOKEN)


@settings(deadline=None)
@given(st.binary(min_size=32, max_size=32))
def test_whatever_is_minted_is_well_formed(entropy: bytes) -> None:
    token = mint(entropy)
    assert len(token) == TOKEN_CHARS
    assert set(token.removeprefix(PREFIX)) <= set(ALPHABET)
    assert well_formed(token)


@settings(deadline=None)
@given(st.binary(min_size=32, max_size=32), st.binary(min_size=32, max_size=32))
def test_different_entropy_makes_different_tokens(one: bytes, other: bytes) -> None:
    assert (mint(one) == mint(other)) is (one == other)


def test_the_largest_number_fits() -> None:
    token = mint(b"\xff" * 32)
    value = 0
    for character in token[len(PREFIX) : -6]:
        value = value * 62 + ALPHABET.index(character)
    assert value == 2**256 - 1


@pytest.mark.parametrize("size", [0, 31, 33])
def test_a_token_takes_32_bytes(size: int) -> None:
    with pytest.raises(ValueError, match="32 random bytes"):
        mint(b"x" * size)


def test_every_single_mistyped_character_is_noticed() -> None:
    for at in range(len(TOKEN)):
        for character in "0aZ":
            wrong = TOKEN[:at] + character + TOKEN[at + 1 :]
            assert well_formed(wrong) is (wrong == TOKEN), wrong
    for at in range(len(TOKEN) - 1):
        swapped = TOKEN[:at] + TOKEN[at + 1] + TOKEN[at] + TOKEN[at + 2 :]
        assert well_formed(swapped) is (swapped == TOKEN), swapped


def with_checksum(secret: str) -> str:
    """A token of any characters whose checksum holds."""
    number, check = zlib.crc32(secret.encode()), ""
    for _ in range(6):
        number, digit = divmod(number, 62)
        check = ALPHABET[digit] + check
    return PREFIX + secret + check


def test_what_only_resembles_a_token_is_not_well_formed() -> None:
    assert well_formed(with_checksum("0" * 43))
    for bad in [
        "", PREFIX, TOKEN[:-1], TOKEN + "0", " " + TOKEN[1:], TOKEN[:-1] + "\n", TOKEN.upper(), "x" * TOKEN_CHARS,
        "drg-" + TOKEN[4:], TOKEN[:-1] + "ä", TOKEN.replace("drg_", "sk-_"), "١" * TOKEN_CHARS,
        with_checksum("!" * 43), with_checksum(" " * 43), with_checksum("\0" * 43),
    ]:  # fmt: skip
        assert not well_formed(bad), bad


def test_what_is_stored_of_a_token_is_its_sha_256() -> None:
    assert digest(TOKEN) == hashlib.sha256(TOKEN.encode()).digest()
    assert digest("") != digest(" ")
    # Whatever bytes a caller may put into a header can be looked up without a fault.
    for value in (b"\xff\x00".decode("latin-1"), b"\xff".decode("utf-8", "surrogateescape"), "🐉"):
        assert len(digest(value)) == 32


def key(**more: object) -> Key:
    return msgspec.structs.replace(Key(id="key_1", name="test"), **more)


def test_a_key_without_an_id_cannot_be_made_in_any_way() -> None:
    with pytest.raises(ValueError, match="without an id"):
        Key(id="", name="x")
    with pytest.raises(msgspec.ValidationError, match="without an id"):
        msgspec.convert({"id": "", "name": "x"}, Key)
    with pytest.raises(msgspec.ValidationError, match="without an id"):
        msgspec.json.decode(b'{"id":"","name":"x"}', type=Key)
    with pytest.raises(ValueError, match="without an id"):
        msgspec.structs.replace(Key(id="key_1", name="x"), id="")


def test_a_key_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        key().admin = True  # type: ignore[misc]


@pytest.mark.parametrize(
    ("expires_at", "revoked_at", "now", "usable"),
    [
        (None, None, 0.0, True),
        (100.0, None, 99.9, True),
        (100.0, None, 100.0, False),
        (100.0, None, 101.0, False),
        (None, 50.0, 49.0, False),
        (None, 0.0, 1.0, False),
        (100.0, 50.0, 60.0, False),
        (0.0, None, 1.0, False),
    ],
)
def test_a_key_is_usable_until_it_expires_or_is_revoked(
    expires_at: float | None, revoked_at: float | None, now: float, usable: bool
) -> None:
    assert key(expires_at=expires_at, revoked_at=revoked_at).usable(now) is usable


@pytest.mark.parametrize(
    ("patterns", "name", "permitted"),
    [
        (("*",), "anything/at:all", True),
        ((), "gpt-4o", False),
        (("gpt-4o",), "gpt-4o", True),
        (("gpt-4o",), "gpt-4o-mini", False),
        (("gpt-4o",), "GPT-4o", False),
        (("gpt-4o",), "x/gpt-4o", False),
        (("gpt-*", "o1"), "gpt-4o", True),
        (("gpt-*", "o1"), "o1", True),
        (("gpt-*",), "my-gpt-4", False),
        (("gpt-?",), "gpt-44", False),
        (("vllm/*",), "vllm/a/b", True),
        (("gpt-*",), "gpt-4\n", True),
        (("",), "", True),
    ],
)
def test_scopes_are_globs_over_the_whole_name(patterns: tuple[str, ...], name: str, permitted: bool) -> None:
    assert key(models=patterns).permits_model(name) is permitted
    assert key(aliases=patterns).permits_alias(name) is permitted
    assert key(models=patterns, aliases=()).permits_alias(name) is False
    assert key(models=(), aliases=patterns).permits_model(name) is False


def test_an_admin_key_has_every_scope() -> None:
    admin = key(models=(), aliases=(), admin=True)
    assert admin.permits_model("x") and admin.permits_alias("x") and admin.permits_every_model
    admin.require_admin()


def test_only_a_key_of_every_model_may_do_without_naming_one() -> None:
    assert key().permits_every_model
    assert not key(models=("gpt-*",)).permits_every_model
    assert not key(models=()).permits_every_model


def test_what_needs_an_admin_key_refuses_any_other() -> None:
    with pytest.raises(GatewayError) as caught:
        key().require_admin()
    assert caught.value.kind is errors.PERMISSION_DENIED


def test_an_admin_key_of_the_environment_is_long_enough_not_to_be_guessed() -> None:
    assert ADMIN_KEY_MIN_CHARS >= 16
