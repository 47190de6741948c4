"""What the failure of a run amounts to for the caller."""

import re
from typing import Final

import msgspec

from dragoman import errors
from dragoman.errors import ErrorKind, GatewayError

_KINDS: Final[dict[int, ErrorKind]] = {
    400: errors.INVALID_REQUEST,
    # The program's credential is the operator's: its caller can do nothing about it.
    401: errors.CREDENTIAL_REFUSED,
    402: errors.CREDENTIAL_REFUSED,
    403: errors.CREDENTIAL_REFUSED,
    404: errors.MODEL_NOT_FOUND,
    413: errors.PAYLOAD_TOO_LARGE,
    422: errors.INVALID_REQUEST,
    429: errors.RATE_LIMIT_EXCEEDED,
    504: errors.REQUEST_TIMEOUT,
}
MAX_MESSAGE: Final = 2000
"""Characters of a program's own words that go on to the caller."""
_STATUS: Final = re.compile(r"\bstatus:? ([45]\d\d)\b")


class _Error(msgspec.Struct, frozen=True):
    message: str = ""
    type: str | None = None
    code: int | str | None = None


class _Envelope(msgspec.Struct, frozen=True):
    error: _Error


def understood(message: str) -> GatewayError:
    """A failure that is told in words, out of which the provider's answer must be read."""
    start, end = message.find("{"), message.rfind("}")
    if 0 <= start < end:
        try:
            said = msgspec.json.decode(message[start : end + 1], type=_Envelope).error
        except (msgspec.DecodeError, RecursionError):
            pass
        else:
            bad = 400 if said.type == "invalid_request_error" else None
            return failed(said.message or message, said.code if isinstance(said.code, int) else bad)
    found = _STATUS.search(message)
    return failed(message, int(found[1]) if found else None)


def failed(message: str, status: int | None = None) -> GatewayError:
    """`status` is what the provider answered the program, if it has said so."""
    kind = _KINDS.get(status or 0)
    if kind is None:
        kind = errors.LINK_UNAVAILABLE if status is not None and status >= 500 else errors.EXECUTION_FAILED
    return GatewayError(kind, message.strip()[:MAX_MESSAGE] or "The program failed and did not say why.")


def exit_message(code: int, stderr: bytes) -> str:
    """A program that ended without an answer: the end of what it wrote beside it, or how it ended."""
    said = stderr.decode("utf-8", "replace").strip()
    how = f"ended by signal {-code}" if code < 0 else f"exited with code {code}"
    return f"The program {how}: {said[-MAX_MESSAGE // 2 :]}" if said else f"The program {how}."
