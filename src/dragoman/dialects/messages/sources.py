"""Images and documents: where their bytes come from, in neutral form and back.

source here            neutral                              back
---------------------  -----------------------------------  ---------------------------------------
base64                 a `data:` URL                        base64
url                    a URL                                url
file                   the id of a stored file              file
text (documents)       a `data:` URL of text/plain          text
content (documents)    the same if it is a string, else     -
                       refused
"""

import base64
import binascii
from typing import Final

import msgspec

from dragoman.dialects.mapping import Losses, refuse
from dragoman.dialects.messages import rows
from dragoman.dialects.messages.members import Body, invalid, read
from dragoman.turn import Extra, File, Image
from dragoman.wire import messages as wire

_DATA: Final = "data:"
_PDF: Final = "application/pdf"
_PLAIN: Final = "text/plain"
_NAMES: Final = {_PDF: "document.pdf", _PLAIN: "document.txt"}
"""Names for documents without a title: an upstream may want one beside the bytes."""


def parse_image(value: msgspec.Raw, at: str, extras: list[Extra]) -> Image:
    block = read(value, wire.ImageBlock, at, extras)
    source = read(block.source, wire.Source, f"{at}.source", extras)
    match source.type:
        case "base64" if source.media_type and source.data is not None:
            return Image(url=f"{_DATA}{source.media_type};base64,{source.data}", cache=block.cache_control)
        case "url" if source.url:
            return Image(url=source.url, cache=block.cache_control)
        case "file" if source.file_id:
            return Image(file_id=source.file_id, cache=block.cache_control)
        case _:
            raise _incomplete(source, at)


def parse_document(value: msgspec.Raw, at: str, extras: list[Extra]) -> File:
    block = read(value, wire.DocumentBlock, at, extras)
    source = read(block.source, wire.Source, f"{at}.source", extras)
    name, cache = block.title or "", block.cache_control
    match source.type:
        case "base64" if source.media_type and source.data is not None:
            data = f"{_DATA}{source.media_type};base64,{source.data}"
            return File(data=data, filename=name or _NAMES.get(source.media_type, ""), cache=cache)
        case "text" if source.data is not None:
            return _plain(source.data, name, cache)
        case "content" if isinstance(source.content, str):
            return _plain(source.content, name, cache)
        case "url" if source.url:
            return File(url=source.url, filename=name, cache=cache)
        case "file" if source.file_id:
            return File(file_id=source.file_id, filename=name, cache=cache)
        case "content" if source.content is not None:
            raise refuse(rows.NO_BLOCKS, f"{at}.source.content")
        case _:
            raise _incomplete(source, at)


def _plain(text: str, name: str, cache: msgspec.Raw | msgspec.UnsetType) -> File:
    data = base64.b64encode(text.encode()).decode("ascii")
    return File(data=f"{_DATA}{_PLAIN};base64,{data}", filename=name or _NAMES[_PLAIN], cache=cache)


def _incomplete(source: wire.Source, at: str) -> Exception:
    return invalid(f"{at}.source", f"'{at}.source' of type {source.type!r} lacks what that type needs.")


def render_image(image: Image, losses: Losses) -> Body:
    """Raises `GatewayError` UNSUPPORTED_PARAMETER for a `data:` URL that cannot be taken apart."""
    if image.detail != "auto":
        losses.note(rows.NO_DETAIL)
    if image.file_id:
        return {"type": "image", "source": {"type": "file", "file_id": image.file_id}}
    if not image.url.startswith(_DATA):
        return {"type": "image", "source": {"type": "url", "url": image.url}}
    found = _take_apart(image.url)
    if found is None:
        raise losses.refuse(rows.DATA_ONLY_BASE64)
    media_type, data = found
    return {"type": "image", "source": {"type": "base64", "media_type": media_type, "data": data}}


def render_file(file: File, losses: Losses) -> Body:
    """Raises `GatewayError` UNSUPPORTED_PARAMETER for what is neither PDF nor text."""
    body: Body = {"type": "document", "source": _file_source(file, losses)}
    if file.filename:
        body["title"] = file.filename
    return body


def _file_source(file: File, losses: Losses) -> Body:
    if file.file_id:
        return {"type": "file", "file_id": file.file_id}
    if file.url:
        return {"type": "url", "url": file.url}
    found = _take_apart(file.data if file.data.startswith(_DATA) else _guess(file))
    if found is None:
        raise losses.refuse(rows.FILE_ONLY_BASE64)
    media_type, data = found
    if media_type == _PDF:
        return {"type": "base64", "media_type": _PDF, "data": data}
    if not media_type.startswith("text/"):
        raise losses.refuse(rows.FILE_KIND, kind=media_type)
    try:
        text = base64.b64decode(data, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        param = losses.name(rows.FILE_KIND.field)
        raise invalid(param, f"'{param}' is no text in base64.") from None
    if media_type != _PLAIN:
        losses.note(rows.FILE_AS_TEXT, kind=media_type)
    return {"type": "text", "media_type": _PLAIN, "data": text}


def _guess(file: File) -> str:
    """Bytes without a type go by the file's name."""
    kind = _PDF if file.filename.lower().endswith(".pdf") else "application/octet-stream"
    return f"{_DATA}{kind};base64,{file.data}"


def _take_apart(url: str) -> tuple[str, str] | None:
    """The type and the base64 of a `data:` URL (RFC 2397), None if it is in another form."""
    head, comma, data = url.removeprefix(_DATA).partition(",")
    media_type, *parameters = head.split(";")
    if not comma or "base64" not in parameters:
        return None
    return media_type.strip().lower(), data
