"""What becomes of each field when a call is translated, as data; and all that a codec can say of it.

A `Field` is one thing that can be said, under its name in each dialect; `fields.py` has them all. A `Row` tells
what becomes of one on its way to one dialect. Rows lie beside the codec that acts by them (`chat/rows.py`,
`responses/rows.py`, `messages/rows.py`), because the dialects are a hub: each says what it makes of everything
that others say, so another dialect is one more file of rows and one more name per field, not a column in every
pair. What holds for a directed pair follows from both ends (`rows_between`), and `bridge.TABLES` joins them.

Conversion stays plain code. But a loss is only told, and a parameter only refused, by naming a row: the words
of `X-Dragoman-Loss`, of `/convert`'s report, of a 400 and of docs/reference/translation.md are the same ones, and
the tests run a request through each row. Whatever a caller reads is named as the caller's own dialect names it.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Final, Literal

import msgspec

from dragoman import errors
from dragoman.errors import GatewayError
from dragoman.turn import Dialect, Extra, Loss, Place, ToolResult, Turn

Fate = Literal["same", "mapped", "executed", "vacuous", "defaulted", "dropped", "refused"]
Stands = Literal["request", "item", "part", "tool", "answer", "stop"]

DIALECTS: Final[tuple[Dialect, ...]] = ("chat", "responses", "messages")
CANNOT: Final = "The parameter '{param}' cannot be sent to this upstream."
UNKNOWN_THERE: Final = "the upstream does not know it"
_EMPTY: Final = (b"null", b"[]", b"{}")
_LONGEST_EMPTY: Final = 64  # bytes, blanks included: a longer value is not looked into
_NUMBER: Final = re.compile(r"\[\d+\]")
_ITEM: Final = re.compile(r"(input|messages)\[(\d+)\]")
_EARLIER: Final = Place("previous_response_id")
"""Where an item stood that no caller has sent with this request."""


class Field(msgspec.Struct, frozen=True):
    """One thing that can be said, and its name in each dialect; empty where a dialect has no word for it.

    `stands` tells in what it is found, `about` which of several things of that name is meant, and `old` a name that
    Chat had for it before; a caller that used it has an extra of that name, with nothing in it.
    """

    stands: Stands
    chat: str = ""
    responses: str = ""
    messages: str = ""
    about: str = ""
    old: str = ""

    def name(self, dialect: Dialect) -> str:
        name: str = getattr(self, dialect)
        return name


class Row(msgspec.Struct, frozen=True):
    """What becomes of a field on its way to one dialect.

    fate       what the upstream is told                         what the caller is told
    ---------  ------------------------------------------------  --------------------------------------
    same       the same value under the same name                nothing
    mapped     it in another shape or under another name         nothing, or a loss if there is a note
    executed   nothing: the gateway does it                      nothing
    vacuous    nothing: it asks for what is done anyway          nothing
    defaulted  what the caller left open and the other demands   a loss
    dropped    nothing                                           a loss
    refused    it is not called                                  a 400 that names the field
    """

    field: Field
    fate: Fate
    note: str = ""
    """What the loss or the 400 says; of the other fates, a remark."""
    when: str = ""
    """For which values or which quirk it holds; always, if empty."""
    value: str = ""
    """The JSON of the one value it holds for."""
    source: Dialect | None = None
    """The only dialect of callers it holds for."""

    @property
    def reported(self) -> bool:
        """Whether the caller is told of a loss."""
        return self.fate in ("defaulted", "dropped") or (self.fate == "mapped" and bool(self.note))

    def loss(self, param: str, **said: object) -> Loss:
        assert self.reported
        kind: Literal["mapped", "defaulted", "dropped"] = self.fate  # type: ignore[assignment]  # as `reported` says
        return Loss(param, kind, self.note.format(param=param, **said))

    def refusal(self, param: str, **said: object) -> GatewayError:
        assert self.fate == "refused"
        message = (self.note or CANNOT).format(param=param, **said)
        return GatewayError(errors.UNSUPPORTED_PARAMETER, message, param=param)


class Table:
    """The rows of one dialect: of what arrives at its upstreams, and of what of its callers' can leave it.

    `answers` tell what a caller of this dialect gets of an answer in another; nothing of that is reported, for the head
    of a stream goes out before it. Parameters without a neutral form are judged by `extras` alone: what they are
    called may mean something else elsewhere.
    """

    def __init__(
        self,
        dialect: Dialect,
        *,
        arriving: tuple[Row, ...],
        extras: tuple[Row, ...],
        leaving: tuple[Row, ...],
        answers: tuple[Row, ...],
    ) -> None:
        self.dialect = dialect
        self.answers = answers
        self.arriving = (*arriving, *extras)
        self.leaving = leaving
        silent = [(_last(row.field.name(dialect)), row.value) for row in leaving if row.fate == "vacuous"]
        self._values = {name: msgspec.json.decode(value) for name, value in silent if value}
        self._hints = frozenset(name for name, value in silent if not value)
        self._extras: dict[tuple[Dialect, str], list[Row]] = {}
        for row in extras:
            for source in DIALECTS if row.source is None else (row.source,):
                self._extras.setdefault((source, row.field.name(source)), []).append(row)

    def says_nothing(self, name: str, value: msgspec.Raw) -> bool:
        """Whether a member without a neutral form, of whatever object, asks for what is done without it."""
        if is_empty(value) or name in self._hints:
            return True
        return name in self._values and bool(msgspec.json.decode(value) == self._values[name])

    def _rows(self, extra: Extra) -> list[Row]:
        """Those of its name; what is dropped wherever it stands goes by the last part of it."""
        rows = self._extras.get((extra.dialect, _NUMBER.sub("[]", extra.param)))
        if rows is None:
            rows = [row for row in self._extras.get((extra.dialect, _last(extra.param)), ()) if row.fate == "dropped"]
        return rows

    def judge(self, extra: Extra, otherwise: Row) -> Row | None:
        """What becomes of a parameter without a neutral form; None if it says nothing."""
        if is_empty(extra.value):
            return None
        found = otherwise
        for row in self._rows(extra):
            if not row.value:
                found = row
            elif msgspec.json.decode(extra.value) == msgspec.json.decode(row.value):
                return None if row.fate == "vacuous" else row
        return None if found.fate == "vacuous" else found


def rows_between(source: Table, target: Table) -> Iterator[Row]:
    """What becomes of what a caller of `source` says, at an upstream of `target`."""
    yield from source.leaving
    for row in target.arriving:
        if row.field.name(source.dialect) and row.source in (None, source.dialect):
            yield row


def is_empty(value: msgspec.Raw) -> bool:
    """Whether a value is null, an empty list or an empty object."""
    return len(value) < _LONGEST_EMPTY and b"".join(bytes(value).split()) in _EMPTY


def _last(name: str) -> str:
    return re.split(r"[.\]]", name)[-1]


def answers_between(source: Table, target: Table) -> Iterator[Row]:
    """What becomes of what an upstream of `source` answers, for a caller of `target`."""
    for row in target.answers:
        if row.field.name(source.dialect) and row.source in (None, source.dialect):
            yield row


def leaf(name: str) -> str:
    """The last part of a field's name: that inside the innermost list, or the whole of it."""
    return name.rpartition("[]")[2].removeprefix(".")


class Earlier(msgspec.Struct, frozen=True):
    """What the gateway has put among the items of a request, whose caller named it by `name`: `count` of them from
    place `at` on, and what of them could not be said there."""

    count: int = 0
    at: int = 0
    name: str = _EARLIER.at
    losses: tuple[Loss, ...] = ()

    def own(self, param: str) -> str:
        """A place in the request as its caller counts."""
        found = _ITEM.match(param) if self.count else None
        if found is None or int(found[2]) < self.at:
            return param
        number = int(found[2]) - self.count
        return f"{f'{found[1]}[{number}]' if number >= self.at else self.name}{param[found.end() :]}"

    def told(self, losses: Sequence[Loss]) -> tuple[Loss, ...]:
        """All the losses of a request, those of its own as its caller counts."""
        return (*self.losses, *(Loss(self.own(loss.param), loss.kind, loss.note) for loss in losses))


NOTHING_EARLIER: Final = Earlier()


def refuse(row: Row, at: str = "", **said: object) -> GatewayError:
    """The 400 for what a caller said at `at`, by a reader who knows the place; see `Losses` for the rest."""
    return row.refusal(at, **said)


class Losses:
    """What a renderer tells the caller of one request, in the caller's names.

    A renderer sets `item`, `part` and `tool` to the number of what it is at, from 0; the names are only made
    when there is something to tell.
    """

    __slots__ = ("_allow_unknown", "_told", "_turn", "item", "part", "tool")

    def __init__(self, turn: Turn, *, allow_unknown: bool = False) -> None:
        self._turn = turn
        self._allow_unknown = allow_unknown
        self._told: list[Loss] = []
        self.item = 0
        self.part = 0
        self.tool = 0

    @property
    def source(self) -> Dialect:
        """What the caller speaks."""
        return self._turn.dialect

    def note(self, row: Row, param: str = "", **said: object) -> None:
        """Tells a loss."""
        self._told.append(row.loss(param or self.name(row.field), **said))

    def refuse(self, row: Row, param: str = "", **said: object) -> GatewayError:
        """The 400 that names a field."""
        return row.refusal(param or self.name(row.field), **said)

    def lack(self, row: Row, param: str = "", **said: object) -> None:
        """Refuses what the upstream has no word for, or tells its loss where the operator allows that. Raises
        `GatewayError` UNSUPPORTED_PARAMETER."""
        if not self._allow_unknown:
            raise self.refuse(row, param, **said)
        self._told.append(Loss(param or self.name(row.field), "dropped", UNKNOWN_THERE))

    def told(self) -> tuple[Loss, ...]:
        return tuple(self._told)

    def name(self, field: Field) -> str:
        """What the caller calls the field, with the numbers of where it stands."""
        name = field.name(self.source) or next(filter(None, (field.name(dialect) for dialect in DIALECTS)))
        match field.stands:
            case "item":
                at = self.place()
            case "part":
                at = self._part() if name.count("[]") > 1 else self.place()
            case "tool":
                return self._tool(leaf(name))
            case _:
                return field.old if field.old and self._says(field.old) else name
        inner = leaf(name)
        return f"{at}.{inner}" if inner else at

    def _says(self, old: str) -> bool:
        return any(extra.param == old for extra in self._turn.extras)

    def place(self) -> str:
        """Where the present item stands in the caller's request."""
        return self._place().at

    def _place(self) -> Place:
        turn = self._turn
        if not turn.places:
            return Place(f"{'input' if turn.dialect == 'responses' else 'messages'}[{self.item}]")
        number = self.item - len(turn.items) + len(turn.places)
        return turn.places[number] if number >= 0 else _EARLIER

    def _tool(self, inner: str) -> str:
        """In Chat a tool's members lie in an object named after its type, but for the deprecated functions."""
        turn = self._turn
        if turn.dialect == "chat":
            if self._says("functions"):
                return f"functions[{self.tool}].{inner.removeprefix('function.')}"
            if turn.tools[self.tool].kind == "custom":
                inner = inner.replace("function.", "custom.", 1)
        return f"tools[{self.tool}].{inner}" if inner else f"tools[{self.tool}]"

    def _part(self) -> str:
        place = self._place()
        if place.parts:
            return place.parts[self.part]
        result = isinstance(self._turn.items[self.item], ToolResult)
        return f"{place.at}.{'output' if result and self.source == 'responses' else 'content'}[{self.part}]"
