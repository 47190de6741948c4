"""The four operations on two numbers; any path. What cannot be calculated is a 400 that says why."""

import math
import operator
from collections.abc import Callable, Mapping
from typing import Final, TypeGuard

from dragoman.mocks.answer import Answer, json_answer, plain_error
from dragoman.mocks.request import BadJson, Json, Request

Number = int | float
_OPERATIONS: Final[Mapping[str, Callable[[Number, Number], Number]]] = {
    "add": operator.add,
    "subtract": operator.sub,
    "multiply": operator.mul,
    "divide": operator.truediv,
}
# Beyond this a JSON integer is not portable (RFC 8259, 6), and msgspec writes no larger one.
_MAX_INTEGER: Final = 2**63 - 1


def answer(request: Request) -> Answer:
    """`{"operation": "add", "a": 5, "b": 3}`; `a` and `b` default to 0."""
    try:
        order = request.json(dict[str, Json])
    except BadJson:
        return plain_error(400, "The body must be a JSON object")
    name, a, b = order.get("operation"), order.get("a", 0), order.get("b", 0)
    if not isinstance(name, str) or name not in _OPERATIONS:
        return plain_error(400, f"Unknown operation: {name if isinstance(name, str) else 'none'}")
    if not _is_number(a):
        return plain_error(400, "a must be a number")
    if not _is_number(b):
        return plain_error(400, "b must be a number")
    try:
        result = _OPERATIONS[name](a, b)
    except ZeroDivisionError:
        return plain_error(400, "Division by zero")
    except OverflowError:
        return plain_error(400, "Result out of range")
    if not all(map(_is_portable, (a, b, result))):
        return plain_error(400, "Result out of range")
    return json_answer({"operation": name, "a": a, "b": b, "result": result})


def _is_number(value: Json) -> TypeGuard[Number]:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_portable(number: Number) -> bool:
    return abs(number) <= _MAX_INTEGER if isinstance(number, int) else math.isfinite(number)
