"""Authenticated encryption of what callers carry for the gateway: AES-256-GCM (NIST SP 800-38D).

The key is derived from the operator's secret (HKDF, RFC 5869). A nonce is random, 96 bits, which allows some
billions of envelopes under one secret.
"""

import base64
import binascii
import os
from pathlib import Path
from typing import TYPE_CHECKING, Final

from dragoman.errors import ConfigError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

MIN_SECRET: Final = 16
"""Characters; a secret that someone could guess protects nothing."""
_INFO: Final = b"dragoman envelopes 1"
_NONCE: Final = 12


class AesSealer:
    """`dialects.sealing.Sealer` under one secret."""

    def __init__(self, secret: str) -> None:
        """Raises `ConfigError` for a secret that is too short."""
        if len(secret) < MIN_SECRET:
            raise ConfigError("store.secret", f"is shorter than {MIN_SECRET} characters", "openssl rand -hex 32")
        self._secret = secret.encode()
        self._cipher: AESGCM | None = None

    def seal(self, data: bytes, bound: bytes) -> str:
        nonce = os.urandom(_NONCE)
        return base64.urlsafe_b64encode(nonce + self._open_cipher().encrypt(nonce, data, bound)).decode("ascii")

    def open(self, sealed: str, bound: bytes) -> bytes | None:
        from cryptography.exceptions import InvalidTag  # noqa: PLC0415 - see `_open_cipher`

        try:
            data = base64.b64decode(sealed, altchars=b"-_", validate=True)
            return self._open_cipher().decrypt(data[:_NONCE], data[_NONCE:], bound)
        except (InvalidTag, ValueError, binascii.Error):
            return None

    def _open_cipher(self) -> "AESGCM":
        if self._cipher is None:
            # Imported at first use: it costs a start 0.1 s and many gateways never see sealed reasoning.
            from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415
            from cryptography.hazmat.primitives.hashes import SHA256  # noqa: PLC0415
            from cryptography.hazmat.primitives.kdf.hkdf import HKDF  # noqa: PLC0415

            self._cipher = AESGCM(HKDF(SHA256(), 32, None, _INFO).derive(self._secret))
        return self._cipher


def keep_secret(path: Path) -> str:
    """The secret in a file of ours, made with mode 0600 if there is none. Raises `ConfigError`."""
    try:
        made = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except FileExistsError:
        pass
    except OSError as error:
        raise ConfigError("store.secret", f"{str(path)!r} cannot be made: {error.strerror}") from None
    else:
        with open(made, "w", encoding="ascii") as file:
            file.write(os.urandom(32).hex() + "\n")
    try:
        return path.read_text("ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError("store.secret", f"{str(path)!r} cannot be read: {error}") from None
