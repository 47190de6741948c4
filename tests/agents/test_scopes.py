import pytest

from dragoman.agents.scopes import Scope, holds, permits


@pytest.mark.parametrize(
    ("given", "held"),
    [
        ([], {"all"}),
        (["owner"], {"all", "owner"}),
        (["admin"], {"all", "owner", "admin"}),
        (["billing"], {"all", "billing"}),
        (["owner", "billing"], {"all", "owner", "billing"}),
    ],
)
def test_a_rank_includes_those_below_it(given: list[str], held: set[str]) -> None:
    assert holds(given) == held


@pytest.mark.parametrize(
    ("asked", "given", "may"),
    [
        ("all", [], True),
        ("owner", [], False),
        ("owner", ["admin"], True),
        ("admin", ["owner"], False),
        ("billing", ["admin"], False),
        (("billing", "owner"), ["billing"], True),
        (("billing", "owner"), ["admin"], True),
        ((), ["admin"], False),
    ],
)
def test_what_asks_for_a_scope_is_for_those_who_hold_it(asked: Scope, given: list[str], may: bool) -> None:
    assert permits(asked, holds(given)) is may
