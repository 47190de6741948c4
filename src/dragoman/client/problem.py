"""What an error says, read from whichever form it has.

The gateway writes problem documents (RFC 9457) on most paths and the envelopes of OpenAI and Anthropic on `/v1`;
other gateways of the outbound kind write problem documents without our members, and the mocks plain `{"error"}`.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

CONTENT_TYPE = "application/problem+json"


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """An error as far as it explains itself; what it does not say is empty."""

    status: int = 0
    type: str = ""
    title: str = ""
    detail: str = ""
    """What is wrong and what to do about it."""
    code: str = ""
    """Stable; `docs/reference/errors.md` lists those of the gateway."""
    source: str = ""
    retriable: bool | None = None
    retry_after_seconds: float | None = None
    instance: str = ""
    request_id: str = ""
    alias: str = ""
    upstream: str = ""
    members: Mapping[str, Any] = msgspec.field(default_factory=dict)
    """Every member of the document, the ones above included."""


_MEMBERS = {field.name: field for field in msgspec.structs.fields(Problem) if field.name != "members"}


def parse(status: int, content_type: str, body: bytes) -> Problem | None:
    """The problem an error body describes; None if it is in no form we know."""
    try:
        document = msgspec.json.decode(body)
    except msgspec.DecodeError:
        return None
    if not isinstance(document, dict):
        return None
    if content_type.partition(";")[0].strip().lower() == CONTENT_TYPE:
        return _from_document(status, document)
    error = document.get("error")
    if isinstance(error, dict):
        return _from_envelope(status, error, document)
    if isinstance(error, str):
        return Problem(status=status, detail=error, members=document)
    return None


def _from_document(status: int, document: dict[str, Any]) -> Problem:
    """RFC 9457, 3.1: a member of the wrong type counts as absent."""
    known: dict[str, Any] = {"status": status}
    for name, field in _MEMBERS.items():
        try:
            known[name] = msgspec.convert(document[name], field.type)
        except (KeyError, msgspec.ValidationError):
            continue
    if not known.get("detail") and isinstance(document.get("error"), str):
        known["detail"] = document["error"]
    return Problem(**known, members=document)


def _from_envelope(status: int, error: dict[str, Any], document: dict[str, Any]) -> Problem:
    text = {name: value for name, value in error.items() if isinstance(value, str)}
    return Problem(
        status=status,
        type=text.get("type", ""),
        detail=text.get("message", ""),
        code=text.get("code", ""),
        members=document,
    )
