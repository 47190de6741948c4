"""The content of Chat messages: its parts in neutral form, and back.

role                content may hold
------------------  -----------------------------
system, developer,  text
tool, function
user                text, image_url, input_audio, file
assistant           text, refusal

What one part has in another dialect and not here (an image or a file by an id or an address) is refused.
"""

from typing import Final

import msgspec

from dragoman.dialects.chat import rows
from dragoman.dialects.chat.annotations import parse as parse_annotation
from dragoman.dialects.chat.members import Body, absent, invalid
from dragoman.dialects.mapping import Losses, refuse
from dragoman.turn import Audio, File, Image, Part, Refusal, Text
from dragoman.wire import chat_request as wire

_USER: Final = ("text", "image_url", "input_audio", "file")
_ASSISTANT: Final = ("text", "refusal")
_TEXT: Final = ("text",)
_ALLOWED: Final[dict[str, tuple[str, ...]]] = {"user": _USER, "assistant": _ASSISTANT}
_MEMBERS: Final = ("text", "image_url", "input_audio", "file", "refusal")
_DATA: Final = "data:"


def parse(message: wire.Message, at: str) -> tuple[Part, ...]:
    """Raises `GatewayError` INVALID_REQUEST naming the part that may not stand there."""
    content = message.content
    annotations = tuple(parse_annotation(one) for one in message.annotations or ())
    if content is None:
        return ()
    if isinstance(content, str):
        return (Text(content, annotations),) if content or message.role != "assistant" else ()
    allowed = _ALLOWED.get(message.role, _TEXT)
    parts: list[Part] = []
    for index, given in enumerate(content):
        place = f"{at}.content[{index}]"
        if given.type not in allowed:
            raise invalid(f"{place}.type", f"A message of role {message.role!r} cannot hold {given.type!r}.")
        parts.append(_part(given, place))
    if annotations and parts and isinstance(parts[0], Text):
        parts[0] = msgspec.structs.replace(parts[0], annotations=annotations)
    return tuple(parts)


def _part(given: wire.ContentPart, at: str) -> Part:
    for name in _MEMBERS:
        if name != given.type and getattr(given, name) is not None:
            raise invalid(f"{at}.{name}", f"A part of type {given.type!r} cannot have the member {name!r}.")
    cache = msgspec.UNSET if absent(given.prompt_cache_breakpoint) else given.prompt_cache_breakpoint
    if given.type == "text" and given.text is not None:
        return Text(given.text, cache=cache)
    if given.type == "image_url" and given.image_url is not None:
        return Image(url=given.image_url.url, detail=given.image_url.detail or "auto", cache=cache)
    if given.type == "file" and given.file is not None:
        return _file(given.file, cache, at)
    if given.type == "input_audio" and given.input_audio is not None:
        if cache is not msgspec.UNSET:
            raise refuse(rows.NO_AUDIO_CACHE, f"{at}.prompt_cache_breakpoint")
        return Audio(given.input_audio.data, given.input_audio.format)
    if given.type == "refusal" and given.refusal is not None:
        return Refusal(given.refusal)
    raise invalid(f"{at}.{given.type}", f"Missing required parameter: '{at}.{given.type}'.")


def _file(file: wire.FileData, cache: msgspec.Raw | msgspec.UnsetType, at: str) -> File:
    if bool(file.file_data) == bool(file.file_id):
        raise invalid(f"{at}.file", f"'{at}.file' needs either 'file_data' or 'file_id'.")
    data = file.file_data or ""
    if data and not data.startswith(_DATA):
        kind = "application/pdf" if (file.filename or "").lower().endswith(".pdf") else "application/octet-stream"
        data = f"{_DATA}{kind};base64,{data}"
    return File(data=data, file_id=file.file_id or "", filename=file.filename or "", cache=cache)


def render(part: Part, losses: Losses) -> Body:
    """A part of what a user says. Raises `GatewayError` UNSUPPORTED_PARAMETER."""
    match part:
        case Text():
            return _cached({"type": "text", "text": part.text}, part, losses)
        case Refusal():
            return {"type": "text", "text": part.text}
        case Image():
            if not part.url:
                raise losses.refuse(rows.NO_IMAGE_FILE)
            image = {"url": part.url, "detail": part.detail}
            return _cached({"type": "image_url", "image_url": image}, part, losses)
        case Audio():
            return {"type": "input_audio", "input_audio": {"data": part.data, "format": part.format}}
        case File():
            if part.url:
                raise losses.refuse(rows.NO_FILE_URL)
            given = {"file_data": part.data, "file_id": part.file_id, "filename": part.filename}
            file = {name: value for name, value in given.items() if value}
            return _cached({"type": "file", "file": file}, part, losses)


def _cached(body: Body, part: Text | Image | File, losses: Losses) -> Body:
    cache = breakpoint_of(part)
    if cache is not None:
        return body | {"prompt_cache_breakpoint": cache}
    if not absent(part.cache):
        losses.note(rows.CACHES_ITSELF)
    return body


def breakpoint_of(part: Part) -> msgspec.Raw | None:
    """The cache breakpoint after a part, if it has one in this family's form: Messages says `type`, not `mode`."""
    if isinstance(part, Text | Image | File) and part.cache is not msgspec.UNSET and b'"mode"' in bytes(part.cache):
        return part.cache
    return None
