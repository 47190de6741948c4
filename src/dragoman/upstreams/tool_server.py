"""A loopback MCP server that offers callers' own function tools to command-line agents.

One server for all runs of a gateway, on a port of 127.0.0.1 that the system chooses; each run has a path of its own,
which nobody can guess and which ends with it. What a tool is asked is handed to the run, which answers when its
caller has: until then the connection is kept awake with comments.
"""

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

import msgspec
from aiohttp import web

from dragoman.errors import WireError
from dragoman.turn import Tool
from dragoman.version import __version__
from dragoman.wire import mcp, sse

MAX_BODY: Final = 8 * 1024 * 1024
"""Bytes of one message of an agent's."""
PING: Final = 15.0
"""Seconds of silence after which a connection that waits for a tool gets a comment."""
_NO_PARAMETERS: Final = msgspec.Raw(b'{"type":"object","properties":{}}')

Called = Callable[[str, str], Awaitable[mcp.ToolResult]]
"""Runs a tool by its name with arguments in JSON."""


class Offer:
    """The tools of one run, at `url` until `close`."""

    def __init__(self, server: "ToolServer", token: str, tools: Sequence[Tool], called: Called) -> None:
        self._server = server
        self.token = token
        self.called = called
        self.names = frozenset(tool.name for tool in tools)
        self.listed = [
            mcp.Tool(tool.name, tool.parameters if isinstance(tool.parameters, msgspec.Raw) else _NO_PARAMETERS,
                     tool.description)
            for tool in tools
        ]  # fmt: skip

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.port}/{self.token}"

    def close(self) -> None:
        self._server.withdraw(self)


class ToolServer:
    """Listens from the first offer on, until `close`."""

    def __init__(self) -> None:
        self._offers: dict[str, Offer] = {}
        self._runner: web.AppRunner | None = None
        self._opening = asyncio.Lock()
        self.port = 0

    async def offer(self, tools: Sequence[Tool], called: Called) -> Offer:
        """Offers tools to whoever knows the offer's URL; `called` runs them."""
        async with self._opening:
            if self._runner is None:
                self._runner = await self._listen()
        offer = Offer(self, secrets.token_urlsafe(32), tools, called)
        self._offers[offer.token] = offer
        return offer

    def withdraw(self, offer: Offer) -> None:
        self._offers.pop(offer.token, None)

    async def close(self) -> None:
        self._offers.clear()
        runner, self._runner = self._runner, None
        if runner is not None:
            await runner.cleanup()

    async def _listen(self) -> web.AppRunner:
        app = web.Application(client_max_size=MAX_BODY)
        app.router.add_post("/{token}", self._answer)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        self.port = runner.addresses[0][1]
        return runner

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        offer = self._offers.get(request.match_info["token"])
        # A page in a browser can reach a loopback port, but not without naming where it comes from.
        if offer is None or "Origin" in request.headers:
            raise web.HTTPNotFound
        try:
            asked = mcp.parse_request(await request.read())
        except WireError as error:
            return _json(mcp.render_error(None, mcp.PARSE_ERROR, f"This is {error}."))
        if asked.id is None:
            return web.Response(status=202)
        if asked.method == "tools/call":
            return await self._call(request, offer, asked)
        return _json(_told(offer, asked))

    async def _call(self, request: web.Request, offer: Offer, asked: mcp.Request) -> web.StreamResponse:
        try:
            call = mcp.parse_call(asked.params)
        except WireError as error:
            return _json(mcp.render_error(asked.id, mcp.INVALID_PARAMS, f"This is {error}."))
        if call.name not in offer.names:
            return _json(mcp.render_error(asked.id, mcp.INVALID_PARAMS, f"There is no tool {call.name!r}."))
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "Cache-Control": "no-cache"})
        await response.prepare(request)
        async with asyncio.TaskGroup() as tasks:
            awake = tasks.create_task(_keep_awake(response))
            result = await offer.called(call.name, bytes(call.arguments).decode())
            awake.cancel()
        await response.write(sse.render(mcp.render_result(asked.id, result), b"message"))
        await response.write_eof()
        return response


def _told(offer: Offer, asked: mcp.Request) -> bytes:
    """The answer to all that needs no tool."""
    match asked.method:
        case "initialize":
            try:
                version = mcp.version(asked.params)
            except WireError as error:
                return mcp.render_error(asked.id, mcp.INVALID_PARAMS, f"This is {error}.")
            server = {"name": "dragoman", "version": __version__}
            hello = {"protocolVersion": version, "capabilities": {"tools": {}}, "serverInfo": server}
            return mcp.render_result(asked.id, hello)
        case "tools/list":
            return mcp.render_result(asked.id, {"tools": offer.listed})
        case "ping":
            return mcp.render_result(asked.id, {})
        case _:
            return mcp.render_error(asked.id, mcp.METHOD_NOT_FOUND, f"There is no method {asked.method!r} here.")


def _json(body: bytes) -> web.Response:
    return web.Response(body=body, content_type="application/json")


async def _keep_awake(response: web.StreamResponse) -> None:
    while True:
        await asyncio.sleep(PING)
        await response.write(sse.PING)
