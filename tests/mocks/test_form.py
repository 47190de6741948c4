import pytest

from dragoman.mocks.form import (
    Check,
    Kind,
    Tag,
    anything,
    array,
    boolean,
    by_type,
    integer,
    mapping,
    members,
    nullable,
    number,
    one_of,
    tagged,
    text,
    type_name,
)

SHAPE = tagged({"circle": members({"type": text(), "r": number(0)}), "dot": members({"type": text()})}, default="dot")


@pytest.mark.parametrize(
    ("check", "good", "bad"),
    [
        (boolean, [True], [0, "true", None]),
        (integer(1, 3), [1, 3], [0, 4, 1.0, True, "1"]),
        (number(0, 2), [0, 2.0], [-0.1, 3, False, None]),
        (text(1, 3, "[a-z]*"), ["a", "abc"], ["", "abcd", "A", 1]),
        (one_of("a", "b"), ["a"], ["c", 1, None]),
        (array(boolean, 1, 2), [[True], [True, False]], [[], [True] * 3, [1], {}]),
        (mapping(text(), 1), [{}, {"a": "b"}], [{"a": 1}, {"a": "", "b": ""}, []]),
        (members({"a": text()}, {"b": boolean}), [{"a": ""}, {"a": "", "b": True}], [{}, {"a": "", "c": 1}, [], "x"]),
        (nullable(boolean), [None, True], [1]),
        (by_type(string=text(), array=array(text())), ["", [""]], [1, {}, [1]]),
        (SHAPE, [{"type": "dot"}, {"type": "circle", "r": 1}], [{"type": "x"}, {"type": 1}, {"type": "circle"}, []]),
        (anything, [None, 1, {}], []),
    ],
)
def test_a_check_accepts_its_form_and_no_other(check: Check, good: list[object], bad: list[object]) -> None:
    assert [value for value in good if check(value, ()) is not None] == []
    assert [value for value in bad if check(value, ()) is None] == []


FORM = members({"name": text(1, 3)}, {"shapes": array(SHAPE), "n": integer(1), "by": by_type(string=text(0, 9, "x*"))})


@pytest.mark.parametrize(
    ("value", "kind", "place"),
    [
        (3, "type", ()),
        ({}, "missing", ("name",)),
        ({"x": 1, "name": "a"}, "unknown", ("x",)),
        ({"name": ""}, "short", ("name",)),
        ({"name": "abcd"}, "long", ("name",)),
        ({"name": "a", "n": 0}, "below", ("n",)),
        ({"name": "a", "by": "y"}, "pattern", ("by",)),
        ({"name": "a", "shapes": [{"type": "dot"}, {"type": "x"}]}, "tag", ("shapes", 1, "type")),
        ({"name": "a", "shapes": [{"type": "circle", "r": -1}]}, "below", ("shapes", 0, "circle", "r")),
        ({"name": "a", "shapes": [{}]}, "missing", ("shapes", 0, "dot", "type")),
    ],
)
def test_a_problem_says_what_is_wrong_and_where(value: object, kind: Kind, place: tuple[str | int, ...]) -> None:
    problem = FORM(value, ())
    assert problem is not None
    assert (problem.kind, problem.place) == (kind, place)


def test_the_alternative_chosen_is_told_from_the_members() -> None:
    problem = SHAPE({"type": "circle", "r": "1"}, ("at",))
    assert problem is not None
    assert [type(step) for step in problem.place] == [str, Tag, str]
    without_default = tagged({"dot": anything})({}, ())
    assert without_default is not None and without_default.kind == "missing"


def test_what_is_missing_comes_before_what_is_unknown_as_it_does_to_nested_tools() -> None:
    problem = FORM({"function": {"name": "a"}}, ())
    assert problem is not None and problem.kind == "missing"


def test_every_type_has_a_name() -> None:
    values = [True, 1, 1.5, "", [], {}, None]
    assert [type_name(value) for value in values] == [
        *("boolean", "integer", "number", "string", "array", "object", "null")
    ]
