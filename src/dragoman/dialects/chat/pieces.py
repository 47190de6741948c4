"""One call of a Chat stream as its pieces come in.

The first piece has the name, and the id where the upstream gives one; the others go on with the arguments.
Servers differ: some repeat the name or the whole call, some give every call the same index, some no id at all.
"""

from typing import Final

import msgspec

from dragoman.dialects.chat.answers import CallIds, read_arguments, read_name
from dragoman.errors import WireError
from dragoman.turn import CallClosed, CallDelta, CallKind, CallOpened, Event
from dragoman.wire import chat_answer as wire

MAX_CHECKS: Final = 16
"""How often a call is looked at whether it is complete while others wait; after that it is closed at the end."""
_object: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])


class PiecedCall:
    """A call; its methods give the events that are new."""

    def __init__(self, number: int, ids: CallIds) -> None:
        self._number = number
        self._ids = ids
        self._id = ""
        self._name = ""
        self._kind: CallKind = "function"
        self._said: list[str] = []
        self._length = 0
        self._unsent: list[str] = []
        self._opened = False
        self._closed = False
        self._whole = False
        self._checked = 0
        self._checks = MAX_CHECKS

    def owns(self, piece: wire.Call) -> bool:
        """Whether a piece with this call's index belongs to it: some servers give the same one to all calls."""
        name = read_name(piece)
        if not name:
            return True  # some give every piece an id of its own
        if piece.id and self._id:
            return piece.id == self._id
        if self._name and name != self._name:
            return False
        said = read_arguments(piece)
        return not said or self._is(said) or not self.whole()

    def has(self, identity: str) -> bool:
        return self._id == identity

    def take(self, piece: wire.Call) -> None:
        """Raises `WireError` for more of a call that was complete."""
        name, said = read_name(piece), read_arguments(piece)
        if said and (name or self._closed) and self._is(said):
            return  # said again, as some servers do with the finish reason
        if self._closed:
            if said.strip():
                raise WireError("more of a call that was complete")
            return
        self._id = self._id or piece.id or ""
        self._name = self._name or name
        if piece.custom is not None:
            self._kind = "custom"
        if said:
            self._whole = self._whole and not said.strip()
            self._length += len(said)
            self._said.append(said)
            self._unsent.append(said)

    def whole(self) -> bool:
        """Whether nothing can be added: the arguments are an object. Raw text of a custom tool never is."""
        if self._kind == "custom" or len(self._said) == self._checked or not self._checks:
            return self._whole
        self._checked = len(self._said)
        if self._said[-1].rstrip().endswith("}"):
            self._checks -= 1
            self._whole = _is_object("".join(self._said))
        return self._whole

    def advance(self, out: list[Event]) -> None:
        """Gives what can be given of the call."""
        if not self._opened and self._name and self._id:
            self._open(out)
        if self._opened:
            out += [CallDelta(text) for text in self._unsent]
            self._unsent.clear()

    def _open(self, out: list[Event]) -> None:
        self._opened = True
        out.append(CallOpened(self._ids.take(self._number, self._id), self._name, self._kind))

    def _is(self, said: str) -> bool:
        return len(said) == self._length and said == "".join(self._said)

    def close(self, out: list[Event]) -> None:
        """Gives the rest of the call. Raises `WireError` if it has no name."""
        if not self._name:
            raise WireError("a call without a name")
        if not self._opened:
            self._open(out)
        self.advance(out)
        self._closed = True
        text = "".join(self._said)
        out.append(CallClosed(text if self._kind == "custom" else text or "{}"))


def _is_object(text: str) -> bool:
    try:
        _object.decode(text)
    except (msgspec.DecodeError, RecursionError):
        return False
    return True
