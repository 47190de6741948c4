"""What a tenant has allocated of a rate limit to those below it, who divide it by their own limits of the same name.

Those below are the upstreams whose next one of that name, on the line to the root, is the tenant's. One that has no
limit of its own takes nothing. Limits of other windows count by what they come to in the window of the one above.
"""

from collections.abc import Iterable, Mapping

from dragoman.policy.limits import WINDOW_MS
from dragoman.policy.records import UpstreamRecord
from dragoman.policy.resources import RateLimit, invalid
from dragoman.policy.tenants import Tenants


def check_budgets(record: UpstreamRecord, others: Iterable[UpstreamRecord], tree: Tenants) -> None:
    """Refuses a limit that takes more than is left, or a budget that is less than is taken.

    Raises `GatewayError` INVALID_REQUEST.
    """
    every = {one.tenant: one for one in others if one.value.alias == record.value.alias} | {record.tenant: record}
    above = {tenant: _above(tenant, every, tree) for tenant in every}
    for owner in {record.tenant, above[record.tenant]}:
        limit = None if owner is None else _allocated(every[owner])
        if limit is None:
            continue
        below = [every[tenant].value.rate_limit for tenant, parent in above.items() if parent == owner]
        taken = sum(_rate(one, limit) for one in below if one is not None)
        total = limit.sustained.rate if limit.budget.total is None else limit.budget.total
        if taken > total * limit.budget.overcommit:
            message = "The limits of the tenants below take more than is allocated to them of the one above."
            raise invalid("rate_limit", message)


def _above(tenant: str, every: Mapping[str, UpstreamRecord], tree: Tenants) -> str | None:
    return next((name for name in tree.line(tenant)[1:] if name in every), None)


def _allocated(record: UpstreamRecord) -> RateLimit | None:
    limit = record.value.rate_limit
    if limit is None or limit.sharing == "private" or record.value.sharing == "private":
        return None
    return limit if limit.budget.mode == "allocated" else None


def _rate(limit: RateLimit, other: RateLimit) -> float:
    """How many calls a limit lets through in the window of another."""
    return limit.sustained.rate * WINDOW_MS[other.sustained.window] / WINDOW_MS[limit.sustained.window]
