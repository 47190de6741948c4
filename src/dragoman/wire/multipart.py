"""The `model` field of a multipart/form-data body (RFC 7578), found while the body streams by.

Parsing is python-multipart's; this notes where the one field of interest stands, so that its value can
be read for routing and replaced on the way. The rest of the body is never decoded or copied.
"""

import re
from typing import Final

from python_multipart.exceptions import MultipartParseError
from python_multipart.multipart import MultipartParser

from dragoman.errors import WireError

MAX_VALUE: Final = 256
_MAX_BOUNDARY: Final = 70  # RFC 2046, 5.1.1
# RFC 9110, 5.6.6; without quotes also what is no token, as some clients write file names.
_PARAMETER: Final = re.compile(rb';[ \t]*([^\s;="]+)[ \t]*=[ \t]*("(?:[^"\\]|\\.)*"|[^;"]*)', re.DOTALL)


def parse_boundary(content_type: bytes) -> bytes:
    """Raises `WireError` if `content_type` is no multipart/form-data with one boundary."""
    kind, parameters = _parse_parameters(content_type)
    boundary = parameters.get(b"boundary")
    if kind != b"multipart/form-data" or not boundary:
        raise WireError("no multipart/form-data with a boundary")
    if len(boundary) > _MAX_BOUNDARY:
        raise WireError(f"one with a boundary longer than {_MAX_BOUNDARY} bytes")
    return boundary


def _parse_parameters(value: bytes) -> tuple[bytes, dict[bytes, bytes]]:
    """A header value and its parameters; raises `WireError` for what two parsers may read in two ways."""
    value = value.rstrip(b" \t;")
    kind = value.partition(b";")[0]
    parameters: dict[bytes, bytes] = {}
    at = len(kind)
    while at < len(value):
        match = _PARAMETER.match(value, at)
        if match is None:
            raise WireError("malformed multipart: the parameters of a header cannot be read")
        name, text = match[1].lower(), match[2].rstrip(b" \t")
        if name in parameters:
            raise WireError(f"malformed multipart: the parameter {_quote(name)} is there twice")
        # RFC 7578, 4.2 forbids the extended form of RFC 5987, which some read and some do not.
        if name.startswith((b"name*", b"boundary*")):
            raise WireError(f"malformed multipart: the parameter {_quote(name)} is not for forms")
        if name in (b"name", b"boundary") and b"\\" in text:
            raise WireError(f"malformed multipart: the parameter {_quote(name)} holds an escape")
        parameters[name] = text.removeprefix(b'"').removesuffix(b'"')
        at = match.end()
    return kind.strip(b" \t").lower(), parameters


def _quote(name: bytes) -> str:
    return repr(name.decode("latin-1"))


class ModelField:
    """Feed it every byte; `value` and `span` are set once the field has been seen whole.

    Raises `WireError` for a malformed body and for everything that could make us judge one value and the
    upstream another: a second `model`, one that is a file, parameters that can be read in two ways.
    """

    def __init__(self, boundary: bytes) -> None:
        self.value: str | None = None
        self.span = (0, 0)
        """Start and end of the value in the body, in bytes from its beginning."""
        self._base = 0
        self._chunk = b""
        self._name: list[bytes] = []
        self._text: list[bytes] = []
        self._disposition: bytes | None = None
        self._seen = False
        self._ours = False
        self._start: int | None = None
        self._value = bytearray()
        self._finished = False
        self._parser = MultipartParser(
            boundary,
            {
                "on_part_begin": self._part_begin,
                "on_header_field": self._header_field,
                "on_header_value": self._header_value,
                "on_header_end": self._header_end,
                "on_headers_finished": self._headers_finished,
                "on_part_data": self._part_data,
                "on_part_end": self._part_end,
                "on_end": self._end_of_body,
            },
        )

    def receive(self, data: bytes) -> None:
        self._chunk = data
        try:
            self._parser.write(data)
        except MultipartParseError as error:
            raise WireError(f"malformed multipart: {error}") from None
        self._base += len(data)

    def eof(self) -> None:
        """Raises `WireError` unless the closing boundary has come."""
        if not self._finished:
            raise WireError("malformed multipart: it ends before its closing boundary")

    def _part_begin(self) -> None:
        self._disposition = None
        self._ours = False

    def _header_field(self, data: bytes, start: int, end: int) -> None:
        self._name.append(data[start:end])

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self._text.append(data[start:end])

    def _header_end(self) -> None:
        name, text = b"".join(self._name).lower(), b"".join(self._text)
        self._name.clear()
        self._text.clear()
        if name == b"content-disposition":
            if self._disposition is not None:
                raise WireError("malformed multipart: a part has more than one Content-Disposition")
            self._disposition = text

    def _headers_finished(self) -> None:
        _, parameters = _parse_parameters(self._disposition or b"")
        self._ours = parameters.get(b"name") == b"model"
        if not self._ours:
            return
        if b"filename" in parameters or b"filename*" in parameters:
            raise WireError("malformed multipart: the field 'model' is a file")
        if self._seen:
            raise WireError("malformed multipart: the field 'model' is there twice")
        self._seen = True

    def _part_data(self, data: bytes, start: int, end: int) -> None:
        if not self._ours:
            return
        if self._start is None:
            # What looked like a boundary up to the end of the last chunk comes late, from the parser's own copy.
            self._start = self._base + start if data is self._chunk else self._base - (end - start)
        self._value += data[start:end]
        if len(self._value) > MAX_VALUE:
            raise WireError(f"malformed multipart: the field 'model' is longer than {MAX_VALUE} bytes")

    def _part_end(self) -> None:
        if not self._ours:
            return
        if self._start is None:
            raise WireError("malformed multipart: the field 'model' is empty")
        self.value = self._value.decode("utf-8", "replace")
        self.span = (self._start, self._start + len(self._value))

    def _end_of_body(self) -> None:
        self._finished = True
