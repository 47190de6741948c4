import pytest

from dragoman.mocks.form import Check, array, by_type, integer, mapping, members, number, one_of, tagged, text
from dragoman.mocks.openai_wording import path, worded
from tests.mocks.client import body_of

FORM = members(
    {"model": text(1)},
    {
        "n": integer(16),
        "t": number(0.0, 2.0),
        "id": text(0, 4),
        "tags": mapping(text(), 1),
        "list": array(text(), 1),
        "name": text(0, 9, "[a-z]+"),
        "role": one_of("user", "system"),
        "only": one_of("one"),
        "input": by_type(string=text(), array=array(tagged({"a": members({"type": text()})}))),
    },
)


@pytest.mark.parametrize(
    ("value", "param", "code", "message"),
    [
        ({}, "model", "missing_required_parameter", "Missing required parameter: 'model'."),
        ({"model": "x", "foo": 1}, "foo", "unknown_parameter", "Unknown parameter: 'foo'."),
        (
            {"model": 1},
            "model",
            "invalid_type",
            "Invalid type for 'model': expected a string, but got an integer instead.",
        ),
        (
            {"model": None},
            "model",
            "invalid_type",
            "Invalid type for 'model': expected a string, but got null instead.",
        ),
        (
            {"model": "x", "n": 5},
            "n",
            "integer_below_min_value",
            "Invalid 'n': integer below minimum value. Expected a value >= 16, but got 5 instead.",
        ),
        (
            {"model": "x", "t": 3},
            "t",
            "decimal_above_max_value",
            "Invalid 't': decimal above maximum value. Expected a value <= 2.0, but got 3 instead.",
        ),
        ({"model": ""}, "model", "empty_string", "Invalid 'model': empty string. Expected a non-empty string."),
        ({"model": "x", "list": []}, "list", "empty_array", "Invalid 'list': empty array. Expected a non-empty array."),
        (
            {"model": "x", "id": "abcde"},
            "id",
            "string_above_max_length",
            "Invalid 'id': string too long. Expected a string with maximum length 4, "
            "but got a string with length 5 instead.",
        ),
        (
            {"model": "x", "tags": {"a": "", "b": ""}},
            "tags",
            "object_above_max_properties",
            "Invalid 'tags': object too long. Expected an object with maximum properties 1, "
            "but got an object with properties 2 instead.",
        ),
        (
            {"model": "x", "name": "A"},
            "name",
            "invalid_value",
            "Invalid 'name': string does not match pattern. Expected a string that matches the pattern '^[a-z]+$'.",
        ),
        (
            {"model": "x", "role": "tool"},
            "role",
            "invalid_value",
            "Invalid value: 'tool'. Supported values are: 'user' and 'system'.",
        ),
        ({"model": "x", "only": "y"}, "only", "invalid_value", "Invalid value: 'y'. Supported values are: 'one'."),
        (
            {"model": "x", "input": 1},
            "input",
            "invalid_type",
            "Invalid type for 'input': expected one of a string or array, but got an integer instead.",
        ),
        (
            {"model": "x", "input": [{"type": "b"}]},
            "input[0].type",
            "invalid_value",
            "Invalid value: 'b'. Supported values are: 'a'.",
        ),
        (
            {"model": "x", "input": [{"type": "a", "z": 1}]},
            "input[0].z",
            "unknown_parameter",
            "Unknown parameter: 'input[0].z'.",
        ),
    ],
)
def test_a_problem_reads_as_openai_writes_it(value: object, param: str, code: str, message: str) -> None:
    assert error(FORM, value) == {"message": message, "type": "invalid_request_error", "param": param, "code": code}


def error(form: Check, value: object) -> object:
    problem = form(value, ())
    assert problem is not None
    answer = worded(problem)
    assert answer.status == 400
    return body_of(answer)["error"]


def test_a_body_that_is_no_object_has_no_param() -> None:
    problem = FORM([], ())
    assert problem is not None
    assert body_of(worded(problem))["error"]["param"] is None
    assert path(("a", 0, "b", 12)) == "a[0].b[12]"
