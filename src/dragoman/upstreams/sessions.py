"""Which session of a program's own each conversation of a caller's goes on with.

    goes on from     becomes          a run
    ---------------  ---------------  ------------------------------------------------------------------
    nothing          a name           begins a session, which has that name afterwards
    a name           the same name    goes on with it
    a name           another name     goes on with it, and it has the new name; who comes back to the old one
                                      begins anew, for the session has gone on
    anything         nothing          begins a session that nobody will go on with

One run at a time works with a session, until its program has gone; others wait in the order of coming.

A session is kept in a file of the state directory and not in the store: it is worth something only where the program
has its own files of it, which is this machine, and must be known after a restart so that those are removed one day. A
turn comes whole, so a session that is lost costs tokens and nothing else, but where a caller relies on a name alone.
"""

import asyncio
import os
from collections import deque
from collections.abc import Callable, Mapping
from hashlib import sha256
from itertools import count
from pathlib import Path
from typing import Final

import msgspec

from dragoman import errors
from dragoman.errors import GatewayError
from dragoman.ports import Asked
from dragoman.turn import Usage
from dragoman.upstreams.traces import remove_traces

MAX_KEPT: Final = 1000
"""Sessions of one upstream; the least recently used goes first."""
_FORMER: Final = "former-"
"""Before the name of a session's file that nobody can go on with; it waits for its removal."""


class Session(msgspec.Struct, frozen=True):
    """A session of the program's own."""

    id: str
    place: str = ""
    """Of the directory in which it was begun, where that matters."""
    spent: Usage = Usage()
    """What it has used and cost so far, as the program has told."""
    used_at: float = 0.0


class Sessions:
    """Those of one upstream."""

    def __init__(
        self,
        directory: Path,
        adapter: str,
        environ: Mapping[str, str],
        *,
        age: float,
        now: Callable[[], float],
        max_waiting: int,
        max_kept: int = MAX_KEPT,
    ) -> None:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._directory = directory
        self._adapter = adapter
        self._environ = environ
        self._age = age
        self._now = now
        self._max_waiting = max_waiting
        self._max_kept = max_kept
        self._writers: dict[str, deque[asyncio.Future[None]]] = {}
        self._numbers = count()
        self._places = {path.stem: one.place for path in directory.glob("*.json") if (one := self._read(path))}
        """Of those that are kept, by their names."""
        self._working: set[str] = set()

    def begin_place(self) -> str:
        """For a new session, until `end_place`: the lowest number that none has, for programs remember every path."""
        taken = self._working.union(self._places.values())
        place = next(place for number in count() if (place := f"s{number}") not in taken)
        self._working.add(place)
        return place

    def end_place(self, place: str) -> None:
        """It is now that of the session, if there is one."""
        self._working.discard(place)

    def thread(self, asked: Asked) -> "Thread":
        """What a call goes on with."""
        becomes = asked.becomes if self._age else ""
        return Thread(self, _name(asked, asked.session if becomes else ""), _name(asked, becomes))

    def sweep(self) -> int:
        """Forgets what is too old or too much, the program's own files included; how many those were. Blocks."""
        found = [(path, session) for path in self._directory.glob("*.json") if (session := self._read(path))]
        found.sort(key=lambda one: one[1].used_at, reverse=True)
        limit = self._now() - self._age
        gone = 0
        for number, (path, session) in enumerate(found):
            if session.used_at > limit and number < self._max_kept:
                continue
            if path.stem not in self._writers:
                self.forget(path.stem)
                remove_traces(self._adapter, session.id, self._environ)
                gone += 1
        return gone

    async def enter(self, name: str) -> None:
        """Waits until nobody else works with the session of that name. Raises `GatewayError` QUEUE_FULL."""
        waiting = self._writers.get(name)
        if waiting is None:
            self._writers[name] = deque()
            return
        if len(waiting) >= self._max_waiting:
            raise GatewayError(errors.QUEUE_FULL, "Too many calls wait to go on with the same session.")
        turn = asyncio.get_running_loop().create_future()
        waiting.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self.leave(name)
            elif turn in waiting:  # or `leave` has passed it over
                waiting.remove(turn)
            raise

    def hold(self, name: str) -> bool:
        """Lets those who come to go on with a session wait until it is there; whether that is for the caller to do."""
        if name in self._writers:
            return False
        self._writers[name] = deque()
        return True

    def leave(self, name: str) -> None:
        waiting = self._writers[name]
        while waiting:
            turn = waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        del self._writers[name]

    def get(self, name: str) -> Session | None:
        return self._read(self._path(name))

    def retire(self, name: str, session: Session) -> str:
        """Takes a session out of everybody's reach; what it is called until it is removed."""
        former = f"{_FORMER}{os.getpid()}-{next(self._numbers)}-{name[:16]}"
        self.put(former, session)
        self.forget(name)
        return former

    def put(self, name: str, session: Session) -> None:
        path = self._path(name)
        new = path.with_suffix(".new")
        new.write_bytes(msgspec.json.encode(msgspec.structs.replace(session, used_at=self._now())))
        new.replace(path)
        self._places[name] = session.place

    def put_away(self, session: Session) -> None:
        """Remembers a session that nobody goes on with, until its traces are removed."""
        name = f"{_FORMER}{os.getpid()}-{next(self._numbers)}"
        self._path(name).write_bytes(msgspec.json.encode(msgspec.structs.replace(session, used_at=0.0)))
        self._places[name] = session.place

    def forget(self, name: str) -> None:
        self._path(name).unlink(missing_ok=True)
        self._places.pop(name, None)

    def _path(self, name: str) -> Path:
        return self._directory / f"{name}.json"

    def _read(self, path: Path) -> Session | None:
        try:
            return msgspec.json.decode(path.read_bytes(), type=Session)
        except FileNotFoundError:
            return None
        except (OSError, msgspec.DecodeError):
            path.unlink(missing_ok=True)
            return None


class Thread:
    """What one call goes on with: `enter`, `take`, then `settle` after a run or `restore` without one, and `leave`."""

    def __init__(self, sessions: Sessions, name: str, becomes: str) -> None:
        self._sessions = sessions
        self._name = name
        self._becomes = becomes
        self._stays = bool(name) and name == becomes
        self._holds: set[str] = set()
        self._former = ""
        self.session: Session | None = None
        """What it goes on with; None for a new one."""

    @property
    def keeps(self) -> bool:
        """Whether somebody may go on with its session later."""
        return bool(self._becomes)

    async def enter(self) -> None:
        """Waits until nobody else works with its session. Raises `GatewayError`."""
        if self._name:
            await self._sessions.enter(self._name)
            self._holds.add(self._name)
        if self._becomes and not self._stays and self._sessions.hold(self._becomes):
            self._holds.add(self._becomes)

    def take(self) -> None:
        """Just before the run: from now on nobody else goes on with its session."""
        if self._name:
            self.session = self._sessions.get(self._name)
            if not self._stays:
                if self.session is not None:
                    self._former = self._sessions.retire(self._name, self.session)
                self._leave(self._name)

    def become(self, asked: Asked) -> None:
        """The run goes on for another call of its caller's, and has its name afterwards."""
        if self._stays or not self._becomes:
            return
        self._leave(self._becomes)
        self._becomes = _name(asked, asked.becomes)
        if self._becomes and self._sessions.hold(self._becomes):
            self._holds.add(self._becomes)

    def restore(self) -> None:
        """Nothing has been run after all."""
        if self._former and self.session is not None:
            self._sessions.put(self._name, self.session)
            self._sessions.forget(self._former)

    def lose(self) -> None:
        """The program does not know the session that it was to go on with: a new one is begun."""
        if self.session is not None:
            self._sessions.forget(self._former or self._name)
        self.session = None

    def settle(self, session: Session | None, *, well: bool) -> None:
        """After the run: the program's session as it is now, if it has told one, and whether the answer is whole.

        A caller of one name goes on with it after a failure, too: nobody else has what was said.
        """
        if session is None:
            return
        if self._becomes and (well or self._stays):
            self._sessions.put(self._becomes, session)
            if self._former:
                self._sessions.forget(self._former)
        elif not self._former:
            self._sessions.put_away(session)

    def leave(self) -> None:
        """Whoever waits to go on with its session may. Idempotent."""
        for name in tuple(self._holds):
            self._leave(name)

    def _leave(self, name: str) -> None:
        if name in self._holds:
            self._holds.discard(name)
            self._sessions.leave(name)


def _name(asked: Asked, name: str) -> str:
    """One of a caller's, as a file may be called; empty for none."""
    return sha256(f"{asked.owner or asked.key_id}\0{name}".encode()).hexdigest()[:40] if name else ""
