import json
from datetime import date, datetime
from enum import Enum
from ipaddress import IPv4Address
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, Field, TypeAdapter

from dragoman.mocks.schema import instance


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


class Node(BaseModel):
    value: int
    children: list["Node"]
    next: "Node | None" = None


class Pair(BaseModel):
    left: "Node | None"
    right: "Pair | None"


class Everything(BaseModel):
    name: Annotated[str, Field(min_length=10, max_length=12)]
    short: Annotated[str, Field(max_length=2)]
    colour: Colour
    constant: Literal["only"]
    union: int | str | None
    optional: str | None = None
    default: int = 7
    born: date
    seen: datetime
    id: UUID
    numbers: Annotated[list[int], Field(min_length=3, max_length=5)]
    unique: Annotated[set[int], Field(min_length=3)]
    colours: Annotated[set[Colour], Field(min_length=2)]
    names: Annotated[set[str], Field(min_length=2)]
    pair: tuple[int, str]
    mapping: dict[str, int]
    flag: bool
    nothing: None
    free: Any


@pytest.mark.parametrize(
    "form",
    [
        Everything,
        Node,
        Pair,
        list[Everything],
        Annotated[int, Field(ge=5)],
        Annotated[int, Field(gt=5)],
        Annotated[int, Field(le=-5)],
        Annotated[int, Field(lt=-5)],
        Annotated[int, Field(ge=0, le=0)],
        Annotated[int, Field(gt=0, lt=2)],
        Annotated[int, Field(ge=10, multiple_of=7)],
        Annotated[int, Field(multiple_of=4, le=3)],
        Annotated[float, Field(gt=0, lt=0.5)],
        Annotated[float, Field(lt=-0.5)],
        Annotated[float, Field(ge=0.25, le=0.25)],
        Annotated[float, Field(gt=3)],
        Annotated[float, Field(multiple_of=0.5, lt=1)],
        Annotated[list[Node], Field(min_length=2)],
        tuple[int, bool, None],
        IPv4Address,
    ],
)
def test_an_instance_is_valid(form: Any) -> None:
    adapter: TypeAdapter[Any] = TypeAdapter(form)
    adapter.validate_json(json.dumps(instance(adapter.json_schema())))


def test_optional_members_are_there_near_the_top_and_end_a_recursion() -> None:
    made = instance(Node.model_json_schema())
    assert isinstance(made, dict)
    assert made["next"] is None
    assert len(json.dumps(made)) < 1000


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        (True, None),
        (None, None),
        ({}, "text"),
        ({"const": 4, "type": "string"}, 4),
        ({"enum": [None, 1]}, None),
        ({"default": "d", "type": "string"}, "d"),
        ({"type": ["null", "integer"]}, 1),
        ({"type": "null"}, None),
        ({"type": 5}, "text"),
        ({"items": {"type": "boolean"}}, [True]),
        ({"required": ["a"]}, {"a": "text"}),
        ({"type": "object", "required": ["b"], "properties": {"a": {"type": "null"}}}, {"a": None, "b": "text"}),
        ({"type": "array", "minItems": 2, "maxItems": 1}, ["text"]),
        (
            {"allOf": [{"properties": {"a": {}}, "required": ["a"]}, {"properties": {"b": {}}}]},
            {"a": "text", "b": "text"},
        ),
        ({"allOf": [{"required": ["a"]}, {"required": ["a", "b"]}]}, {"a": "text", "b": "text"}),
        ({"oneOf": [{"type": "null"}, {"const": 1}]}, 1),
        ({"anyOf": [{"type": "null"}]}, None),
        ({"$ref": "#/$defs/a~1b", "$defs": {"a/b": {"const": 2}}}, 2),
        ({"$ref": "#/nowhere/at/all"}, "text"),
        ({"$ref": "#/$defs/x/y", "$defs": {"x": []}}, "text"),
        ({"$ref": "#"}, "text"),
        ({"type": "integer", "minimum": 10**400}, 1),
        ({"type": "integer", "minimum": 1e308, "multipleOf": 1e-10}, 1),
        ({"type": "number", "multipleOf": 0}, 1.0),
    ],
)
def test_odd_schemas_have_an_instance_too(schema: object, expected: object) -> None:
    assert instance(schema) == expected


def test_a_schema_that_requires_itself_without_end_is_cut_off() -> None:
    schema = {"type": "object", "properties": {name: {"$ref": "#"} for name in "abc"}, "required": ["a", "b", "c"]}
    assert len(json.dumps(instance(schema))) < 500_000


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "type",
                    "enum",
                    "const",
                    "items",
                    "anyOf",
                    "allOf",
                    "oneOf",
                    "$ref",
                    "properties",
                    "required",
                    "minimum",
                ]
                + ["maximum", "exclusiveMaximum", "multipleOf", "minItems", "minLength", "prefixItems", "uniqueItems"]
            ),
            inner | st.sampled_from(["#", "string", "integer", "number", "object", "array"]),
            max_size=4,
        )
    ),
    max_leaves=12,
)


@settings(deadline=None)
@given(JSON)
def test_no_schema_makes_it_fail(schema: object) -> None:
    msgspec.json.encode(instance(json.loads(json.dumps(schema))))


def test_a_whole_number_has_no_point() -> None:
    assert str(instance({"type": "number"})) == "1"
    assert str(instance({"type": "number", "multipleOf": 0.5, "minimum": 1.2})) == "1.5"
