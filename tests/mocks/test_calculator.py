import pytest

from dragoman.mocks import calculator
from dragoman.mocks.answer import Buffered
from tests.mocks.client import body_of, request


@pytest.mark.parametrize(
    ("operation", "a", "b", "result"),
    [
        ("add", 15, 27, 42),
        ("subtract", 5, 3, 2),
        ("multiply", 2, 2.5, 5.0),
        ("divide", 100, 4, 25.0),
        ("divide", 1, 4, 0.25),
    ],
)
def test_the_four_operations(operation: str, a: float, b: float, result: float) -> None:
    order = {"operation": operation, "a": a, "b": b}
    answer = body_of(calculator.answer(request("POST", "calculate", order)))
    assert answer == {**order, "result": result}
    assert type(answer["result"]) is type(result)


def test_missing_numbers_are_zero() -> None:
    assert body_of(calculator.answer(request("POST", "any/path", {"operation": "add"})))["result"] == 0


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ({"operation": "divide", "a": 1, "b": 0}, "Division by zero"),
        ({"operation": "power"}, "Unknown operation: power"),
        ({"a": 1}, "Unknown operation: none"),
        ({"operation": ["add"]}, "Unknown operation: none"),
        ({"operation": "add", "a": "1"}, "a must be a number"),
        ({"operation": "add", "b": True}, "b must be a number"),
        ({"operation": "add", "b": None}, "b must be a number"),
        ({"operation": "multiply", "a": 1e308, "b": 10}, "Result out of range"),
        ({"operation": "multiply", "a": 2**62, "b": 4}, "Result out of range"),
        ({"operation": "add", "a": 10**30}, "Result out of range"),
        ({"operation": "divide", "a": 10**400, "b": 3}, "Result out of range"),
        ({"operation": "add", "a": 10**400, "b": 0.5}, "Result out of range"),
        ([], "The body must be a JSON object"),
        (b"", "The body must be a JSON object"),
        (b"\xff", "The body must be a JSON object"),
        (b"1" * 5000, "The body must be a JSON object"),
    ],
)
def test_what_cannot_be_calculated_is_a_400_that_says_why(body: object, error: str) -> None:
    answer = calculator.answer(request("POST", "calculate", body))
    assert isinstance(answer, Buffered)
    assert (answer.status, body_of(answer)) == (400, {"error": error})
