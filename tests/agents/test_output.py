from typing import Any, Literal

import msgspec
import pytest
from pydantic import BaseModel, ValidationError

from dragoman.agents import output


class Inner(BaseModel):
    a: int


class Outer(BaseModel):
    inner: Inner
    many: list[Inner] = []


def schema_of(kind: Any) -> Any:
    return msgspec.json.decode(msgspec.json.encode(output.of(kind).format.schema))


def test_an_object_is_asked_for_as_it_is() -> None:
    whole = output.of(Inner)
    assert (whole.name, whole.format.name, whole.format.strict) == ("Inner", "Inner", True)
    assert schema_of(Inner)["additionalProperties"] is False
    assert whole.parse('{"a": 1}') == Inner(a=1)


def test_what_may_be_left_out_is_no_strict_schema() -> None:
    assert output.of(Outer).format.strict is False
    assert output.of(Outer).parse('{"inner": {"a": 1}}') == Outer(inner=Inner(a=1))


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        (list[int], '{"value": [1]}', [1]),
        (list[Inner], '{"value": [{"a": 1}]}', [Inner(a=1)]),
        (Literal["yes", "no"], '{"value": "yes"}', "yes"),
        (Inner | None, '{"value": null}', None),
    ],
)
def test_anything_else_is_asked_for_in_an_object(kind: Any, text: str, value: object) -> None:
    assert output.of(kind).parse(text) == value
    assert schema_of(kind)["required"] == ["value"]


def test_faults_name_their_place() -> None:
    whole = output.of(Outer)
    with pytest.raises(ValidationError) as caught:
        whole.parse('{"inner": {"a": "x"}}')
    assert whole.faults(caught.value).startswith("inner.a: Input should be a valid integer")
    assert "JSON alone" in whole.complaint(caught.value)
