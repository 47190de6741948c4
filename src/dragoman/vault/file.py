"""Secrets from files: `file:/absolute/path`, as container platforms mount them."""

from pathlib import Path
from typing import Final

from dragoman import errors
from dragoman.errors import GatewayError

MAX_BYTES: Final = 64 * 1024


class FileVault:
    """`ports.Vault` for references `file:/absolute/path`; the file is read at each call."""

    def reveal(self, reference: str) -> str:
        """The file's text without the one newline that editors and `echo` leave at its end."""
        path = Path(reference.removeprefix("file:"))
        if not path.is_absolute():
            raise _not_found(reference, "the path must be absolute")
        try:
            with path.open("rb") as file:
                data = file.read(MAX_BYTES + 1)
        except (OSError, ValueError) as error:  # ValueError: a NUL in the path
            raise _not_found(reference, getattr(error, "strerror", None) or "not a path") from None
        if len(data) > MAX_BYTES:
            raise _not_found(reference, f"the file is larger than {MAX_BYTES} bytes")
        try:
            value = data.decode().removesuffix("\n").removesuffix("\r")
        except UnicodeDecodeError:
            raise _not_found(reference, "the file is not UTF-8 text") from None
        if not value:
            raise _not_found(reference, "the file is empty")
        return value


def _not_found(reference: str, reason: str) -> GatewayError:
    return GatewayError(errors.SECRET_NOT_FOUND, f"Secret {reference!r}: {reason}.")
