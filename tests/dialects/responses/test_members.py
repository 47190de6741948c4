import msgspec
import pytest

from dragoman import errors
from dragoman.dialects.responses import members
from dragoman.dialects.responses.rows import TABLE
from dragoman.errors import GatewayError
from dragoman.turn import Extra
from tests.dialects.responses.samples import plain, raw


class Known(msgspec.Struct):
    a: int
    inner: list[int] = []


def test_known_members_are_read_and_the_rest_is_kept() -> None:
    extras: list[Extra] = []
    known = members.read(raw({"type": "x", "a": 1, "b": {"c": 2}, "d": None, "e": []}), Known, "at[0]", extras)
    assert known == Known(1)
    assert [(extra.dialect, extra.param, plain(extra.value)) for extra in extras] == [
        ("responses", "at[0].b", {"c": 2})
    ]


@pytest.mark.parametrize(
    ("value", "at", "param", "message"),
    [
        ({}, "", "a", "Missing required parameter: 'a'."),
        ({}, "at", "at.a", "Missing required parameter: 'at.a'."),
        ({"a": "x"}, "", "a", "'a' is not right: expected 'int', got 'str'."),
        ({"a": 1, "inner": [1, "x"]}, "at", "at.inner[1]", "'at.inner[1]' is not right: expected 'int', got 'str'."),
        ([], "at", "at", "'at' is not right: expected 'object', got 'array'."),
    ],
)
def test_what_is_wrong_is_named_from_the_top(value: object, at: str, param: str, message: str) -> None:
    with pytest.raises(GatewayError) as caught:
        members.read(raw(value), Known, at, [])
    assert (caught.value.kind, caught.value.param, caught.value.message) == (errors.INVALID_REQUEST, param, message)


def test_an_object_is_demanded() -> None:
    with pytest.raises(GatewayError, match="'at' must be an object."):
        members.members(raw([1]), "at")


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("x", None, True),
        ("x", [], True),
        ("x", {}, True),
        ("x", False, False),
        ("x", "", False),
        ("truncation", "disabled", True),
        ("truncation", "auto", False),
        ("caller", {"type": "direct"}, True),
        ("caller", {"type": "program"}, False),
        ("background", False, True),
        ("background", 0, True),
        ("n", 1, True),
        ("n", 2, False),
    ],
)
def test_what_asks_for_nothing(name: str, value: object, expected: bool) -> None:
    assert TABLE.says_nothing(name, raw(value)) is expected
