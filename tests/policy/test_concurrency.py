from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dragoman.policy.concurrency import Gate
from dragoman.policy.resources import Concurrency


def test_a_place_is_taken_until_it_is_given_back() -> None:
    gate = Gate(Concurrency(max=2))
    assert [gate.enter(ticket, "a") for ticket in "xyz"] == ["in", "in", "refused"]
    assert gate.would_refuse("a")
    assert list(gate.leave("x")) == []
    assert not gate.would_refuse("a")
    assert gate.enter("z", "a") == "in"
    assert gate.held == 2


def test_a_place_is_given_back_once() -> None:
    gate = Gate(Concurrency(max=1))
    gate.enter("x", "a")
    gate.leave("x")
    gate.leave("x")
    assert gate.unused
    assert [gate.enter(ticket, "a") for ticket in "yz"] == ["in", "refused"]


def test_those_who_wait_are_let_in_as_they_came() -> None:
    gate = Gate(Concurrency(max=1, max_queue=2))
    assert [gate.enter(ticket, "a") for ticket in "wxyz"] == ["in", "waiting", "waiting", "refused"]
    assert gate.waiting == 2
    assert list(gate.leave("w")) == ["x"]
    assert gate.enter("late", "a") == "waiting", "nobody overtakes"
    assert list(gate.leave("x")) == ["y"]


def test_who_gives_up_is_passed_over() -> None:
    gate = Gate(Concurrency(max=1, max_queue=2))
    for ticket in "wxy":
        gate.enter(ticket, "a")
    gate.give_up("x")
    gate.give_up("w")
    assert gate.held == 1, "who is in has to leave"
    assert list(gate.leave("w")) == ["y"]


def test_a_tenant_with_all_its_places_holds_up_nobody_else() -> None:
    gate = Gate(Concurrency(max=3, per_tenant=1, max_queue=5))
    assert gate.enter("a1", "a") == "in"
    assert [gate.enter("a2", "a"), gate.enter("a3", "a")] == ["waiting", "waiting"]
    assert [gate.enter("b1", "b"), gate.enter("c1", "c"), gate.enter("d1", "d")] == ["in", "in", "waiting"]
    assert list(gate.leave("b1")) == ["d1"]
    assert list(gate.leave("a1")) == ["a2"]


def test_a_wider_rule_lets_in_who_waits_at_the_next_change() -> None:
    gate = Gate(Concurrency(max=1, max_queue=5))
    for ticket in "wxyz":
        gate.enter(ticket, "a")
    gate.adopt(Concurrency(max=3, max_queue=5))
    assert list(gate.leave("w")) == ["x", "y", "z"]


@settings(max_examples=60)
@given(
    st.builds(
        Concurrency,
        max=st.integers(1, 4),
        per_tenant=st.one_of(st.none(), st.integers(1, 3)),
        max_queue=st.integers(0, 4),
    ),
    st.lists(st.tuples(st.sampled_from(["enter", "leave", "give up"]), st.integers(0, 30)), max_size=80),
)
def test_no_cap_is_ever_passed_and_no_place_is_lost(rule: Concurrency, steps: list[tuple[str, int]]) -> None:
    gate = Gate(rule)
    inside: dict[int, str] = {}
    line: dict[int, str] = {}
    for step, (what, number) in enumerate(steps):
        if what == "enter":
            ticket, tenant = step, "abc"[number % 3]
            entry = gate.enter(ticket, tenant)
            if entry != "refused":
                (inside if entry == "in" else line)[ticket] = tenant
        elif what == "leave" and inside:
            ticket = sorted(inside)[number % len(inside)]
            del inside[ticket]
            for called in gate.leave(ticket):
                assert isinstance(called, int)
                inside[called] = line.pop(called)
        elif what == "give up" and line:
            ticket = sorted(line)[number % len(line)]
            del line[ticket]
            gate.give_up(ticket)
        per_tenant = Counter(inside.values())
        assert (gate.held, gate.waiting) == (len(inside), len(line))
        assert len(inside) <= rule.max and len(line) <= rule.max_queue
        assert all(count <= (rule.per_tenant or rule.max) for count in per_tenant.values())
        free = [t for t in line.values() if rule.per_tenant is None or per_tenant[t] < rule.per_tenant]
        assert not free or len(inside) == rule.max, "somebody waits before a free place"


@pytest.mark.parametrize("tenant", ["a", "b"])
def test_nothing_is_kept_of_a_tenant_that_has_left(tenant: str) -> None:
    gate = Gate(Concurrency(max=1, max_queue=1))
    gate.enter("x", tenant)
    gate.leave("x")
    assert not gate.would_refuse(tenant)
    assert gate.unused
