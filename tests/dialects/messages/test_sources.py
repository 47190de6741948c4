import base64

import msgspec
import pytest

from dragoman import errors
from dragoman.dialects.mapping import Losses
from dragoman.dialects.messages.sources import parse_document, parse_image, render_file, render_image
from dragoman.errors import GatewayError
from dragoman.turn import Extra, File, Image, Message, Turn
from tests.dialects.messages.answers import raw

HELLO = base64.b64encode("Hallo, wörld".encode()).decode()
CACHE = {"type": "ephemeral"}


def told() -> Losses:
    return Losses(Turn("m", items=(Message("user", ()),)))


IMAGES: dict[str, tuple[dict[str, object], Image]] = {
    "bytes": (
        {"type": "base64", "media_type": "image/png", "data": "iVBORw0="},
        Image(url="data:image/png;base64,iVBORw0="),
    ),
    "an address": ({"type": "url", "url": "https://x.org/a.png"}, Image(url="https://x.org/a.png")),
    "a stored file": ({"type": "file", "file_id": "file_1"}, Image(file_id="file_1")),
}
DOCUMENTS: dict[str, tuple[dict[str, object], File]] = {
    "bytes": (
        {"type": "base64", "media_type": "application/pdf", "data": "JVBERi0="},
        File(data="data:application/pdf;base64,JVBERi0=", filename="a.pdf"),
    ),
    "text": (
        {"type": "text", "media_type": "text/plain", "data": "Hallo, wörld"},
        File(data=f"data:text/plain;base64,{HELLO}", filename="a.pdf"),
    ),
    "an address": ({"type": "url", "url": "https://x.org/a.pdf"}, File(url="https://x.org/a.pdf", filename="a.pdf")),
    "a stored file": ({"type": "file", "file_id": "file_1"}, File(file_id="file_1", filename="a.pdf")),
}


@pytest.mark.parametrize("name", IMAGES)
def test_an_image_goes_there_and_back(name: str) -> None:
    source, image = IMAGES[name]
    extras: list[Extra] = []
    losses = told()
    assert parse_image(raw({"type": "image", "source": source}), "x", extras) == image
    assert render_image(image, losses) == {"type": "image", "source": source}
    assert (extras, losses.told()) == ([], ())


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_document_goes_there_and_back(name: str) -> None:
    source, file = DOCUMENTS[name]
    extras: list[Extra] = []
    losses = told()
    assert parse_document(raw({"type": "document", "source": source, "title": "a.pdf"}), "x", extras) == file
    assert render_file(file, losses) == {"type": "document", "source": source, "title": "a.pdf"}
    assert (extras, losses.told()) == ([], ())


def test_a_document_of_one_string_is_its_text() -> None:
    source = {"type": "content", "content": "Hallo, wörld"}
    file = parse_document(raw({"type": "document", "source": source}), "x", [])
    assert file == File(data=f"data:text/plain;base64,{HELLO}", filename="document.txt")


def test_bytes_without_a_title_get_a_name() -> None:
    source = {"type": "base64", "media_type": "application/pdf", "data": "JVBERi0="}
    assert parse_document(raw({"source": source}), "x", []).filename == "document.pdf"


def test_cache_breakpoints_stay_with_the_part() -> None:
    image = {"source": {"type": "url", "url": "https://x.org"}, "cache_control": CACHE}
    assert parse_image(raw(image), "x", []).cache == raw(CACHE)
    document = {"source": {"type": "url", "url": "https://x.org"}, "cache_control": CACHE}
    assert parse_document(raw(document), "x", []).cache == raw(CACHE)


def test_what_has_no_neutral_form_is_kept_by_name() -> None:
    extras: list[Extra] = []
    source = {"type": "url", "url": "https://x.org", "novelty": 1}
    parse_document(raw({"source": source, "citations": {"enabled": True}, "context": "c"}), "x", extras)
    parse_image(raw({"source": source, "transformations": {"oversized_image": "error"}}), "y", extras)
    assert [one.param for one in extras] == [
        "x.citations", "x.context", "x.source.novelty", "y.transformations", "y.source.novelty",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("source", "param"),
    [
        ({"type": "base64", "data": "x"}, "x.source"),
        ({"type": "base64", "media_type": "image/png"}, "x.source"),
        ({"type": "url"}, "x.source"),
        ({"type": "file", "file_id": ""}, "x.source"),
        ({"type": "ftp"}, "x.source.type"),
        ({}, "x.source.type"),
        (7, "x.source"),
    ],
)
def test_a_source_that_lacks_something_is_named(source: object, param: str) -> None:
    for parse in (parse_image, parse_document):
        with pytest.raises(GatewayError) as raised:
            parse(raw({"source": source}), "x", [])
        assert (raised.value.kind, raised.value.param) == (errors.INVALID_REQUEST, param)


def test_a_document_made_of_blocks_is_refused() -> None:
    with pytest.raises(GatewayError) as raised:
        parse_document(raw({"source": {"type": "content", "content": [{"type": "text", "text": "a"}]}}), "x", [])
    assert (raised.value.kind, raised.value.param) == (errors.UNSUPPORTED_PARAMETER, "x.source.content")


def test_the_detail_of_an_image_is_a_loss() -> None:
    losses = told()
    render_image(Image(url="https://x.org", detail="high"), losses)
    assert [(loss.param, loss.kind) for loss in losses.told()] == [("input[0].content[0].detail", "dropped")]


@pytest.mark.parametrize("url", ["data:image/png,abc", "data:image/png;base64", "data:"])
def test_a_data_url_that_is_not_base64_is_refused(url: str) -> None:
    with pytest.raises(GatewayError) as raised:
        render_image(Image(url=url), told())
    assert (raised.value.kind, raised.value.param) == (errors.UNSUPPORTED_PARAMETER, "input[0].content[0].image_url")


@pytest.mark.parametrize(
    ("file", "kind", "param"),
    [
        (File(data="data:image/tiff;base64,AAAA"), errors.UNSUPPORTED_PARAMETER, "input[0].content[0].file_data"),
        (File(data="AAAA", filename="a.bin"), errors.UNSUPPORTED_PARAMETER, "input[0].content[0].file_data"),
        (File(data="data:text/plain;base64,?"), errors.INVALID_REQUEST, "input[0].content[0].file_data"),
        (File(data="data:text/plain;base64,/w=="), errors.INVALID_REQUEST, "input[0].content[0].file_data"),
    ],
)
def test_a_file_that_cannot_go_is_named(file: File, kind: errors.ErrorKind, param: str) -> None:
    with pytest.raises(GatewayError) as raised:
        render_file(file, told())
    assert (raised.value.kind, raised.value.param) == (kind, param)


def test_bytes_without_a_type_go_by_the_name_of_the_file() -> None:
    assert render_file(File(data="JVBERi0=", filename="A.PDF"), told())["source"] == {
        "type": "base64", "media_type": "application/pdf", "data": "JVBERi0=",
    }  # fmt: skip


def test_other_texts_are_sent_as_plain_text_with_a_loss() -> None:
    losses = told()
    body = render_file(File(data=f"data:text/markdown; charset=utf-8;base64,{HELLO}"), losses)
    assert body == {
        "type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "Hallo, wörld"},
    }  # fmt: skip
    assert [loss.kind for loss in losses.told()] == ["mapped"]


def test_parsing_names_the_place_of_what_is_no_object() -> None:
    with pytest.raises(GatewayError) as raised:
        parse_image(msgspec.Raw(b"[]"), "messages[0].content[1]", [])
    assert raised.value.param == "messages[0].content[1]"
