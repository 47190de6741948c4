import pytest

from dragoman.policy.precedence import Tree, merge


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("true", True),
        ("false", False),
        ("8088", 8088),
        ("-1", -1),
        ("1.5", 1.5),
        ('["a", "b"]', ["a", "b"]),
        ("[]", []),
        ("[a]", "[a]"),
        ("007", "007"),
        ("1e3", "1e3"),
        ("True", "True"),
        ("", ""),
        (" 1", " 1"),
        ("sqlite:///x", "sqlite:///x"),
        ('{"a":1}', '{"a":1}'),
        ("9" * 400, int("9" * 400)),
    ],
)
def test_text_of_the_environment_is_read_as_the_value_it_spells(text: str, value: object) -> None:
    merged: Tree = {}
    merge(merged, {"x": text, "y": 7}, {}, "environment", "", lax=True)
    assert merged == {"x": value, "y": 7}
    merge(merged, {"x": text}, {}, "file", "", lax=False)
    assert merged == {"x": text, "y": 7}


def test_the_higher_layer_wins_key_by_key_and_is_named_as_the_origin() -> None:
    merged: Tree = {}
    origins: dict[str, str] = {}
    merge(merged, {"a": {"x": 1, "y": 2}, "b": 3}, origins, "file", "", lax=False)
    merge(merged, {"a": {"y": 4}, "b": {"z": 5}}, origins, "flag", "", lax=False)
    assert merged == {"a": {"x": 1, "y": 4}, "b": {"z": 5}}
    assert origins == {"a.x": "file", "a.y": "flag", "b.z": "flag"}
