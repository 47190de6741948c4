import json

import msgspec
import pytest

from dragoman.dialects.chat.annotations import move, parse, render
from tests.dialects.chat.asking import raw

CHAT = {
    "type": "url_citation",
    "url_citation": {"start_index": 3, "end_index": 9, "title": "T", "url": "https://x.org"},
}
FLAT = {"type": "url_citation", "start_index": 3, "end_index": 9, "title": "T", "url": "https://x.org"}
FILE = {"type": "file_citation", "file_id": "f", "filename": "a.txt", "index": 0}


def value(given: msgspec.Raw) -> object:
    return json.loads(bytes(given))


def test_a_citation_lies_flat_elsewhere_and_is_nested_here() -> None:
    assert value(parse(raw(CHAT))) == FLAT
    assert value(render(raw(FLAT), 0)) == CHAT


def test_types_that_chat_does_not_know_keep_their_members() -> None:
    nested = {"type": "file_citation", "file_citation": {"file_id": "f", "filename": "a.txt", "index": 0}}
    assert value(render(raw(FILE), 5)) == nested
    assert value(parse(raw(nested))) == FILE


def test_what_the_reference_demands_of_a_citation_is_there() -> None:
    bare = {"type": "url_citation", "url_citation": {"url": "https://x.org"}}
    assert value(parse(raw(bare))) == {
        "type": "url_citation", "url": "https://x.org", "title": "", "start_index": 0, "end_index": 0,
    }  # fmt: skip


def test_members_beside_the_nested_ones_are_kept() -> None:
    assert value(parse(raw(CHAT | {"x": 1}))) == FLAT | {"x": 1}


def test_places_move_with_their_text() -> None:
    moved = json.loads(bytes(render(raw(FLAT), 10)))["url_citation"]
    assert (moved["start_index"], moved["end_index"]) == (13, 19)
    assert value(move(raw(FLAT), -3)) == FLAT | {"start_index": 0, "end_index": 6}
    assert value(move(raw(FLAT), 0)) == FLAT


def test_what_is_about_a_text_further_back_stays_where_it_is() -> None:
    assert value(move(raw(FLAT), -4)) == FLAT


@pytest.mark.parametrize(
    "odd",
    [
        b"7", b"null", b'"x"', b"[]", b"{}", b'{"type":7}', b'{"type":null}', b'{"type":"type"}',
        b'{"type":"a","a":7}', b'{"type":"url_citation"}',
    ],
)  # fmt: skip
def test_what_is_no_annotation_of_chat_stays_as_it_is(odd: bytes) -> None:
    assert bytes(parse(msgspec.Raw(odd))) == odd


@pytest.mark.parametrize("odd", [b"7", b"[]", b"{}", b'{"type":7}', b'{"type":"type"}'])
def test_what_is_no_annotation_of_any_dialect_stays_as_it_is(odd: bytes) -> None:
    assert bytes(render(msgspec.Raw(odd), 3)) == odd


@pytest.mark.parametrize("place", [b"1e999", b"1.5", b"-1", b"null", b'"3"', b"[]", b"9" * 5000])
def test_a_place_that_is_none_is_not_counted_with(place: bytes) -> None:
    odd = b'{"type":"x","start_index":' + place + b"}"
    assert b'"start_index":' + place + b"}" in bytes(render(msgspec.Raw(odd), 3))
    assert b'"start_index":' + place + b"}" in bytes(move(msgspec.Raw(odd), 3))
