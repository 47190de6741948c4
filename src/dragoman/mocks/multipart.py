"""Splits a multipart/form-data body (RFC 7578) into its parts, all in memory."""

from dataclasses import dataclass, field
from typing import Final

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from dragoman.mocks.request import Request

MAX_PARTS: Final = 64


class BadForm(ValueError):
    """A body that is not multipart/form-data, or not whole."""


@dataclass(frozen=True, slots=True)
class Part:
    """One field; `file_name` is `None` unless it is a file."""

    name: str
    file_name: str | None
    data: bytes

    @property
    def text(self) -> str:
        return self.data.decode("utf-8", "replace")


@dataclass(slots=True)
class _Collector:
    """The callbacks of the parser; it reports each element in pieces of the buffer it was given."""

    parts: list[Part] = field(default_factory=list)
    ended: bool = False
    _name: bytes = b""
    _value: bytes = b""
    _disposition: bytes = b""
    _data: bytearray = field(default_factory=bytearray)

    def on_part_begin(self) -> None:
        if len(self.parts) == MAX_PARTS:
            raise BadForm(f"a form has at most {MAX_PARTS} parts")
        self._disposition, self._data = b"", bytearray()

    def on_header_field(self, data: bytes, start: int, end: int) -> None:
        self._name += data[start:end]

    def on_header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def on_header_end(self) -> None:
        if self._name.lower() == b"content-disposition":
            self._disposition = self._value
        self._name = self._value = b""

    def on_part_data(self, data: bytes, start: int, end: int) -> None:
        self._data += data[start:end]

    def on_part_end(self) -> None:
        _, options = parse_options_header(self._disposition)
        file_name = options.get(b"filename")
        self.parts.append(
            Part(
                options.get(b"name", b"").decode("utf-8", "replace"),
                None if file_name is None else file_name.decode("utf-8", "replace"),
                bytes(self._data),
            )
        )

    def on_end(self) -> None:
        self.ended = True


def parse_form(request: Request) -> dict[str, Part]:
    """The parts by name, the last of a name winning; raises `BadForm`."""
    content_type, options = parse_options_header(request.header("content-type"))
    boundary = options.get(b"boundary")
    if content_type != b"multipart/form-data" or not boundary:
        raise BadForm("the body must be multipart/form-data with a boundary")
    collector = _Collector()
    try:
        parser = MultipartParser(
            boundary,
            {
                "on_part_begin": collector.on_part_begin,
                "on_header_field": collector.on_header_field,
                "on_header_value": collector.on_header_value,
                "on_header_end": collector.on_header_end,
                "on_part_data": collector.on_part_data,
                "on_part_end": collector.on_part_end,
                "on_end": collector.on_end,
            },
        )
        parser.write(request.body)
        parser.finalize()
    except FormParserError:
        raise BadForm("the body is not valid multipart/form-data") from None
    if not collector.ended:
        raise BadForm("the form ends before its last boundary")
    return {part.name: part for part in collector.parts}
