"""Responses over a WebSocket with the official SDK, over upstreams of each dialect; and callers that break off."""

import asyncio
import json
import random
from contextlib import suppress
from pathlib import Path
from typing import Any

import openai
import pytest
from websockets.asyncio.client import connect

from tests.support.census import Census
from tests.support.live import Live, running

MODELS = pytest.mark.parametrize(
    "model", ["mock-chat/gpt-4", "mock-responses/gpt-4", "mock-messages/claude-sonnet-4-5"]
)
TOOL: Any = {
    "type": "function", "name": "look", "parameters": {"type": "object", "properties": {"at": {"type": "string"}}},
}  # fmt: skip
DIRECT: Any = {"proxy": None}
LEGACY: Any = {**DIRECT, "legacy": True}
"""The SDK does not open its blocking connections as a context manager, which `websockets` would like."""


@MODELS
def test_the_sdk_runs_a_tool_loop_of_which_nothing_is_stored(sdk: openai.OpenAI, model: str) -> None:
    with sdk.responses.connect(websocket_connection_options=LEGACY) as connection:
        connection.response.create(model=model, input="look at the sky", tools=[TOOL], store=False)
        first = _completed(connection)
        [call] = [item for item in first.output if item.type == "function_call"]
        assert json.loads(call.arguments) is not None
        connection.response.create(
            model=model,
            previous_response_id=first.id,
            input=[{"type": "function_call_output", "call_id": call.call_id, "output": "blue"}],
            tools=[TOOL],
            store=False,
        )
        second = _completed(connection)
    assert second.output_text
    assert second.previous_response_id == first.id


def _completed(connection: Any) -> Any:
    text = ""
    for event in connection:
        if event.type == "response.output_text.delta":
            text += event.delta
        if event.type == "response.completed":
            assert event.response.output_text == text
            return event.response
        assert event.type not in ("error", "response.failed"), event


@MODELS
async def test_the_async_sdk_hears_of_an_error_and_goes_on(async_sdk: openai.AsyncOpenAI, model: str) -> None:
    async with async_sdk.responses.connect(websocket_connection_options=DIRECT) as connection:
        await connection.response.create(model="nobody", input="hello")
        event: Any = await connection.recv()
        assert (event.type, event.status, event.error.code) == ("error", 404, "model_not_found")
        await connection.response.create(model=model, input="hello")
        kinds = []
        async for event in connection:
            kinds.append(event.type)
            if event.type == "response.completed":
                break
        assert kinds[0] == "response.created"


def test_two_hundred_connections_that_break_off_leave_nothing_behind(tmp_path: Path) -> None:
    def slow(values: dict[str, Any], mock_url: str) -> None:
        values["upstreams"]["slow"] = {"base_url": f"{mock_url}/scenario/ttft:10,delay:3/v1", "direct": True}

    chance = random.Random(11)
    message = json.dumps({"type": "response.create", "model": "slow/gpt-4", "input": "a b c d e f"})

    async def break_off(live: Live, gate: asyncio.Semaphore) -> None:
        async with gate:
            url = f"ws://127.0.0.1:{live.port}/v1/responses"
            client = await connect(url, proxy=None, additional_headers=live.headers(), close_timeout=1)
            with suppress(TimeoutError):
                async with asyncio.timeout(chance.random() * 0.06):
                    await client.send(message)
                    await client.send(message if chance.random() < 0.5 else "no json")
                    async for _ in client:
                        pass
            if chance.random() < 0.5:
                client.transport.abort()
            await client.close()

    async def break_all_off(live: Live) -> None:
        gate = asyncio.Semaphore(20)
        async with asyncio.TaskGroup() as tasks:
            for _ in range(200):
                tasks.create_task(break_off(live, gate))

    with running(tmp_path, slow) as live:
        census = Census(live)
        asyncio.run(break_all_off(live))
        census.check()
