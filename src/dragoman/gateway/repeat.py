"""A request that is sent again where its alias or upstream says so, before anything of an answer went to the caller.

Each attempt chooses its endpoint anew; all of them share the deadlines of the call.
"""

import asyncio
import random

from dragoman.errors import GatewayError
from dragoman.gateway.booking import Booking
from dragoman.gateway.call import Call
from dragoman.policy import retry
from dragoman.policy.resources import Retry
from dragoman.ports import Clock, Reply, Upstream, UpstreamRequest


async def send_repeatedly(
    call: Call, booking: Booking, upstream: Upstream, request: UpstreamRequest, rule: Retry, clock: Clock
) -> Reply:
    """The head of the answer that stands; `booking` counts the attempts. Raises `GatewayError`."""
    attempt = 1
    while True:
        try:
            reply = await call.watch.guard(upstream.open(request))
        except GatewayError as error:
            pause = retry.after_error(rule, attempt, error.kind, jitter=random.random())
            if pause is None:
                raise
        else:
            pause = retry.after_answer(
                rule, attempt, reply.status, reply.headers, jitter=random.random(), now=clock.now()
            )
            if pause is None:
                return reply
            reply.close()
        await call.watch.guard(asyncio.sleep(pause))
        attempt += 1
        booking.attempts += 1
