from enum import Enum
from functools import partial
from typing import Annotated, Any, Literal, Optional

import pytest
from pydantic import BaseModel, Field, ValidationError

from dragoman.agents import schema
from dragoman.agents.context import Context
from dragoman.agents.errors import AgentError


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


class Place(BaseModel):
    city: str
    lat: float = 0.0


def everything(
    numbers: list[int],
    maybe: Optional[int],  # noqa: UP045 - the older spelling, too
    choice: Literal["x", "y"],
    place: Place,
    colour: Colour,
    table: dict[str, float],
    bounded: Annotated[int, Field(ge=1, le=5)] = 3,
    anything: Any = None,
) -> str:
    """Takes all there is.

    Over two paragraphs.

    Args:
        numbers: Some numbers,
            on two lines.
        choice: One of two.
    """
    return ""


def test_types_reach_the_model_as_they_are() -> None:
    found = schema.read(everything).schema
    assert found["properties"]["numbers"] == {
        "type": "array", "items": {"type": "integer"}, "description": "Some numbers, on two lines.",
    }  # fmt: skip
    assert found["properties"]["maybe"] == {"anyOf": [{"type": "integer"}, {"type": "null"}]}
    assert found["properties"]["choice"] == {"type": "string", "enum": ["x", "y"], "description": "One of two."}
    assert found["properties"]["table"] == {"type": "object", "additionalProperties": {"type": "number"}}
    assert found["properties"]["bounded"] == {"type": "integer", "minimum": 1, "maximum": 5, "default": 3}
    assert found["properties"]["place"] == {"$ref": "#/$defs/Place"}
    assert found["$defs"]["Place"]["properties"]["city"] == {"type": "string"}
    assert found["$defs"]["Colour"]["enum"] == ["red", "blue"]
    assert found["required"] == ["numbers", "maybe", "choice", "place", "colour", "table"]
    assert found["additionalProperties"] is False
    assert "title" not in found


def test_the_description_is_what_the_docstring_says_before_the_parameters() -> None:
    assert schema.read(everything).description == "Takes all there is.\n\nOver two paragraphs."


def numpy_style(a: int, b: int) -> int:
    """Adds.

    Parameters
    ----------
    a : int
        The first.
    b : int
        The second.
    """
    return a + b


def sphinx_style(a: int, b: int) -> int:
    """Adds.

    :param a: The first.
    :param b: The second.
    """
    return a + b


@pytest.mark.parametrize("function", [numpy_style, sphinx_style])
def test_docstrings_of_other_styles_are_read(function: Any) -> None:
    found = schema.read(function)
    assert found.description == "Adds."
    assert [one["description"] for one in found.schema["properties"].values()] == ["The first.", "The second."]


def test_arguments_become_values_of_their_types() -> None:
    text = """{"numbers": [1, 2], "maybe": null, "choice": "x", "place": {"city": "Oslo"}, "colour": "red",
        "table": {"a": 1}}"""
    given = schema.read(everything).parse(text)
    assert given == {
        "numbers": [1, 2], "maybe": None, "choice": "x", "place": Place(city="Oslo"), "colour": Colour.RED,
        "table": {"a": 1.0},
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ('{"a": 1}', ("b",)),
        ('{"a": 1, "b": 2, "c": 3}', ("c",)),
        ('{"a": "one", "b": 2}', ("a",)),
        ('{"a": 1,', ()),
        ("[]", ()),
    ],
)
def test_arguments_that_do_not_fit_are_refused_by_name(text: str, at: tuple[str, ...]) -> None:
    with pytest.raises(ValidationError) as caught:
        schema.read(numpy_style).parse(text)
    assert caught.value.errors()[0]["loc"] == at


def test_a_parameter_may_have_any_name() -> None:
    def tricky(schema: int, model_dump: str, json: bool, copy: float = 1.0) -> None: ...

    found = schema.read(tricky)
    assert list(found.schema["properties"]) == ["schema", "model_dump", "json", "copy"]
    assert found.parse('{"schema": 1, "model_dump": "", "json": true}')["json"] is True


def test_nothing_said_is_an_empty_object() -> None:
    def nothing() -> None: ...

    found = schema.read(nothing)
    assert (found.parse(""), found.parse("{}"), found.schema["properties"]) == ({}, {}, {})


def test_the_context_is_no_argument() -> None:
    def by_type(run: Context, a: int) -> None: ...

    def by_name(ctx, a: int) -> None: ...  # type: ignore[no-untyped-def]

    def neither(a: Context | int) -> None: ...

    assert [schema.read(one).takes_context for one in (by_type, by_name)] == [True, True]
    assert [list(schema.read(one).schema["properties"]) for one in (by_type, by_name)] == [["a"], ["a"]]
    with pytest.raises(AgentError):
        schema.read(neither)


def test_a_function_whose_arguments_have_no_names_is_no_tool() -> None:
    def many(*values: int) -> None: ...

    def open_ended(**values: int) -> None: ...

    for function in (many, open_ended):
        with pytest.raises(AgentError, match="a model names all it gives"):
            schema.read(function)


def test_a_default_that_is_no_json_is_the_function_s_own_affair() -> None:
    marker = object()

    def hidden(a: Any = marker) -> None: ...

    assert "default" not in schema.read(hidden).schema["properties"]["a"]


def test_a_schema_is_closed_and_strict_only_if_all_is_required() -> None:
    whole, strict = schema.closed({"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]})
    assert (whole["additionalProperties"], strict) == (False, True)
    inner = {"type": "object", "properties": {"b": {"type": "string"}}}
    whole, strict = schema.closed({"type": "object", "properties": {"a": inner}, "required": ["a"]})
    assert (whole["properties"]["a"]["additionalProperties"], strict) == (False, False)
    table = {"type": "object", "additionalProperties": {"type": "number"}}
    assert schema.closed(table) == (table, False)


def test_a_type_that_is_not_known_where_the_function_is_defined_is_named() -> None:
    def lost(a: "Nowhere") -> None: ...  # type: ignore[name-defined] # noqa: F821 - the point of it

    with pytest.raises(AgentError, match="lost: name 'Nowhere' is not defined"):
        schema.read(lost)


def test_part_of_a_function_is_a_function() -> None:
    found = schema.read(partial(numpy_style, b=1)).schema
    assert found["properties"]["b"]["default"] == 1
