"""The `model` field of a multipart/form-data body (RFC 7578), found while the body streams by.

Parsing is python-multipart's; this notes where the one field of interest stands, so that its value can
be read for routing and replaced on the way. The rest of the body is never decoded or copied.
"""

from typing import Final

from python_multipart.exceptions import MultipartParseError
from python_multipart.multipart import MultipartParser, parse_options_header

from dragoman.errors import WireError

MAX_VALUE: Final = 256


def parse_boundary(content_type: bytes) -> bytes:
    """Raises `WireError` if `content_type` is no multipart/form-data with a boundary."""
    kind, options = parse_options_header(content_type)
    boundary = options.get(b"boundary")
    if kind.lower() != b"multipart/form-data" or not boundary:
        raise WireError("no multipart/form-data with a boundary")
    return boundary


class ModelField:
    """Feed it every byte; `value` and `span` are set once the field has been seen whole.

    Raises `WireError` for a malformed body and for a second `model` field, which could make us judge one
    value and the upstream another.
    """

    def __init__(self, boundary: bytes) -> None:
        self.value: str | None = None
        self.span = (0, 0)
        """Start and end of the value in the body, in bytes from its beginning."""
        self._base = 0
        self._name = b""
        self._header: list[bytes] = []
        self._ours = False
        self._text = bytearray()
        self._start: int | None = None
        self._end = 0
        self._finished = False
        self._parser = MultipartParser(
            boundary,
            {
                "on_part_begin": self._part_begin,
                "on_header_begin": self._header.clear,
                "on_header_field": self._header_field,
                "on_header_value": self._header_value,
                "on_header_end": self._header_end,
                "on_part_data": self._part_data,
                "on_part_end": self._part_end,
                "on_end": self._end_of_body,
            },
        )
        self._value: list[bytes] = []

    def receive(self, data: bytes) -> None:
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
        self._ours = False

    def _header_field(self, data: bytes, start: int, end: int) -> None:
        self._header.append(data[start:end])

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self._value.append(data[start:end])

    def _header_end(self) -> None:
        name, value = b"".join(self._header).lower(), b"".join(self._value)
        self._value.clear()
        if name == b"content-disposition":
            _, options = parse_options_header(value)
            self._ours = options.get(b"name") == b"model" and b"filename" not in options
            if self._ours:
                if self._start is not None or self.value is not None:
                    raise WireError("malformed multipart: the field 'model' is there twice")
                self._text.clear()

    def _part_data(self, data: bytes, start: int, end: int) -> None:
        if not self._ours:
            return
        if self._start is None:
            self._start = self._base + start
        self._end = self._base + end
        self._text += data[start:end]
        if len(self._text) > MAX_VALUE:
            raise WireError(f"malformed multipart: the field 'model' is longer than {MAX_VALUE} bytes")

    def _part_end(self) -> None:
        if self._ours:
            self.value = self._text.decode("utf-8", "replace")
            start = self._end if self._start is None else self._start
            self.span = (start, start + len(self._text))

    def _end_of_body(self) -> None:
        self._finished = True
