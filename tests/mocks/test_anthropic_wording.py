import pytest

from dragoman.mocks.answer import Refused
from dragoman.mocks.anthropic_wording import WORDING, anthropic_error, refuse, worded
from dragoman.mocks.form import array, boolean, by_type, integer, members, number, one_of, tagged, text
from tests.mocks.client import body_of, data_of, header_of

FORM = members(
    {"model": text(1)},
    {
        "n": integer(1),
        "t": number(0, 1),
        "id": text(1, 2, "[a-z]*"),
        "flag": boolean,
        "object": members({}),
        "list": array(text(), 1),
        "role": one_of("user", "assistant"),
        "content": by_type(string=text(), array=array(tagged({"a": members({"type": text()})}))),
    },
)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({}, "model: Field required"),
        ({"model": "x", "foo": 1}, "foo: Extra inputs are not permitted"),
        ({"model": 1}, "model: Input should be a valid string"),
        ({"model": "x", "flag": 1}, "flag: Input should be a valid boolean"),
        ({"model": "x", "object": 1}, "object: Input should be a valid dictionary"),
        ([], "Input should be a valid dictionary"),
        ({"model": "x", "n": 0}, "n: Input should be greater than or equal to 1"),
        ({"model": "x", "t": 2}, "t: Input should be less than or equal to 1"),
        ({"model": ""}, "model: String should have at least 1 character"),
        ({"model": "x", "id": "abc"}, "id: String should have at most 2 characters"),
        ({"model": "x", "id": "A"}, "id: String should match pattern '^[a-z]*$'"),
        ({"model": "x", "list": []}, "list: List should have at least 1 item after validation, not 0"),
        ({"model": "x", "role": "tool"}, "role: Input should be 'user' or 'assistant'"),
        ({"model": "x", "content": 1}, "content: Input should be a valid string or a valid list"),
        (
            {"model": "x", "content": [{"type": "b"}]},
            "content.0: Input tag 'b' found using 'type' does not match any of the expected tags: 'a'",
        ),
        ({"model": "x", "content": [{"type": "a", "z": 1}]}, "content.0.a.z: Extra inputs are not permitted"),
    ],
)
def test_a_problem_reads_as_anthropic_writes_it(value: object, message: str) -> None:
    problem = FORM(value, ())
    assert problem is not None
    answer = worded(problem)
    assert answer.status == 400
    error = {"type": "invalid_request_error", "message": message}
    assert body_of(answer) == {"type": "error", "error": error}


@pytest.mark.parametrize(
    ("status", "kind", "retry"),
    [
        (400, "invalid_request_error", None),
        (401, "authentication_error", None),
        (404, "not_found_error", None),
        (413, "request_too_large", None),
        (429, "rate_limit_error", "1"),
        (500, "api_error", None),
        (529, "overloaded_error", "1"),
    ],
)
def test_a_status_has_its_type(status: int, kind: str, retry: str | None) -> None:
    answer = anthropic_error(status, "No.")
    assert (answer.status, header_of(answer, "retry-after")) == (status, retry)
    assert body_of(answer) == {"type": "error", "error": {"type": kind, "message": "No."}}


def test_a_scenario_is_worded_so_too() -> None:
    assert body_of(WORDING.refusal(529, "Busy."))["error"]["type"] == "overloaded_error"
    (frame,) = WORDING.events(3, "Broken.")
    assert frame.event == "error"
    assert data_of(frame.encode()) == [{"type": "error", "error": {"type": "api_error", "message": "Broken."}}]
    assert b'"api_error"' in WORDING.body("Broken.")


def test_a_refusal_is_raised_with_its_answer() -> None:
    with pytest.raises(Refused) as refused:
        refuse("No.")
    assert refused.value.answer.status == 400
