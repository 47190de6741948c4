"""The breaker against a model of it, and by example."""

from typing import Literal

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, multiple, rule

from dragoman import errors
from dragoman.policy.breaker import REFUSED, Circuit, Outcome
from dragoman.policy.resources import Breaker

RULE = Breaker(failures=3, open_for=10.0, probes=2)
OUTCOMES: tuple[Outcome, ...] = ("success", "failure", "none")


def opened(at: float = 0.0) -> Circuit:
    circuit = Circuit(RULE)
    for _ in range(RULE.failures):
        circuit.settle(circuit.take(at), "failure", at)
    return circuit


def test_it_opens_after_so_many_failures_in_a_row() -> None:
    circuit = Circuit(RULE)
    for outcome in ("failure", "failure", "success", "failure", "none", "failure"):
        circuit.settle(circuit.take(0.0), outcome, 0.0)
        assert circuit.state(0.0) == "closed"
    circuit.settle(circuit.take(0.0), "failure", 0.0)
    assert circuit.state(0.0) == "open"
    assert circuit.take(9.9) == REFUSED


def test_it_says_when_to_come_again() -> None:
    circuit = opened()
    assert [circuit.retry_after(now) for now in (0.0, 0.1, 9.5, 10.0, 99.0)] == [10, 10, 1, 1, 1]


def test_probes_are_bounded_and_close_it() -> None:
    circuit = opened()
    first, second = circuit.take(10.0), circuit.take(10.0)
    assert first and second and circuit.take(10.0) == REFUSED
    circuit.settle(first, "success", 10.0)
    assert circuit.state(10.0) == "half_open" and circuit.admits(10.0)
    circuit.settle(second, "success", 10.0)
    assert circuit.state(10.0) == "closed"
    assert circuit.transitions == {"closed": 1, "open": 1, "half_open": 1}


def test_a_failed_probe_opens_it_anew() -> None:
    circuit = opened()
    circuit.settle(circuit.take(10.0), "failure", 11.0)
    assert circuit.take(20.9) == REFUSED
    assert circuit.take(21.0) != REFUSED


def test_an_abandoned_probe_makes_room_for_another() -> None:
    circuit = opened()
    tickets = [circuit.take(10.0) for _ in range(RULE.probes)]
    circuit.settle(tickets[0], "none", 10.0)
    assert circuit.state(10.0) == "half_open"
    assert circuit.take(10.0) != REFUSED and circuit.take(10.0) == REFUSED


def test_calls_of_an_earlier_state_have_no_say() -> None:
    circuit = Circuit(RULE)
    slow = circuit.take(0.0)
    for _ in range(RULE.failures):
        circuit.settle(circuit.take(0.0), "failure", 0.0)
    probe = circuit.take(10.0)
    circuit.settle(slow, "failure", 10.0)
    assert circuit.state(10.0) == "half_open"
    circuit.settle(probe, "failure", 10.0)
    circuit.settle(slow, "success", 10.0)
    assert circuit.state(10.0) == "open"


def test_what_counts_as_a_failure() -> None:
    circuit = Circuit(RULE)
    assert {status for status in range(100, 600) if circuit.of_status(status) == "failure"} == {500, 502, 503, 504}
    assert circuit.of_error(errors.CONNECTION_TIMEOUT) == circuit.of_error(errors.REQUEST_TIMEOUT) == "failure"
    assert circuit.of_error(errors.INVALID_REQUEST) == circuit.of_error(errors.OVERLOADED) == "none"
    other = Circuit(RULE, statuses=(429,), kinds=(errors.OVERLOADED,))
    assert other.of_status(429) == other.of_error(errors.OVERLOADED) == "failure"
    assert other.of_status(500) == "success" and other.of_error(errors.DOWNSTREAM_ERROR) == "none"


class Against(RuleBasedStateMachine):
    """Every interleaving of calls, outcomes and time, beside the table of the module's docstring."""

    def __init__(self) -> None:
        super().__init__()
        self.circuit = Circuit(RULE)
        self.now = 0.0
        self.state: Literal["closed", "open", "half_open"] = "closed"
        self.age = 0
        self.run = 0
        self.until = 0.0
        self.probing = 0

    tickets = Bundle("tickets")

    def enter(self, state: Literal["closed", "open", "half_open"]) -> None:
        self.state, self.run, self.probing = state, 0, 0
        self.age += 1
        if state == "open":
            self.until = self.now + RULE.open_for

    @rule(target=tickets)
    def take(self) -> object:
        expected = {
            "closed": True,
            "open": self.now >= self.until,
            "half_open": self.probing < RULE.probes,
        }[self.state]
        assert self.circuit.admits(self.now) is expected
        ticket = self.circuit.take(self.now)
        assert (ticket != REFUSED) is expected
        if not expected:
            return multiple()
        if self.state == "open":
            self.enter("half_open")
        if self.state == "half_open":
            self.probing += 1
        return ticket, self.age

    @rule(taken=consumes(tickets), outcome=st.sampled_from(OUTCOMES))
    def settle(self, taken: tuple[int, int], outcome: Outcome) -> None:
        ticket, age = taken
        self.circuit.settle(ticket, outcome, self.now)
        if age != self.age:
            return
        if self.state == "half_open":
            self.probing -= 1
            self.run += outcome == "success"
            if outcome == "failure":
                self.enter("open")
            elif self.run == RULE.probes:
                self.enter("closed")
        elif outcome != "none":
            self.run = self.run + 1 if outcome == "failure" else 0
            if self.run == RULE.failures:
                self.enter("open")

    @rule(seconds=st.sampled_from((0.5, 4.0, 10.0)))
    def wait(self, seconds: float) -> None:
        self.now += seconds

    @invariant()
    def agrees(self) -> None:
        shown = "half_open" if self.state == "open" and self.now >= self.until else self.state
        assert self.circuit.state(self.now) == shown
        assert 0 <= self.probing <= RULE.probes


TestAgainst = Against.TestCase
TestAgainst.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
