"""The tools of an MCP server as a skill. It needs the extra `mcp`.

The connection belongs to a task of its own, from the agent's first run until the agent is closed: the library's
contexts must be left by the task that entered them. A connection that broke is made anew by the next call.
"""

import asyncio
import logging
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Final

import httpx2
import msgspec

from dragoman.agents.context import Context
from dragoman.agents.errors import AgentError, ToolError
from dragoman.agents.scopes import EVERYONE, Scope
from dragoman.agents.skills import Skill
from dragoman.agents.tools import TIMEOUT, Tool

if TYPE_CHECKING:
    import mcp

    from dragoman.agents.agent import Agent

CONNECT: Final = 30.0
"""Seconds that a server has to begin and to tell of its tools."""
MAX_PAGES: Final = 100
"""Pages of a server's list of tools."""
_UNNAMED: Final = re.compile(r"[^A-Za-z0-9_-]")
_log: Final = logging.getLogger("dragoman.agents")


class MCPServer(Skill):
    """One server: its URL, or the command line that starts it. It belongs to the one agent that it is given to."""

    def __init__(
        self,
        server: str | Sequence[str] | object,
        *,
        name: str = "mcp",
        prefix: str = "",
        headers: Mapping[str, str] | None = None,
        env: Mapping[str, str] | None = None,
        only: Sequence[str] | None = None,
        scope: Scope = EVERYONE,
        timeout: float = TIMEOUT,
    ) -> None:
        """`prefix` goes before the names of its tools, of which `only` may name those that are wanted; `timeout` is
        what a call has, in seconds.

        `headers` go to a URL; `env` is what a command gets beside the few harmless names of its environment. A
        server object of the library itself, or a transport of it, is connected to as it is.
        """
        self._server = server
        self._name = name
        self._prefix = prefix
        self._headers = dict(headers or {})
        self._env = dict(env or {})
        self._only = only
        self._scope = scope
        self._timeout = timeout
        self._task: asyncio.Task[None] | None = None
        self._client: asyncio.Future[mcp.Client] | None = None
        self._leave: asyncio.Event | None = None
        self._agent: Agent | None = None

    @property
    def name(self) -> str:
        return self._name

    async def initialize(self, agent: "Agent") -> None:
        """Connects, and gives the agent the server's tools. Raises `AgentError` if it cannot be reached."""
        if self._agent not in (None, agent):
            raise AgentError(f"the MCP server {self._name!r} is another agent's; make one for each")
        self._agent = agent
        client = await self._connected()
        found: list[Tool] = []
        cursor: str | None = None
        async with asyncio.timeout(CONNECT):
            for _ in range(MAX_PAGES):
                page = await client.list_tools(cursor=cursor)
                found += [self._tool(one) for one in page.tools if self._only is None or one.name in self._only]
                cursor = page.next_cursor
                if not cursor:
                    break
        agent.set_tools(self._name, found)

    async def close(self) -> None:
        task, self._task = self._task, None
        if task is not None and self._leave is not None:
            self._leave.set()
            await asyncio.gather(task, return_exceptions=True)

    def _tool(self, told: "mcp.Tool") -> Tool:
        name = _UNNAMED.sub("_", self._prefix + told.name)[:64]
        return Tool(
            name, told.description or "", told.input_schema, self._runner(told.name), self._scope, self._timeout,
            source=self._name,
        )  # fmt: skip

    def _runner(self, name: str) -> Callable[[Context, str], Awaitable[object]]:
        async def run(context: Context, arguments: str) -> object:
            try:
                given = msgspec.json.decode(arguments or "{}", type=dict[str, Any])
            except msgspec.DecodeError as error:
                raise ToolError(f"The arguments must be a JSON object: {error}") from None
            client = await self._connected()
            task = self._task
            try:
                result = await client.call_tool(name, given)
            except Exception as error:  # the library raises whatever its transport does
                if not await self._answers(client) and self._task is task:
                    await self.close()  # the next call connects anew
                raise ToolError(f"The server {self._name!r} did not answer: {error}") from error
            text = _text(result)
            if result.is_error:
                raise ToolError(text)
            return text

        return run

    async def _answers(self, client: "mcp.Client") -> bool:
        """Whether the server is still there."""
        try:
            async with asyncio.timeout(1.0):
                await client.list_tools(cache_mode="bypass")
        except Exception:  # noqa: BLE001 - whatever the library raises, it means no
            return False
        return True

    async def _connected(self) -> "mcp.Client":
        if self._task is None or self._task.done():
            self._client = asyncio.get_running_loop().create_future()
            self._leave = asyncio.Event()
            self._task = asyncio.create_task(self._hold(self._client, self._leave))  # noqa: TID251 - ended by `close`
        assert self._client is not None
        return await asyncio.shield(self._client)

    async def _hold(self, connected: "asyncio.Future[mcp.Client]", leave: asyncio.Event) -> None:
        """The life of one connection."""
        try:
            async with self._opened() as client:
                connected.set_result(client)
                await leave.wait()
        except Exception as error:  # noqa: BLE001 - the outermost of a connection: the library raises groups of anything
            if connected.done():
                _log.warning("MCP server went away", exc_info=True, extra={"server": self._name})
                return
            message = f"the MCP server {self._name!r} cannot be reached: {_cause(error)}"
            connected.set_exception(AgentError(message))
        finally:
            connected.cancel()

    @asynccontextmanager
    async def _opened(self) -> "AsyncIterator[mcp.Client]":
        library = _library()
        async with asyncio.timeout(CONNECT) as deadline, httpx2.AsyncClient(headers=self._headers) as http:
            server = self._server
            if isinstance(server, str):
                server = _over_http(server, http)
            elif isinstance(server, Sequence):
                command, *arguments = server
                server = library.StdioServerParameters(command=command, args=arguments, env=self._env or None)
            async with library.Client(server) as client:
                deadline.reschedule(None)
                yield client


def _library() -> Any:
    try:
        import mcp  # noqa: PLC0415 - an extra, and slow to import
    except ModuleNotFoundError as error:
        raise ImportError("MCPServer needs mcp: pip install 'dragoman[mcp]'", name="mcp") from error
    return mcp


def _over_http(url: str, http: httpx2.AsyncClient) -> Any:
    from mcp.client.streamable_http import streamable_http_client  # noqa: PLC0415 - as above

    return streamable_http_client(url, http_client=http)


def _text(result: "mcp.types.CallToolResult") -> str:
    """What a model can read of a result; what is no text is named."""
    texts = [getattr(part, "text", None) or f"[{part.type}]" for part in result.content]
    if not texts and result.structured_content is not None:
        return msgspec.json.encode(result.structured_content).decode()
    return "\n".join(texts)


def _cause(error: BaseException) -> str:
    """The first of what a group of errors holds, in words."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return f"{type(error).__name__}: {error}".removesuffix(": ")
