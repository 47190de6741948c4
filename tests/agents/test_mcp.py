"""MCP servers as toolsets: a program of its own over pipes, one over HTTP, one in this process."""

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from dragoman.agents.agent import Agent
from dragoman.agents.errors import AgentError
from dragoman.agents.mcp import MCPServer
from dragoman.agents.scripted import Call, ScriptedModel
from dragoman.mocks.server import MockServer
from tests.agents import mcp_server
from tests.support.running import children

COMMAND = [sys.executable, str(Path(mcp_server.__file__))]


def outputs(result: Any) -> list[str]:
    return [message["content"] for message in result.messages if message["role"] == "tool"]


async def test_a_program_s_tools_are_the_agent_s_and_it_is_started_again_if_it_dies() -> None:
    before = children()
    model = ScriptedModel(
        (Call("fs_environment", {"name": "GIVEN"}), Call("fs_read_file", {"path": "x"})),
        Call("fs_add", "[1]"),
        Call("fs_leave"),
        Call("fs_add", {"a": 1, "b": 2}),
        "done",
    )
    server = MCPServer(COMMAND, prefix="fs_", env={"GIVEN": "yes"})
    async with Agent(model=model, mcp=[server]) as bot:
        assert list(bot.tools) == ["fs_add", "fs_read_file", "fs_environment", "fs_leave"]
        environment, failed, wrong, left, added = outputs(await bot.run("go"))
        assert (environment, added) == ("yes", "3")
        assert "no x" in json.loads(failed)["error"]["message"]
        assert "must be a JSON object" in json.loads(wrong)["error"]["message"]
        assert "did not answer" in json.loads(left)["error"]["message"]
        declared = next(tool for tool in model.turns[0].tools if tool.name == "fs_add")
        assert declared.description == "Adds two numbers."
        assert len(children() - before) == 1
    assert children() == before


def test_each_run_sync_has_a_connection_of_its_own() -> None:
    near = MCPServer(mcp_server.server)
    bot = Agent(model=ScriptedModel(Call("add", {"a": 1, "b": 2}), "done", loop=True), mcp=[near])
    assert [outputs(bot.run_sync("go")) for _ in range(2)] == [["3"], ["3"]]
    assert list(bot.tools) == ["add", "read_file", "environment", "leave"]


async def test_a_server_may_be_a_url() -> None:
    app = mcp_server.server.streamable_http_app()
    async with app.router.lifespan_context(app), MockServer(app) as served:
        server = MCPServer(f"{served.url}/mcp", headers={"x-tenant": "me"})
        async with Agent(model=ScriptedModel(Call("add", {"a": 1, "b": 2}), "done"), mcp=[server]) as bot:
            assert outputs(await bot.run("go")) == ["3"]


async def test_a_server_in_this_process_and_only_some_of_its_tools() -> None:
    server = MCPServer(mcp_server.server, name="near", only=["add"])
    async with Agent(model=ScriptedModel(Call("add", {"a": 1, "b": 2}), "done"), mcp=[server]) as bot:
        assert {name: one.source for name, one in bot.tools.items()} == {"add": "near"}
        assert outputs(await bot.run("go")) == ["3"]


async def test_many_runs_share_a_connection() -> None:
    model = ScriptedModel(lambda turn: "done" if len(turn.items) > 1 else Call("add", {"a": 1, "b": 2}), loop=True)
    async with Agent(model=model, mcp=[MCPServer(mcp_server.server)]) as bot:
        results = await asyncio.gather(*(bot.run("go") for _ in range(50)))
    assert {output for result in results for output in outputs(result)} == {"3"}


async def test_a_server_that_cannot_be_reached_fails_the_run_and_leaves_nothing() -> None:
    for target in (["/nowhere/at/all"], "http://127.0.0.1:1/mcp"):
        bot = Agent(model=ScriptedModel("never"), mcp=[MCPServer(target)])
        with pytest.raises(AgentError, match="the MCP server 'mcp' cannot be reached"):
            await bot.run("go")
        await bot.close()


async def test_a_server_belongs_to_one_agent() -> None:
    server = MCPServer(mcp_server.server)
    async with Agent(mcp=[server]):
        with pytest.raises(AgentError, match="another agent's"):
            await server.initialize(Agent("other"))
