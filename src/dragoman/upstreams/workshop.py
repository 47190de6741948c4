"""What all command upstreams of a gateway share: processes, directories made for runs, the server of tools."""

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import structlog

from dragoman.upstreams.leftovers import Leftovers
from dragoman.upstreams.process import Processes
from dragoman.upstreams.rooms import Rooms

if TYPE_CHECKING:
    from dragoman.upstreams.tool_server import ToolServer

_log = structlog.get_logger("dragoman")


class Workshop:
    """`open` before the first upstream is made, `close` after the last has been closed."""

    def __init__(self, processes: Processes, rooms: Rooms, files: Rooms) -> None:
        self.processes = processes
        self.rooms = rooms
        """Where runs work."""
        self.files = files
        """What they are given to read."""

    @classmethod
    def open(cls, state: Path) -> "Workshop":
        """Ends and removes what a dead gateway has left under `state`. Blocks; raises `OSError`."""
        leftovers = Leftovers(state / "runs")
        for group in leftovers.sweep():
            _log.warning("ended what a dead gateway left running", run=group.mark)
        rooms, files = Rooms(state / "work"), Rooms(state / "files")
        rooms.sweep()
        files.sweep()
        return cls(Processes(leftovers), rooms, files)

    @cached_property
    def tools(self) -> "ToolServer":
        """Where callers' tools are offered."""
        # Imported when a caller brings tools: a web server is much for those who bring none.
        from dragoman.upstreams.tool_server import ToolServer  # noqa: PLC0415

        return ToolServer()

    async def close(self) -> None:
        await self.processes.close()
        if "tools" in self.__dict__:
            await self.tools.close()
