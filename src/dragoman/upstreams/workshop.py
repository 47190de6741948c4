"""What all command upstreams of a gateway share: processes, directories made for runs, the server of tools."""

from pathlib import Path

import structlog

from dragoman.upstreams.leftovers import Leftovers
from dragoman.upstreams.process import Processes
from dragoman.upstreams.rooms import Rooms
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
        self.tools = ToolServer()

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

    async def close(self) -> None:
        await self.processes.close()
        await self.tools.close()
