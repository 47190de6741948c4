"""What bounds the calls of one resource, and what a caller is told of it.

A bucket belongs to one resource and, by the scope of its limit, to all of its callers together, to one tenant, key or
address, or to one route.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from dragoman import errors
from dragoman.errors import ErrorKind, GatewayError
from dragoman.policy import limits
from dragoman.policy.limits import Ask, Rule, Verdict
from dragoman.policy.resources import Concurrency, RateLimit

Kind = Literal["alias", "route", "upstream", "model"]

HEADERS: Final = (b"x-ratelimit-limit", b"x-ratelimit-remaining", b"x-ratelimit-reset")
PATIENCE: Final = Concurrency(max=1, max_queue=100, queue_timeout=5.0)
"""How many calls may wait for a limit, and for how long, where `concurrency` does not say so."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """The limits of one resource."""

    kind: Kind
    name: str
    """As callers and operators know it."""
    id: str
    """What its buckets and its places are kept under, together with the kind."""
    limit: RateLimit | None
    rule: Rule | None
    concurrency: Concurrency | None
    bucket: str = ""
    """Goes to the id of its buckets where they are not its owner's."""

    @property
    def patience(self) -> Concurrency:
        """How long a line there may be for a limit that lets calls wait."""
        return self.concurrency if self.concurrency is not None and self.concurrency.max_queue else PATIENCE


@dataclass(frozen=True, slots=True)
class Caller:
    """Whose buckets a call takes from."""

    tenant: str
    user: str
    address: str
    route: str = ""


def bounds(
    kind: Kind, name: str, limit: RateLimit | None, concurrency: Concurrency | None, id_: str = "", bucket: str = ""
) -> tuple[Bounds, ...]:
    """The bounds of a resource, none if it has no limits. Without an id its name is one.

    `bucket` tells the buckets of somebody whom the limit has reached apart from its owner's; one that is enforced has
    the same for all.
    """
    if limit is None and concurrency is None:
        return ()
    rule = None if limit is None else limits.rule(limit)
    one_for_all = limit is None or limit.sharing == "enforce" or limit.budget.mode == "shared"
    apart = "" if one_for_all else bucket
    return (Bounds(kind, name, id_ or name, limit, rule, concurrency, apart),)


def ask(bound: Bounds, caller: Caller) -> Ask:
    """What a call wants of a resource's rate limit, which it has to have."""
    limit, rule = bound.limit, bound.rule
    assert limit is not None and rule is not None
    match limit.scope:
        case "global":
            whose = ""
        case "tenant":
            whose = "" if limit.budget.mode == "shared" else caller.tenant
        case "user":
            whose = caller.user
        case "ip":
            whose = caller.address
        case "route":
            whose = caller.route
    key = "|".join((bound.kind, bound.id + bound.bucket, limit.scope, whose, rule.algorithm, limit.sustained.window))
    return Ask(key, rule, limit.cost)


def seconds(milliseconds: int) -> int:
    return max(1, -(-milliseconds // 1000))


def headers(verdicts: Sequence[Verdict], now: float) -> dict[bytes, bytes]:
    """`X-RateLimit-*` of the tightest limit; `now` is Unix time, and so is the reset."""
    tightest = limits.merge(verdicts)
    reset = -(-(int(now * 1000) + tightest.reset_after) // 1000)
    values = (tightest.limit, tightest.remaining, reset)
    return {name: b"%d" % value for name, value in zip(HEADERS, values, strict=True)}


def exceeded(asked: Sequence[Bounds], verdicts: Sequence[Verdict]) -> GatewayError:
    """The answer to a call that a rate limit refuses."""
    worst = limits.merge(verdicts)
    bound = asked[list(verdicts).index(worst)]
    assert bound.limit is not None
    sustained = bound.limit.sustained
    wait = seconds(worst.retry_after)
    message = f"Rate limit of {bound.kind} {bound.name!r}: {sustained.rate} a {sustained.window}. Retry in {wait} s."
    return refusal(errors.RATE_LIMIT_EXCEEDED, bound, message, wait)


def refusal(kind: ErrorKind, bound: Bounds, message: str, retry_after: int | None = None) -> GatewayError:
    extra = {"alias": bound.name} if bound.kind == "alias" else {"upstream": bound.name}
    return GatewayError(kind, message, retry_after=retry_after, extra=extra if bound.kind != "model" else None)
