"""The demo's agent: its tools are the demo's aliases, called through the gateway that serves it."""

from typing import Any, Literal

import httpx2

from dragoman.agents import Agent, Context, ToolError
from dragoman.client.in_process import AsyncInProcess

ALIASES = "/api/oagw/v1/proxy"
INSTRUCTIONS = "Look the weather up and calculate with your tools; never guess. Answer in one sentence."

assistant = Agent(
    "assistant", INSTRUCTIONS, model="gpt-4o-mini", description="Knows the weather, and calculates."
)  # fmt: skip


@assistant.tool
async def weather(ctx: Context, city: str) -> Any:
    """The weather in a city, now.

    Args:
        city: Its name.
    """
    return await _call(ctx, "GET", "/weather/current", params={"city": city})


@assistant.tool
async def calculate(
    ctx: Context, operation: Literal["add", "subtract", "multiply", "divide"], a: float, b: float
) -> Any:
    """One operation on two numbers."""
    answer = await _call(ctx, "POST", "/calculator/calculate", json={"operation": operation, "a": a, "b": b})
    return answer["result"]


@assistant.http("/weather")
async def current(ctx: Context, city: str) -> Any:
    """The weather in a city, without a model."""
    return await weather(ctx, city)


async def _call(ctx: Context, method: str, path: str, **body: Any) -> Any:
    access = ctx.access
    if access is None:
        raise ToolError("This is known behind the demo's gateway only.")
    url = httpx2.URL(access.base_url).join(ALIASES + path)
    headers = {"authorization": f"Bearer {access.credential}"}
    async with httpx2.AsyncClient(transport=AsyncInProcess(access.app)) as client:
        answer = await client.request(method, url, headers=headers, **body)
    if answer.status_code != 200:
        raise ToolError(answer.json()["error"])
    return answer.json()
