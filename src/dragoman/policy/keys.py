"""API keys: their form, what is stored of them, and what they permit.

A token is `drg_` + 43 characters base62 (256 random bits) + 6 characters base62 checksum (CRC-32), so
that a mistyped key is refused without a look-up and secret scanners can recognise one. The random part
has 256 bits, so a plain SHA-256 is stored: there is nothing to guess and no pepper to lose.
"""

import hashlib
import hmac
import re
import zlib
from fnmatch import fnmatchcase
from typing import Final

import msgspec

from dragoman import errors
from dragoman.errors import GatewayError
from dragoman.policy.tenants import ROOT

PREFIX: Final = "drg_"
_ALPHABET: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_SECRET_CHARS: Final = 43  # ceil(256 / log2(62))
_CHECK_CHARS: Final = 6  # ceil(32 / log2(62))
TOKEN_CHARS: Final = len(PREFIX) + _SECRET_CHARS + _CHECK_CHARS
ADMIN_KEY_MIN_CHARS: Final = 16
_TOKEN: Final = re.compile(f"{PREFIX}[0-9A-Za-z]{{{_SECRET_CHARS + _CHECK_CHARS}}}")


class Key(msgspec.Struct, frozen=True, kw_only=True):
    """A caller's credential as stored: everything but the token itself.

    `models` and `aliases` are glob patterns; an empty tuple permits none. `admin` implies every scope.
    """

    id: str
    owner: str = ""
    """Whose what is kept and sealed under this key is: the id of the first of a line of keys, each of which took
    the place of the one before. One that took nobody's place owns itself."""
    tenant: str = ROOT
    """Whose aliases it may call, and whose limits it takes from."""
    name: str
    hint: str = ""
    """The last four characters, to tell keys apart."""
    created_at: float = 0.0
    expires_at: float | None = None
    revoked_at: float | None = None
    models: tuple[str, ...] = ("*",)
    aliases: tuple[str, ...] = ("*",)
    admin: bool = False

    def __post_init__(self) -> None:
        if not self.id:
            raise ValueError("a key without an id can never be made")
        if not self.owner:
            msgspec.structs.force_setattr(self, "owner", self.id)

    def usable(self, now: float) -> bool:
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)

    def permits_model(self, name: str) -> bool:
        return self.permits_every_model or any(fnmatchcase(name, pattern) for pattern in self.models)

    @property
    def permits_every_model(self) -> bool:
        return self.admin or "*" in self.models

    def permits_alias(self, name: str) -> bool:
        return self.admin or "*" in self.aliases or any(fnmatchcase(name, pattern) for pattern in self.aliases)

    def require_aliases(self) -> None:
        """Raises `GatewayError` PERMISSION_DENIED for a key that no alias is for, whatever the name."""
        if not (self.admin or self.aliases):
            raise GatewayError(errors.PERMISSION_DENIED, "This key may call no alias.")

    def require_admin(self) -> None:
        if not self.admin:
            raise GatewayError(errors.PERMISSION_DENIED, "This needs an admin key.")

    def require_operator(self) -> None:
        """What concerns every tenant takes an admin key of the root: others administer their own aliases alone."""
        self.require_admin()
        if self.tenant != ROOT:
            raise GatewayError(errors.PERMISSION_DENIED, f"This needs an admin key of the tenant {ROOT!r}.")


def _base62(number: int, width: int) -> str:
    digits = []
    for _ in range(width):
        number, digit = divmod(number, 62)
        digits.append(_ALPHABET[digit])
    return "".join(reversed(digits))


def _checksum(secret: str) -> str:
    return _base62(zlib.crc32(secret.encode("ascii")), _CHECK_CHARS)


def mint(entropy: bytes) -> str:
    """The token that 32 random bytes make."""
    if len(entropy) != 32:
        raise ValueError("a token takes exactly 32 random bytes")
    secret = _base62(int.from_bytes(entropy), _SECRET_CHARS)
    return f"{PREFIX}{secret}{_checksum(secret)}"


def well_formed(token: str) -> bool:
    """Whether `token` has our form and its checksum holds; says nothing of whether it is known."""
    if not _TOKEN.fullmatch(token):
        return False
    secret = token[len(PREFIX) : -_CHECK_CHARS]
    return hmac.compare_digest(_checksum(secret).encode(), token[-_CHECK_CHARS:].encode())


def digest(token: str) -> bytes:
    """What is stored and looked up instead of the token."""
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).digest()
