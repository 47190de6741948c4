import re

import httpx2
import pytest
from aiohttp import FormData
from aiohttp.payload import Payload

from dragoman.errors import WireError
from dragoman.wire.multipart import MAX_VALUE, ModelField, parse_boundary
from tests.wire.cuts import Parts, bytewise, every_way

AUDIO = b"RIFF\0\r\n--b\r\n--\xff\r\n"


def form(*parts: bytes, end: bytes = b"--b--\r\n") -> bytes:
    return b"".join(b"--b\r\n" + part + b"\r\n" for part in parts) + end


def field(name: bytes, value: bytes, more: bytes = b"") -> bytes:
    return b'Content-Disposition: form-data; name="' + name + b'"' + more + b"\r\n\r\n" + value


def scan(parts: Parts, boundary: bytes = b"b") -> ModelField:
    found = ModelField(boundary)
    for part in parts:
        found.receive(part)
    found.eof()
    return found


def by_httpx2() -> tuple[bytes, bytes]:
    request = httpx2.Request(
        "POST", "http://localhost/", data={"model": "whisper-1", "n": "1"}, files={"file": ("ä.wav", AUDIO)}
    )
    return request.headers["content-type"].encode(), request.read()


def by_httpx2_with_the_model_last() -> tuple[bytes, bytes]:
    request = httpx2.Request(
        "POST", "http://localhost/", files=[("file", ("a.wav", AUDIO, "audio/wav")), ("model", (None, b"whisper-1"))]
    )
    return request.headers["content-type"].encode(), request.read()


class Written(bytearray):
    """As much of a stream writer as a payload of aiohttp's needs."""

    async def write(self, chunk: bytes) -> None:
        self.extend(chunk)


async def by_aiohttp() -> tuple[bytes, bytes]:
    data = FormData()
    data.add_field("file", AUDIO, filename='a "b"; name="model".wav', content_type="audio/wav")
    data.add_field("model", "whisper-1")
    payload = data()
    assert isinstance(payload, Payload)
    written = Written()
    await payload.write(written)  # type: ignore[arg-type]  # aiohttp wants its own abstract class
    return payload.content_type.encode(), bytes(written)


# What curl 7.88 sent for `-F model=... -F file=@...`, and for the two the other way round.
CURL = (
    b"multipart/form-data; boundary=------------------------d05d5e1034d0e697",
    b'--------------------------d05d5e1034d0e697\r\nContent-Disposition: form-data; name="model"\r\n\r\nwhisper-1\r\n'
    b'--------------------------d05d5e1034d0e697\r\nContent-Disposition: form-data; name="file"; filename="a.wav"\r\n'
    b"Content-Type: audio/wav\r\n\r\nRIFF\0\r\n--\xff\r\n--------------------------d05d5e1034d0e697--\r\n",
)
CURL_FILE_FIRST = (
    b"multipart/form-data; boundary=------------------------028a08d072865216",
    b"--------------------------028a08d072865216\r\n"
    b'Content-Disposition: form-data; name="file"; filename="a %22q%22.wav"\r\n'
    b"Content-Type: application/octet-stream\r\n\r\nRIFF\0\r\n--\xff\r\n"
    b"--------------------------028a08d072865216\r\n"
    b'Content-Disposition: form-data; name="model"\r\nContent-Type: text/plain\r\n\r\nwhisper-1\r\n'
    b"--------------------------028a08d072865216--\r\n",
)
# Node's undici, as the OpenAI SDK for Node uses it.
UNDICI = (
    b"multipart/form-data; boundary=----formdata-undici-067890123456",
    b'------formdata-undici-067890123456\r\nContent-Disposition: form-data; name="model"\r\n\r\nwhisper-1\r\n'
    b'------formdata-undici-067890123456\r\nContent-Disposition: form-data; name="file"; filename="a.wav"\r\n'
    b"Content-Type: application/octet-stream\r\n\r\nRIFF\r\n------formdata-undici-067890123456--\r\n",
)


async def test_the_model_is_found_in_what_real_clients_send_however_it_arrives() -> None:
    sent = [by_httpx2(), by_httpx2_with_the_model_last(), await by_aiohttp(), CURL, CURL_FILE_FIRST, UNDICI]
    for content_type, body in sent:
        boundary = parse_boundary(content_type)
        for parts in every_way(body):
            found = scan(parts, boundary)
            start, end = found.span
            assert (found.value, body[start:end]) == ("whisper-1", b"whisper-1"), (content_type, parts)


# Values that look like the beginning of the boundary: the parser gives them out in pieces of its own.
@pytest.mark.parametrize(
    "value",
    [b"m", b"\r", b"\r\n", b"\r\n-", b"\r\n--", b"\r\n--\r\n--", b"a\r\n--c", b"--b--", b"\r\r\n", "ö".encode()],
)
def test_the_span_is_that_of_the_value_however_it_arrives(value: bytes) -> None:
    body = form(field(b"x", b"1"), field(b"model", value), field(b"y", b"\r\n--"))
    for parts in every_way(body):
        found = scan(parts)
        assert (found.value, body[slice(*found.span)]) == (value.decode(), value), parts
        assert body[: found.span[0]].endswith(b"\r\n\r\n")


def test_the_value_is_known_as_soon_as_its_part_ends() -> None:
    found = ModelField(b"b")
    found.receive(b"--b\r\n" + field(b"model", b"whisper-1"))
    assert found.value is None
    found.receive(b"\r\n--b\r\n")
    assert found.value == "whisper-1"


def test_a_form_without_a_model_has_none() -> None:
    for body in [
        form(field(b"x", b"model"), field(b"models", b"m"), field(b"MODEL", b"m")),
        form(field(b"file", b"x", b'; filename="model"'), b"Content-Type: text/plain\r\n\r\nmodel"),
        form(b'Content-Disposition: form-data; filename="; name=\\"model\\""\r\n\r\nx'),
        form(b"X-Note: name=model\r\n\r\nx"),
    ]:
        for parts in every_way(body):
            assert (scan(parts).value, scan(parts).span) == (None, (0, 0)), body


def test_bytes_that_are_no_text_are_replaced_for_judging() -> None:
    assert scan((form(field(b"model", b"a\xff")),)).value == "a\ufffd"


@pytest.mark.parametrize(
    ("part", "fault"),
    [
        (field(b"model", b"b"), "is there twice"),
        (field(b"model", b""), "is there twice"),
        (b"Content-Disposition: attachment; name=model\r\n\r\nb", "is there twice"),
        (b"content-disposition:form-data; NAME = model\r\n\r\nb", "is there twice"),
        (field(b"model", b"b", b'; filename="m"'), "is a file"),
        (field(b"model", b"b", b'; filename=""'), "is a file"),
        (field(b"model", b"b", b"; filename*=UTF-8''m"), "is a file"),
        (field(b"x", b"b", b'; name="model"'), "parameter 'name' is there twice"),
        (field(b"x", b"b", b"; name*=UTF-8''model"), "parameter 'name\\*' is not for forms"),
        (field(b"x", b"b", b"; name*0=mod; name*1=el"), "parameter 'name\\*0' is not for forms"),
        (field(b"x", b"b", b"; filename=a; filename=b"), "parameter 'filename' is there twice"),
        (b'Content-Disposition: form-data; name="mo\\del"\r\n\r\nb', "escape"),
        (b'Content-Disposition: form-data; name="model\r\n\r\nb', "parameters"),
        (b"Content-Disposition: form-data; name\r\n\r\nb", "parameters"),
        (
            b"Content-Disposition: form-data; name=x\r\nContent-Disposition: form-data; name=model\r\n\r\nb",
            "more than one Content-Disposition",
        ),
        (b"bad header\r\n\r\nb", "malformed multipart"),
    ],
)
def test_what_another_parser_could_take_for_a_second_model_is_refused(part: bytes, fault: str) -> None:
    body = form(field(b"model", b"a"), part)
    for parts in ((body,), bytewise(body)):
        with pytest.raises(WireError, match=fault):
            scan(parts)


def test_a_model_that_is_empty_or_a_file_is_refused() -> None:
    for parts in every_way(form(field(b"model", b""))):
        with pytest.raises(WireError, match="'model' is empty"):
            scan(parts)
    with pytest.raises(WireError, match="'model' is a file"):
        scan((form(field(b"model", b"m", b'; filename="m"')),))


def test_a_long_model_is_refused_before_it_is_held() -> None:
    assert scan((form(field(b"model", b"m" * MAX_VALUE)),)).value == "m" * MAX_VALUE
    body = form(field(b"model", b"m" * (MAX_VALUE + 1)))
    for parts in ((body,), bytewise(body)):
        with pytest.raises(WireError, match=f"longer than {MAX_VALUE} bytes"):
            scan(parts)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"nonsense",
        b"\r\n",
        form(field(b"model", b"m"), end=b""),
        form(field(b"model", b"m"), end=b"--b"),
        form(field(b"model", b"m"), end=b"--b-"),
        b"--c\r\n" + field(b"model", b"m") + b"\r\n--c--\r\n",
        form(field(b"model", b"m")).replace(b"\r\n", b"\n"),
    ],
)
def test_a_body_that_is_no_whole_form_is_refused(body: bytes) -> None:
    for parts in ((body,), bytewise(body)):
        with pytest.raises(WireError, match="malformed multipart"):
            scan(parts)


def test_every_truncation_is_noticed() -> None:
    body = form(field(b"x", b"1"), field(b"model", b"m"))
    for end in range(len(body) - len(b"\r\n")):
        with pytest.raises(WireError, match="malformed multipart"):
            scan((body[:end],))


def test_what_follows_the_closing_boundary_is_no_part() -> None:
    assert scan((form(field(b"x", b"1")) + form(field(b"model", b"m")),)).value is None


def test_an_empty_form_has_no_model() -> None:
    assert scan((b"--b--\r\n",)).value is None


@pytest.mark.parametrize(
    ("content_type", "boundary"),
    [
        (b"multipart/form-data; boundary=abc", b"abc"),
        (b'Multipart/Form-Data;Boundary="a b;c"', b"a b;c"),
        (b"multipart/form-data; charset=utf-8; boundary=abc ;", b"abc"),
        (b"multipart/form-data; boundary=----WebKitFormBoundaryAbC", b"----WebKitFormBoundaryAbC"),
        (b"multipart/form-data; boundary=" + b"x" * 70, b"x" * 70),
    ],
)
def test_the_boundary_is_read_from_the_content_type(content_type: bytes, boundary: bytes) -> None:
    assert parse_boundary(content_type) == boundary


@pytest.mark.parametrize(
    ("content_type", "fault"),
    [
        (b"", "no multipart/form-data"),
        (b"application/json", "no multipart/form-data"),
        (b"multipart/mixed; boundary=a", "no multipart/form-data"),
        (b"multipart/form-data", "no multipart/form-data"),
        (b"multipart/form-data; boundary=", "no multipart/form-data"),
        (b'multipart/form-data; boundary=""', "no multipart/form-data"),
        (b"multipart/form-data; boundary=" + b"x" * 71, "longer than 70 bytes"),
        (b"multipart/form-data; boundary=a; boundary=b", "'boundary' is there twice"),
        (b"multipart/form-data; boundary=a; BOUNDARY=b", "'boundary' is there twice"),
        (b"multipart/form-data; boundary=a; boundary*=UTF-8''b", "is not for forms"),
        (b"multipart/form-data; boundary*0=a; boundary*1=b", "is not for forms"),
        (b'multipart/form-data; boundary="a', "parameters"),
        (b'multipart/form-data; boundary=a"b', "parameters"),
        (b'multipart/form-data; boundary="a\\b"', "escape"),
    ],
)
def test_a_content_type_that_could_be_read_in_two_ways_is_refused(content_type: bytes, fault: str) -> None:
    with pytest.raises(WireError, match=re.escape(fault)):
        parse_boundary(content_type)
