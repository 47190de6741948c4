from typing import Any

import pytest

from dragoman.errors import GatewayError
from dragoman.policy.budgets import check_budgets
from dragoman.policy.records import UpstreamRecord
from dragoman.policy.resources import Budget, Endpoint, Rate, RateLimit, Sharing, Upstream
from dragoman.policy.tenants import TenantConfig, Tenants

TREE = Tenants({"a": TenantConfig(), "b": TenantConfig(), "a1": TenantConfig(parent="a")})


def upstream(tenant: str, limit: RateLimit | None = None, **members: Any) -> UpstreamRecord:
    value = Upstream(endpoints=(Endpoint(host="h"),), alias=members.pop("alias", "x"), rate_limit=limit, **members)
    return UpstreamRecord(id=f"u-{tenant}", tenant=tenant, value=value)


def rate(calls: int, window: Any = "minute") -> RateLimit:
    return RateLimit(sustained=Rate(rate=calls, window=window))


def owner(
    total: int | None = 100, sharing: Sharing = "inherit", shared: Any = "inherit", **budget: Any
) -> UpstreamRecord:
    divided = Budget(**{"mode": "allocated", "total": total, **budget})
    limit = RateLimit(sustained=Rate(rate=60, window="minute"), sharing=sharing, budget=divided)
    return upstream("default", limit, sharing=shared)


def fits(record: UpstreamRecord, *others: UpstreamRecord) -> bool:
    try:
        check_budgets(record, others, TREE)
    except GatewayError as error:
        assert error.param == "rate_limit"
        return False
    return True


def test_what_is_next_below_adds_up_to_the_total_at_most() -> None:
    assert fits(upstream("a", rate(60)), owner(), upstream("b", rate(40)))
    assert not fits(upstream("a", rate(61)), owner(), upstream("b", rate(40)))
    assert fits(upstream("a", rate(61)), owner(overcommit=1.01), upstream("b", rate(40)))
    assert fits(upstream("a", rate(60)), owner(None)) and not fits(upstream("a", rate(61)), owner(None))
    assert fits(upstream("a"), owner(1))


@pytest.mark.parametrize(("calls", "window", "fit"), [(1, "second", True), (2, "second", False), (6000, "hour", True)])
def test_windows_are_brought_to_that_of_the_owner(calls: int, window: Any, fit: bool) -> None:
    assert fits(upstream("a", rate(calls, window)), owner()) is fit


def test_each_answers_to_the_one_next_above_alone() -> None:
    assert fits(upstream("a1", rate(1000)), owner(), upstream("a", rate(1)))
    assert not fits(upstream("a1", rate(1000)), owner())
    assert fits(upstream("a", rate(1000)), owner(), upstream("b", rate(1), alias="y")) is False
    assert fits(upstream("a", rate(1)), owner(), upstream("b", rate(1000), alias="y"))


def test_an_owner_cannot_allocate_less_than_is_taken() -> None:
    assert not fits(owner(99), upstream("a", rate(100)))
    assert fits(owner(100), owner(1), upstream("a", rate(100)))


def test_what_is_not_shared_or_not_allocated_is_no_budget() -> None:
    taker = upstream("a", rate(1000))
    for harmless in (
        owner(sharing="private"),
        owner(shared="private"),
        owner(None, mode="unlimited"),
        upstream("default"),
    ):
        assert fits(taker, harmless)
