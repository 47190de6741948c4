"""Seals on what only the provider that made them may accept again: reasoning and its signatures. Not cryptography.

Real providers refuse a sealed text that was changed on its way, or that another made; so do the mocks.
"""

import base64
import hashlib
from typing import Final

_KEY: Final = b"dragoman-mock"
_DIGEST: Final = 12


def sealed(text: str, start: str) -> str:
    """`text` in a form that cannot be read, beginning with `start`."""
    data = text.encode("utf-8", "surrogatepass")
    return start + base64.urlsafe_b64encode(_digest(data) + data).decode()


def opened(seal: str, start: str) -> str | None:
    """The text of a seal; `None` if it is none of this mock's, or was changed."""
    try:
        data = base64.b64decode(seal.removeprefix(start), altchars=b"-_", validate=True)
        text = data[_DIGEST:].decode("utf-8", "surrogatepass")
    except ValueError:
        return None
    return text if seal.startswith(start) and data[:_DIGEST] == _digest(data[_DIGEST:]) else None


def _digest(data: bytes) -> bytes:
    return hashlib.sha256(_KEY + data).digest()[:_DIGEST]
