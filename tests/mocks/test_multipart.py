import pytest

from dragoman.mocks.multipart import MAX_PARTS, BadForm, Part, parse_form
from dragoman.mocks.request import Request
from tests.mocks.client import request

TYPE = 'multipart/form-data; boundary="b"'


def form(*parts: bytes, content_type: str = TYPE, end: bytes = b"--b--\r\n") -> Request:
    body = b"".join(b"--b\r\n" + part + b"\r\n" for part in parts) + end
    return request("POST", "/", body, content_type=content_type)


def test_fields_and_files_are_told_apart() -> None:
    parts = parse_form(
        form(
            b'Content-Disposition: form-data; name="model"\r\n\r\nwhisper-1',
            b'content-disposition: form-data; name="file"; filename="a \xc3\xa4.wav"\r\n'
            b"Content-Type: audio/wav\r\n\r\n\x00\r\n\xff",
        )
    )
    assert parts["model"] == Part("model", None, b"whisper-1")
    assert parts["model"].text == "whisper-1"
    assert parts["file"] == Part("file", "a ä.wav", b"\x00\r\n\xff")


def test_the_last_part_of_a_name_counts() -> None:
    field = b'Content-Disposition: form-data; name="x"\r\n\r\n%d'
    assert parse_form(form(field % 1, field % 2))["x"].text == "2"


@pytest.mark.parametrize(
    "bad",
    [
        request("POST", "/", b"{}", content_type="application/json"),
        request("POST", "/", b""),
        form(content_type="multipart/form-data"),
        form(content_type="multipart/form-data; boundary=" + "x" * 1000),
        form(b'Content-Disposition: form-data; name="x"\r\n\r\n1', end=b""),
        request("POST", "/", b"nonsense", content_type=TYPE),
        request("POST", "/", b"", content_type=TYPE),
    ],
)
def test_what_is_not_a_whole_form_is_refused(bad: Request) -> None:
    with pytest.raises(BadForm):
        parse_form(bad)


def test_the_number_of_parts_is_bounded() -> None:
    field = b'Content-Disposition: form-data; name="x%d"\r\n\r\n1'
    assert len(parse_form(form(*(field % n for n in range(MAX_PARTS))))) == MAX_PARTS
    with pytest.raises(BadForm, match="at most"):
        parse_form(form(*(field % n for n in range(MAX_PARTS + 1))))
