import json

import msgspec
import pytest

from dragoman.dialects.messages.citations import annotation, citation
from tests.dialects.messages.answers import FILE, LINK, PLACE, raw
from tests.dialects.messages.streams import CITED, PAGE


def test_an_address_becomes_a_citation_of_the_whole_text() -> None:
    assert json.loads(bytes(annotation(raw(CITED), 4, 9))) == {
        "type": "url_citation", "start_index": 4, "end_index": 9, "title": "Example", "url": "https://example.org/",
    }  # fmt: skip
    untitled = annotation(raw(CITED | {"title": None}), 0, 1)
    assert json.loads(bytes(untitled))["title"] == ""


def test_a_place_in_a_stored_file_becomes_a_citation_of_the_file() -> None:
    given = annotation(raw(PAGE | {"file_id": "file_1", "document_index": 2}), 0, 5)
    assert json.loads(bytes(given)) == {"type": "file_citation", "file_id": "file_1", "filename": "ä", "index": 2}


def test_a_place_in_a_document_stays_what_it_is() -> None:
    assert json.loads(bytes(annotation(raw(PAGE), 0, 5))) == PAGE
    assert citation(raw(PAGE)) == PAGE
    assert citation(PLACE) == json.loads(bytes(PLACE))


def test_an_address_goes_back_without_what_only_the_model_saw() -> None:
    assert citation(LINK) == {
        "type": "web_search_result_location", "url": "https://x.org", "title": "T", "cited_text": "",
        "encrypted_index": "",
    }  # fmt: skip


def test_a_file_citation_has_no_form_here() -> None:
    assert citation(FILE) is None
    assert citation(raw({"type": "container_file_citation"})) is None


@pytest.mark.parametrize("value", [{}, [], "x", {"type": 1}, {"type": "web_search_result_location"}])
def test_what_is_no_citation_is_an_error(value: object) -> None:
    with pytest.raises(msgspec.DecodeError):
        annotation(raw(value), 0, 1)


@pytest.mark.parametrize("value", [b"7", b'"x"', b"[]", b"{}", b'{"type":7}', b'{"type":"url_citation","url":7}',
                                   b'{"type":"char_location","x":1e999}', b"[" * 3000 + b"]" * 3000])  # fmt: skip
def test_what_is_no_annotation_has_no_form_here(value: bytes) -> None:
    assert citation(msgspec.Raw(value)) is None
