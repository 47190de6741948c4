"""Reasoning that only its provider may read, carried by a caller of another dialect and given back unchanged.

A provider that wants its reasoning returned signs or encrypts it; another dialect's callers have a place for one
opaque text of their own provider. What they get is an envelope of ours: the reasoning whole, sealed under the
gateway's secret and bound to the caller's key, the upstream and its model, so that it opens for nobody else.

This module decides what goes into an envelope and when; the sealing itself is an argument.
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import zip_longest
from typing import Final, Protocol

import msgspec

from dragoman.dialects import fields as f
from dragoman.dialects.mapping import Losses, Row
from dragoman.errors import WireError
from dragoman.turn import (
    Annotated,
    Event,
    Extra,
    Item,
    Loss,
    Native,
    Opened,
    Place,
    Reasoning,
    ReasoningDelta,
    ReasoningSealed,
    Turn,
    Used,
)
from dragoman.wire.chat import Fields, parse_fields, raw, render_fields

PREFIX: Final = "drg1."
"""Every envelope begins so, and nothing else that a provider seals does."""
PLACES: Final = ("responses", "messages")
"""Dialects whose callers have a place for an envelope."""


ELSEWHERE: Final = Row(f.SEAL, "dropped", "it was sealed for another model", when="an envelope that does not open")


class Sealer(Protocol):
    """Authenticated encryption under the gateway's secret; `bound` must be the same to open as it was to seal."""

    def seal(self, data: bytes, bound: bytes) -> str:
        """Printable text without white space."""
        ...

    def open(self, sealed: str, bound: bytes) -> bytes | None:
        """What was sealed, or None if it was not, or not so bound."""
        ...


class _Content(msgspec.Struct, frozen=True, omit_defaults=True):
    """What an envelope holds."""

    text: tuple[str, ...] = ()
    summary: tuple[str, ...] = ()
    seal: str = ""
    sealed_by: str = ""


class _Given(msgspec.Struct, frozen=True):
    """The members in which the callers of the two dialects carry one."""

    encrypted_content: str | None = None
    signature: str | None = None


_NONE: Final = msgspec.Raw(b"null")
_given: Final = msgspec.json.Decoder(_Given).decode
_decode: Final = msgspec.json.Decoder(_Content).decode


@dataclass(frozen=True, slots=True)
class Envelopes:
    """Makes and opens the envelopes of one caller at one model of one upstream."""

    sealer: Sealer
    bound: bytes

    def close(self, item: Reasoning) -> str:
        content = _Content(item.text, item.summary, item.seal, item.sealed_by)
        return PREFIX + self.sealer.seal(msgspec.json.encode(content), self.bound)

    def open(self, envelope: str) -> Reasoning | None:
        data = self.sealer.open(envelope.removeprefix(PREFIX), self.bound)
        if data is None:
            return None
        content = _decode(data)
        return Reasoning(content.text, content.summary, content.seal, content.sealed_by)


def unwrap(turn: Turn, envelopes: Envelopes, losses: list[Loss]) -> Turn:
    """The turn with the reasoning in its envelopes; what was sealed for another model or caller is left out."""
    if not any(isinstance(item, Reasoning) and item.seal.startswith(PREFIX) for item in turn.items):
        return turn
    told = Losses(turn)
    items: list[Item] = []
    places: list[Place] = []
    first = len(turn.items) - len(turn.places)
    for number, item in enumerate(turn.items):
        kept: Item | None = item
        if isinstance(item, Reasoning) and item.seal.startswith(PREFIX):
            opened = envelopes.open(item.seal)
            kept = None if opened is None else msgspec.structs.replace(opened, id=item.id)
        if kept is None:
            told.item = number
            told.note(ELSEWHERE)
            continue
        items.append(kept)
        if number >= first:
            places.append(turn.places[number - first])
    losses += told.told()
    return msgspec.structs.replace(turn, items=tuple(items), places=tuple(places))


def asking(turn: Turn, front: str, back: str) -> Turn:
    """The turn, asking a Responses upstream for the seal without which its reasoning cannot be given back."""
    thinks = turn.thinking.effort not in (None, "none") or bool(turn.thinking.budget_tokens)
    if front != "messages" or back != "responses" or not thinks:
        return turn
    include = Extra("responses", "include", msgspec.Raw(b'["reasoning.encrypted_content"]'))
    return msgspec.structs.replace(turn, extras=(*turn.extras, include))


def wrap_items(items: tuple[Item, ...], front: str, envelopes: Envelopes) -> tuple[Item, ...]:
    """The items of an answer, each reasoning sealed for a caller who speaks `front`."""
    if front not in PLACES:
        return items
    wrapped: list[Item] = []
    run: list[Reasoning] = []
    seen = [item for item in items if not isinstance(item, Native)]  # of another dialect, and in no stream
    for item, following in zip_longest(seen, seen[1:]):
        if isinstance(item, Reasoning):
            run.append(item)
            if item.seal or not isinstance(following, Reasoning):
                wrapped.append(_wrapped(run, front, envelopes))
                run = []
                continue
        wrapped.append(item)
    return tuple(wrapped)


def _wrapped(run: list[Reasoning], front: str, envelopes: Envelopes) -> Reasoning:
    """The last of thoughts with no seal between them; its envelope holds them all, as in a stream, where nothing
    marks their borders."""
    last = run[-1]
    text = tuple(part for item in run for part in item.text)
    summary = tuple(part for item in run for part in item.summary)
    if last.sealed_by == front or not (text or summary or last.seal):
        return last
    whole = Reasoning(text, summary, last.seal, last.sealed_by)
    return msgspec.structs.replace(last, seal=envelopes.close(whole), sealed_by=front)


def strip(body: bytes, front: str) -> tuple[bytes, tuple[Loss, ...]]:
    """A request without its envelopes, for an upstream that speaks the caller's dialect itself."""
    fields = parse_fields(body)
    losses: list[Loss] = []
    if front == "responses":
        kept = _open_items(fields.get("input", _NONE), "input", losses)
        if kept is not None:
            fields["input"] = raw(kept)
    elif front == "messages":
        messages = _list(fields.get("messages", _NONE))
        for number, value in enumerate(messages):
            message = _members(value)
            kept = _open_items(message.get("content", _NONE), f"messages[{number}].content", losses)
            if kept is not None:
                messages[number] = raw({**message, "content": raw(kept)})
        if losses:
            fields["messages"] = raw(messages)
    return render_fields(fields), tuple(losses)


def _open_items(value: msgspec.Raw, at: str, losses: list[Loss]) -> list[msgspec.Raw] | None:
    """The items of a list that are no envelopes; None if there are no others."""
    items = _list(value)
    kept = []
    for number, item in enumerate(items):
        sealed = _sealed(item)
        if sealed is None:
            kept.append(item)
        else:
            losses.append(ELSEWHERE.loss(f"{at}[{number}].{sealed}"))
    return None if len(kept) == len(items) else kept


def _sealed(item: msgspec.Raw) -> str | None:
    """Which member of an item holds an envelope."""
    try:
        given = _given(item)
    except msgspec.DecodeError:
        return None
    if given.encrypted_content is not None and given.encrypted_content.startswith(PREFIX):
        return "encrypted_content"
    return "signature" if given.signature is not None and given.signature.startswith(PREFIX) else None


def _members(value: msgspec.Raw) -> Fields:
    """What a message holds; nothing where it is none, which is for the upstream to say."""
    try:
        return parse_fields(bytes(value))
    except WireError:
        return {}


def _list(value: msgspec.Raw) -> list[msgspec.Raw]:
    return msgspec.json.decode(value, type=list[msgspec.Raw]) if bytes(value).lstrip()[:1] == b"[" else []


class SealedEvents:
    """The same for the events of a stream: a reasoning's envelope comes where the next thing begins."""

    __slots__ = ("_close", "_front", "_summary", "_text")

    def __init__(self, front: str, envelopes: Envelopes) -> None:
        self._front = front
        self._close: Callable[[Reasoning], str] = envelopes.close
        self._text: dict[int, list[str]] = {}
        self._summary: dict[int, list[str]] = {}

    def take(self, event: Event) -> tuple[Event, ...]:
        """The event, preceded or replaced by an envelope where one is due."""
        if isinstance(event, ReasoningDelta):
            parts = self._text if event.channel == "text" else self._summary
            parts.setdefault(event.part, []).append(event.text)
            return (event,)
        if isinstance(event, ReasoningSealed):
            if event.sealed_by == self._front:
                self._forget()
                return (event,)
            return (self._seal(event.seal, event.sealed_by),)
        if not (self._text or self._summary) or isinstance(event, (Opened, Used, Annotated)):
            return (event,)
        return (self._seal("", ""), event)

    def _seal(self, seal: str, sealed_by: str) -> ReasoningSealed:
        envelope = self._close(Reasoning(_joined(self._text), _joined(self._summary), seal, sealed_by))
        self._forget()
        return ReasoningSealed(envelope, self._front)

    def _forget(self) -> None:
        self._text.clear()
        self._summary.clear()


def _joined(parts: dict[int, list[str]]) -> tuple[str, ...]:
    return tuple("".join(parts[number]) for number in sorted(parts))
