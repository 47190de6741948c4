"""`POST /execute`: an agent's turn that outlives its call.

All that can be known to be wrong with it is said at once; what is right is a job from then on.
"""

import asyncio
from typing import Final

import msgspec
from msgspec.structs import replace

from dragoman import errors
from dragoman.errors import GatewayError
from dragoman.gateway.call import Call
from dragoman.gateway.clock import new_id
from dragoman.gateway.job_log import Status
from dragoman.gateway.order import Chosen, Order, choose, default, parse
from dragoman.gateway.runtime import Runtime
from dragoman.policy.keys import Key
from dragoman.ports import Job, Jobs

KIND: Final = "execute"
COUNTING: Final = ("claude-cli",)
"""Programs that know what they cost, and stop there."""
MAX_ACTIVE: Final = 1000
"""Jobs that are looked at for whether an agent has one."""


class Submitted(msgspec.Struct, frozen=True):
    job_id: str
    status: Status = "queued"


class Execute:
    """Submits jobs."""

    def __init__(self, jobs: Jobs) -> None:
        self._jobs = jobs
        self._one_by_one = asyncio.Lock()

    async def answer(self, call: Call, key: Key, runtime: Runtime) -> None:
        """Raises `GatewayError`."""
        config = runtime.config
        order = self._settled(parse(await call.read(config.server.max_body, config.server.body_timeout)), runtime)
        order = replace(order, request_id=call.request_id)
        chosen = choose(order.agent, runtime, key)
        _check_budget(order, chosen, runtime)
        chosen.upstream.prepare(order.turn(chosen.model, chosen.upstream), chosen.model)
        job = Job(new_id("job_"), KIND, key.owner, msgspec.json.encode(order), order.idempotent)
        if config.jobs.when_busy == "refuse":
            async with self._one_by_one:
                await self._refuse_while_busy(order)
                await self._submit(job)
        else:
            await self._submit(job)
        call.added[b"location"] = f"/jobs/{job.id}".encode()
        await call.answer_json(Submitted(job.id), 202)

    def _settled(self, order: Order, runtime: Runtime) -> Order:
        """The order with what its caller leaves to the operator. Raises `GatewayError` INVALID_REQUEST."""
        longest = runtime.config.jobs.timeout
        if order.timeout_seconds > longest:
            message = f"'timeout_seconds' may be {longest:g} at most here."
            raise GatewayError(errors.INVALID_REQUEST, message, param="timeout_seconds")
        timeout = order.timeout_seconds or longest
        return replace(order, agent=order.agent or default(runtime), timeout_seconds=timeout)

    async def _submit(self, job: Job) -> None:
        try:
            await self._jobs.submit(job)
        except GatewayError as error:
            if error.kind is not errors.OVERLOADED:
                raise
            raise GatewayError(errors.JOBS_FULL, "Too many jobs wait; try again later.") from None

    async def _refuse_while_busy(self, order: Order) -> None:
        for record in await self._jobs.list(kind=KIND, active=True, limit=MAX_ACTIVE):
            payload = await self._jobs.payload(record.id)
            if payload is not None and _agent(msgspec.json.decode(payload, type=Order)) == _agent(order):
                raise GatewayError(errors.AGENT_BUSY, f"The agent {_agent(order)!r} is busy.")


def _check_budget(order: Order, chosen: Chosen, runtime: Runtime) -> None:
    """Refuses a bound on the cost where nobody would keep to it."""
    command = runtime.config.commands.get(chosen.name)
    if order.max_budget_usd is not None and (command is None or command.speaks not in COUNTING):
        message = f"The agent {chosen.name!r} cannot be held to a budget; leave 'max_budget_usd' out."
        raise GatewayError(errors.UNSUPPORTED_PARAMETER, message, param="max_budget_usd")


def _agent(order: Order) -> str:
    """Without the model."""
    first, _, rest = order.agent.partition("/")
    return order.agent if first == "agent" else first
