"""Problems with a request in OpenAI's words: message, `param` and `code` of a 400 to the Responses API.

The sentences are those its API gives; clients and gateways look for them.
"""

from collections.abc import Mapping
from typing import Final

from dragoman.mocks.answer import Buffered, openai_error
from dragoman.mocks.form import Place, Problem, Tag, type_name
from dragoman.mocks.request import Json

_ARTICLES: Final[Mapping[str, str]] = {
    "boolean": "a boolean",
    "integer": "an integer",
    "number": "a decimal number",
    "string": "a string",
    "array": "an array",
    "object": "an object",
    "null": "null",
}
_BOUNDS: Final = {"below": ("below minimum", ">=", "below_min"), "above": ("above maximum", "<=", "above_max")}
_SIZES: Final[Mapping[type, tuple[str, str]]] = {
    str: ("string", "length"),
    list: ("array", "length"),
    dict: ("object", "properties"),
}


def worded(problem: Problem) -> Buffered:
    """The 400 for a problem."""
    param = path(problem.place)
    message, code = _sentence(problem, param)
    return openai_error(400, message, param or None, code)


def path(place: Place) -> str:
    """A place as OpenAI writes it, `input[0].content[1].type`."""
    written = ""
    for step in place:
        if isinstance(step, int):
            written += f"[{step}]"
        elif not isinstance(step, Tag):
            written += f".{step}" if written else step
    return written


def _sentence(problem: Problem, param: str) -> tuple[str, str]:
    wanted, given = problem.wanted, problem.given
    match problem.kind:
        case "missing":
            return f"Missing required parameter: '{param}'.", "missing_required_parameter"
        case "unknown":
            return f"Unknown parameter: '{param}'.", "unknown_parameter"
        case "type":
            return f"Invalid type for '{param}': expected {_types(wanted)}, but got {_given(given)}.", "invalid_type"
        case "value" | "tag":
            return f"Invalid value: '{given}'. Supported values are: {_listed(wanted)}.", "invalid_value"
        case "below" | "above":
            side, sign, code = _BOUNDS[problem.kind]
            kind = "integer" if isinstance(wanted, int) else "decimal"
            message = (
                f"Invalid '{param}': {kind} {side} value. Expected a value {sign} {wanted}, but got {given} instead."
            )
            return message, f"{kind}_{code}_value"
        case "short" | "long":
            return _size(problem, param)
        case "pattern":
            expected = f"Expected a string that matches the pattern '^{wanted}$'."
            return f"Invalid '{param}': string does not match pattern. {expected}", "invalid_value"


def _size(problem: Problem, param: str) -> tuple[str, str]:
    given = problem.given
    assert isinstance(given, str | list | dict)
    kind, measure = _SIZES[type(given)]
    if problem.kind == "short":
        return f"Invalid '{param}': empty {kind}. Expected a non-empty {kind}.", f"empty_{kind}"
    message = (
        f"Invalid '{param}': {kind} too long. Expected {_ARTICLES[kind]} with maximum {measure} {problem.wanted}, "
        f"but got {_ARTICLES[kind]} with {measure} {len(given)} instead."
    )
    return message, f"{kind}_above_max_{measure}"


def _types(wanted: str | float | tuple[str, ...]) -> str:
    if isinstance(wanted, tuple):
        return f"one of {' or '.join([_ARTICLES[wanted[0]], *wanted[1:]])}"
    return _ARTICLES[str(wanted)]


def _given(value: Json) -> str:
    name = type_name(value)
    return "null instead" if name == "null" else f"{_ARTICLES[name]} instead"


def _listed(wanted: str | float | tuple[str, ...]) -> str:
    names = [f"'{name}'" for name in wanted] if isinstance(wanted, tuple) else [f"'{wanted}'"]
    return " and ".join(names) if len(names) < 3 else f"{', '.join(names[:-1])}, and {names[-1]}"
