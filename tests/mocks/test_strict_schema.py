from dragoman.mocks.strict_schema import open_object, optional_property

CLOSED = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"], "additionalProperties": False}


def test_a_closed_schema_with_all_required_is_strict() -> None:
    assert open_object(CLOSED) is None
    assert optional_property(CLOSED) is None
    assert open_object({"type": "string"}) is None
    assert open_object(True) is None


def test_an_open_object_is_found_wherever_it_is() -> None:
    loose = {"type": "object", "properties": {}}
    assert open_object(loose) == ()
    assert open_object({**CLOSED, "additionalProperties": True}) == ()
    assert open_object({**CLOSED, "properties": {"a": loose}}) == ("properties", "a")
    assert open_object({"type": "array", "items": loose}) == ("items",)
    assert open_object({"anyOf": [CLOSED, loose]}) == ("anyOf", "1")
    assert open_object({**CLOSED, "$defs": {"x": loose}}) == ("$defs", "x")


def test_an_optional_property_is_found_wherever_it_is() -> None:
    optional = {**CLOSED, "required": []}
    assert optional_property(optional) == ((), "a")
    assert optional_property({"properties": {"b": 1}}) == ((), "b")
    assert optional_property({"type": "array", "items": optional}) == (("items",), "a")


def test_a_schema_without_end_is_walked_to_a_bound() -> None:
    schema: dict[str, object] = dict(CLOSED)
    for _ in range(500):
        schema = {**CLOSED, "properties": {"a": schema}}
    assert open_object(schema) is None
