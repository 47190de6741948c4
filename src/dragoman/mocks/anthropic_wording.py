"""Errors as Anthropic words them: the envelope, what a problem with a request is called, how a stream breaks off.

{"type": "error", "error": {"type": "invalid_request_error", "message": "max_tokens: Field required"}}
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final, NoReturn

import msgspec

from dragoman.mocks.answer import RETRY_AFTER, Buffered, Frame, Headers, Refused, Wording, json_answer
from dragoman.mocks.form import Place, Problem

_TYPES: Final[Mapping[int, str]] = {
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    504: "timeout_error",
    529: "overloaded_error",
}
_RETRIABLE: Final = (429, 503, 529)
_KINDS: Final[Mapping[str, str]] = {
    "boolean": "a valid boolean",
    "integer": "a valid integer",
    "number": "a valid number",
    "string": "a valid string",
    "array": "a valid list",
    "object": "a valid dictionary",
}


def anthropic_error(status: int, message: str) -> Buffered:
    """An error in Anthropic's envelope, with `Retry-After` where a repeat can help."""
    retry: Headers = (("retry-after", RETRY_AFTER),) if status in _RETRIABLE else ()
    return replace(json_answer(_envelope(status, message), status, retry), wording=WORDING)


def refuse(message: str) -> NoReturn:
    """Ends the request with a 400."""
    raise Refused(anthropic_error(400, message))


def worded(problem: Problem) -> Buffered:
    """The 400 for a problem."""
    place = problem.place[:-1] if problem.kind == "tag" else problem.place
    sentence = _sentence(problem)
    return anthropic_error(400, f"{path(place)}: {sentence}" if place else sentence)


def path(place: Place) -> str:
    """A place as Anthropic writes it, `messages.0.content.1.text.text`, the alternative chosen included."""
    return ".".join(str(step) for step in place)


def _sentence(problem: Problem) -> str:
    wanted = problem.wanted
    match problem.kind:
        case "missing":
            return "Field required"
        case "unknown":
            return "Extra inputs are not permitted"
        case "type":
            names = wanted if isinstance(wanted, tuple) else (str(wanted),)
            return f"Input should be {' or '.join(_KINDS[name] for name in names)}"
        case "value":
            return f"Input should be {_listed(wanted, ' or ')}"
        case "tag":
            found = f"Input tag '{problem.given}' found using '{problem.place[-1]}'"
            return f"{found} does not match any of the expected tags: {_listed(wanted, ', ')}"
        case "below":
            return f"Input should be greater than or equal to {wanted:g}"
        case "above":
            return f"Input should be less than or equal to {wanted:g}"
        case "pattern":
            return f"String should match pattern '^{wanted}$'"
        case "short" | "long" as side:
            return _size(problem.given, side, wanted)


def _size(given: object, side: str, wanted: object) -> str:
    most = "at least" if side == "short" else "at most"
    if isinstance(given, str):
        return f"String should have {most} {wanted} character{'s' if wanted != 1 else ''}"
    assert isinstance(given, list | dict)
    return f"List should have {most} {wanted} item{'s' if wanted != 1 else ''} after validation, not {len(given)}"


def _listed(wanted: object, last: str) -> str:
    names = [f"'{name}'" for name in wanted] if isinstance(wanted, tuple) else [f"'{wanted}'"]
    return last.join(filter(None, (", ".join(names[:-1]), names[-1])))


def _envelope(status: int, message: str) -> dict[str, object]:
    kind = _TYPES.get(status, "api_error" if status >= 500 else "invalid_request_error")
    return {"type": "error", "error": {"type": kind, "message": message}}


def _broken(sent: int, message: str) -> tuple[Frame, ...]:
    """The `error` event that may come at any place of a stream (Anthropic, "Streaming messages", error events)."""
    return (Frame(_failure(message).decode(), "error"),)


def _failure(message: str) -> bytes:
    return msgspec.json.encode(_envelope(500, message))


WORDING: Final = Wording(anthropic_error, _broken, _failure)
