"""An MCP server of a few tools, over stdin and stdout, made with the library's own package."""

import os
import sys

from mcp.server import MCPServer
from mcp.server.mcpserver.exceptions import ToolError

server = MCPServer("tools")


@server.tool()
def add(a: int, b: int) -> int:
    """Adds two numbers."""
    return a + b


@server.tool(name="read.file")
def read_file(path: str) -> str:
    raise ToolError(f"no {path}")


@server.tool()
def environment(name: str) -> str:
    return os.environ.get(name, "unset")


@server.tool()
def leave() -> str:
    os._exit(1)


if __name__ == "__main__":
    server.run("stdio", *sys.argv[1:])
