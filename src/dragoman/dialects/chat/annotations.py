"""Annotations of a text: in Chat the members stand in an object named after the type, elsewhere beside it.

    Chat      {"type": "url_citation", "url_citation": {"url": ..., "start_index": 0, ...}}
    neutral   {"type": "url_citation", "url": ..., "start_index": 0, ...}

Chat's reference knows `url_citation` only; other types keep their members in the same way, as an extension.
Places are counted from the beginning of the text; where texts are joined they move with theirs.
"""

from typing import Final

import msgspec

from dragoman.wire.chat import Fields, raw

_PLACES: Final = ("start_index", "end_index")
_LONGEST_PLACE: Final = 18  # digits: what is no place in any text is not counted with
# What the reference demands of a citation.
_CITATION: Final[Fields] = {"start_index": raw(0), "end_index": raw(0), "title": raw(""), "url": raw("")}
_object: Final = msgspec.json.Decoder(Fields).decode
_type: Final = msgspec.json.Decoder(str).decode


def parse(given: msgspec.Raw) -> msgspec.Raw:
    """An annotation of Chat in neutral form; what is none stays as it is, whole."""
    fields = _members(given)
    kind = None if fields is None else _kind(fields)
    if fields is None or kind is None:
        return given
    inner = _members(fields.pop(kind, None))
    if inner is None:
        return given
    required = _CITATION if kind == "url_citation" else {}
    return raw(fields | required | inner | {"type": raw(kind)})


def render(given: msgspec.Raw, shift: int) -> msgspec.Raw:
    """The reverse, `shift` characters further on; what is no annotation stays as it is."""
    fields = _members(given)
    kind = None if fields is None else _kind(fields)
    if fields is None or kind is None:
        return given
    del fields["type"]
    return raw({"type": kind, kind: _moved(fields, shift)})


def move(given: msgspec.Raw, shift: int) -> msgspec.Raw:
    """The same annotation, in neutral form, of a text that begins `shift` characters earlier."""
    fields = _members(given) if shift else None
    return given if fields is None else raw(_moved(fields, shift))


def _members(given: msgspec.Raw | None) -> Fields | None:
    try:
        return None if given is None else _object(given)
    except msgspec.ValidationError:
        return None


def _kind(fields: Fields) -> str | None:
    """The type, where it can be the name of a member beside `type`."""
    try:
        kind = _type(fields.get("type", msgspec.Raw(b"null")))
    except msgspec.ValidationError:
        return None
    return kind if kind != "type" else None


def _moved(fields: Fields, shift: int) -> Fields:
    """The members with their places moved; what is about a text further back stays where it is."""
    places = {name: int(bytes(fields[name])) for name in _PLACES if _is_place(fields.get(name))}
    if any(place + shift < 0 for place in places.values()):
        return fields
    return fields | {name: raw(place + shift) for name, place in places.items()}


def _is_place(value: msgspec.Raw | None) -> bool:
    return value is not None and len(value) <= _LONGEST_PLACE and bytes(value).isdigit()
