import pytest

from dragoman.agents.usage import Limits, Price, Record, RunUsage, cost_of
from dragoman.turn import Usage


def llm(tokens_in: int, tokens_out: int, cost: float | None = None) -> Record:
    return Record(
        type="llm", agent="a", name="m", at=1.0, seconds=0.5, input_tokens=tokens_in, output_tokens=tokens_out,
        cached_tokens=1, cache_write_tokens=2, reasoning_tokens=3, cost_usd=cost,
    )  # fmt: skip


def tool(cost: float | None = None) -> Record:
    return Record(type="tool", agent="a", name="t", at=1.0, seconds=0.1, cost_usd=cost)


def test_totals_are_sums_of_records() -> None:
    usage = RunUsage()
    assert (usage.total_tokens, usage.cost_usd, usage.records) == (0, None, ())
    for record in (llm(10, 2, 0.1), tool(), llm(20, 3, 0.2), tool(0.05)):
        usage.add(record)
    assert (usage.input_tokens, usage.output_tokens, usage.total_tokens) == (30, 5, 35)
    assert (usage.turns, usage.tool_calls, len(usage)) == (2, 2, 4)
    assert usage.cost_usd == pytest.approx(0.35)
    assert usage.total() == Usage(30, 5, 2, 4, 6, cost_usd=usage.cost_usd)
    assert RunUsage().total() is None
    silent = RunUsage()
    silent.add(Record(type="llm", agent="a", name="m", at=1.0, seconds=0.5, reported=False))
    assert silent.total() is None
    assert [record.type for record in usage] == ["llm", "tool", "llm", "tool"]
    assert repr(usage) == "RunUsage(30 + 5 tokens, 4 records)"


def test_records_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        llm(1, 1).cost_usd = 0.0  # type: ignore[misc]
    assert llm(1, 2).total_tokens == 3


def test_a_cost_is_what_the_upstream_said_else_what_the_price_comes_to() -> None:
    prices = {"m": Price(input=2.0, output=8.0, cached=1.0), "n": Price(input=2.0, output=8.0)}
    used = Usage(1_000_000, 500_000, 400_000)
    assert cost_of(used, "m", prices) == pytest.approx(1.2 + 0.4 + 4.0)
    assert cost_of(used, "n", prices) == pytest.approx(2.0 + 4.0)
    assert cost_of(Usage(1, 1, cost_usd=9.0), "m", prices) == 9.0
    assert cost_of(used, "unknown", prices) is None
    assert cost_of(None, "m", prices) is None


@pytest.mark.parametrize(
    ("limits", "passed"),
    [
        (Limits(turns=2), ("turns", 2)),
        (Limits(turns=3), None),
        (Limits(tokens=35), ("tokens", 35)),
        (Limits(tokens=36), None),
        (Limits(cost_usd=0.3), ("cost_usd", 0.3)),
        (Limits(cost_usd=0.31), None),
        (Limits(turns=None), None),
    ],
)
def test_a_bound_is_passed_when_it_is_reached(limits: Limits, passed: tuple[str, float] | None) -> None:
    usage = RunUsage()
    for record in (llm(10, 2, 0.1), llm(20, 3, 0.2)):
        usage.add(record)
    assert limits.passed(usage) == passed


@pytest.mark.parametrize("name", ["turns", "tokens", "cost_usd", "tool_calls", "seconds"])
def test_a_bound_of_nothing_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=f"{name} must be more than 0"):
        Limits(**{name: 0})
