from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman import errors
from dragoman.errors import ErrorKind, GatewayError
from dragoman.policy.balance import Balance, is_suffix, parse_host
from dragoman.policy.resources import Breaker

HOSTS = ("a.test", "b.test", "c.test")
RULE = Breaker(failures=1, open_for=10.0, probes=1)


def numbers(balance: Balance, count: int, now: float = 0.0) -> list[int]:
    return [balance.select(now)[0] for _ in range(count)]


def fail(balance: Balance, number: int, now: float = 0.0) -> None:
    circuit = balance.circuits[number]
    assert circuit is not None
    circuit.settle(circuit.take(now), "failure", now)


def refusal(balance: Balance, now: float = 0.0, host: str | None = None) -> GatewayError:
    with pytest.raises(GatewayError) as caught:
        balance.select(now, host)
    return caught.value


def test_calls_go_round() -> None:
    assert numbers(Balance("pool", HOSTS, RULE), 7) == [0, 1, 2, 0, 1, 2, 0]
    assert numbers(Balance("one", HOSTS[:1], None), 3) == [0, 0, 0]


def test_one_that_is_out_is_passed_over() -> None:
    balance = Balance("pool", HOSTS, RULE)
    fail(balance, 1)
    assert numbers(balance, 4) == [0, 2, 0, 2]
    balance.healthy[0] = False
    assert numbers(balance, 2) == [2, 2]
    assert balance.available(0.0)


def test_one_that_has_rested_gets_its_probe_in_turn() -> None:
    balance = Balance("pool", HOSTS, RULE)
    fail(balance, 1)
    assert numbers(balance, 3, 10.0) == [0, 1, 2]
    assert numbers(balance, 2, 10.0) == [0, 2], "its only probe is still under way"


def test_a_call_that_names_its_endpoint_moves_nothing() -> None:
    balance = Balance("pool", HOSTS, RULE)
    assert numbers(balance, 1) == [0]
    assert [balance.select(0.0, "a.test")[0] for _ in range(5)] == [0] * 5
    assert numbers(balance, 2) == [1, 2]
    assert balance.selected == [6, 1, 1]


def test_when_all_are_out_it_says_when_to_come_again() -> None:
    balance = Balance("pool", HOSTS, RULE)
    for number, now in enumerate((0.0, 3.0, 6.0)):
        fail(balance, number, now)
    error = refusal(balance, 6.5)
    assert error.kind is errors.CIRCUIT_BREAKER_OPEN
    assert error.retry_after == 4 and error.headers == {"X-Circuit-State": "OPEN"}
    assert not balance.available(6.5) and balance.available(10.0)


def test_a_named_endpoint_that_is_out_is_not_replaced() -> None:
    balance = Balance("pool", HOSTS, RULE)
    fail(balance, 0)
    assert refusal(balance, 0.0, "a.test").kind is errors.CIRCUIT_BREAKER_OPEN
    assert balance.select(0.0, "b.test")[0] == 1


def test_without_breakers_only_health_counts() -> None:
    balance = Balance("pool", HOSTS[:2], None)
    balance.healthy[:] = [False, True]
    assert numbers(balance, 2) == [1, 1]
    balance.healthy[1] = False
    assert refusal(balance).retry_after == errors.CIRCUIT_BREAKER_OPEN.retry_after


def test_a_name_that_its_hosts_share_needs_one_of_them() -> None:
    balance = Balance("vendor.test", ("eu.vendor.test", "us.vendor.test"), RULE)
    assert refusal(balance).kind is errors.MISSING_TARGET_HOST
    assert balance.select(0.0, "us.vendor.test")[0] == 1
    assert not is_suffix("vendor.test", ("eu.vendor.test",))
    assert not is_suffix("vendor.test", ("eu.vendor.test", "myvendor.test"))
    assert not is_suffix("pool", ("eu.vendor.test", "us.vendor.test"))


def test_a_host_that_is_none_of_its_endpoints_is_refused() -> None:
    error = refusal(Balance("pool", HOSTS, RULE), 0.0, "d.test")
    assert error.kind is errors.UNKNOWN_TARGET_HOST
    assert not any(host in error.message for host in HOSTS), "an upstream's hosts are none of a caller's business"


@pytest.mark.parametrize(
    ("value", "host"),
    [(b"a.test", "a.test"), (b"A.Test", "a.test"), (b"a.test.", "a.test"), (b"localhost", "localhost"),
     (b"127.0.0.1", "127.0.0.1"), (b"x" * 63 + b".test", "x" * 63 + ".test")],
)  # fmt: skip
def test_a_host_is_read_without_regard_to_case(value: bytes, host: str) -> None:
    assert parse_host(value) == host


@pytest.mark.parametrize(
    "value",
    [b"", b".", b"a.test:443", b"a.test/x", b"https://a.test", b"a..test", b"-a.test", b"a-.test", b"a_b.test", b"a b",
     b"a.test,b.test", b"[::1]", b"::1", b"user@a.test", b"a.test?x", b"a.test#x", b"a%2etest", b"\xe4.test",
     b"a.test\x00", b"a.test\t", b"x" * 64 + b".test", b"a." * 130 + b"test", b"*.test"],
)  # fmt: skip
def test_what_is_no_host_alone_is_refused(value: bytes) -> None:
    with pytest.raises(GatewayError) as caught:
        parse_host(value)
    kind: ErrorKind = caught.value.kind
    assert kind is errors.INVALID_TARGET_HOST


@given(out=st.sets(st.integers(0, 4)), calls=st.integers(1, 60))
def test_those_that_are_in_share_the_calls_evenly(out: set[int], calls: int) -> None:
    balance = Balance("pool", [f"{number}.test" for number in range(5)], RULE)
    for number in out:
        fail(balance, number)
    if len(out) == 5:
        assert refusal(balance).kind is errors.CIRCUIT_BREAKER_OPEN
        return
    counts = Counter(numbers(balance, calls))
    assert not set(counts) & out
    shares = [counts[number] for number in range(5) if number not in out]
    assert max(shares) - min(shares) <= 1
