"""Parts of messages and of tool outputs, both ways, and the two forms of a token's log probability."""

from typing import Final

import msgspec
from msgspec import UNSET, Raw, UnsetType

from dragoman.dialects.mapping import Losses
from dragoman.dialects.responses import rows
from dragoman.dialects.responses.members import decode, invalid, read
from dragoman.turn import Audio, Extra, File, Image, Part, Refusal, Text
from dragoman.wire import responses as wire

_encode: Final = msgspec.json.Encoder().encode
_parts: Final = msgspec.json.Decoder(list[Raw])

_DETAILS: Final[dict[str, wire.Detail]] = {"low": "low", "high": "high", "original": "original"}

DATA_PREFIX: Final = "data:"


def parse(content: str | list[Raw], at: str, extras: list[Extra]) -> tuple[Part, ...] | str:
    """The parts of a content; the place of the first that no other dialect has, if there is one."""
    if isinstance(content, str):
        return (Text(content),)
    parts: list[Part] = []
    for number, value in enumerate(content):
        place = f"{at}[{number}]"
        part = _parse_part(value, place, extras)
        if part is None:
            return f"{place}.type"
        parts.append(part)
    return tuple(parts)


def _parse_part(value: Raw, at: str, extras: list[Extra]) -> Part | None:
    match decode(value, wire.Kind, at).type:
        case "input_text" | "text":
            text = read(value, _Text, at, extras)
            return Text(text.text, cache=text.prompt_cache_breakpoint)
        case "output_text":
            said = read(value, wire.OutputText, at, extras)
            return Text(said.text, tuple(said.annotations))  # how likely it was tells a model nothing
        case "refusal":
            return Refusal(read(value, wire.RefusalPart, at, extras).refusal)
        case "input_image":
            return _image(read(value, wire.InputImage, at, extras), at)
        case "input_file":
            return _file(read(value, wire.InputFile, at, extras), at)
        case "input_audio":
            audio = read(value, wire.InputAudio, at, extras).input_audio
            return Audio(audio.data, audio.format)
        case None:
            raise invalid(f"{at}.type", f"Missing required parameter: '{at}.type'.")
        case _:
            return None


class _Text(msgspec.Struct, frozen=True):
    """`input_text`, and `text`, as some clients call it."""

    text: str
    prompt_cache_breakpoint: Raw | UnsetType = UNSET


def _image(image: wire.InputImage, at: str) -> Image:
    if bool(image.image_url) == bool(image.file_id):
        raise invalid(f"{at}.image_url", f"'{at}' needs either 'image_url' or 'file_id'.")
    return Image(
        image.image_url or "", image.file_id or "", image.detail or "auto", cache=image.prompt_cache_breakpoint
    )


def _file(file: wire.InputFile, at: str) -> File:
    if [bool(file.file_data), bool(file.file_id), bool(file.file_url)].count(True) != 1:
        raise invalid(f"{at}.file_data", f"'{at}' needs one of 'file_data', 'file_id' and 'file_url'.")
    data = file.file_data or ""
    if data and not data.startswith(DATA_PREFIX):
        kind = "application/pdf" if (file.filename or "").lower().endswith(".pdf") else "application/octet-stream"
        data = f"{DATA_PREFIX}{kind};base64,{data}"
    return File(data, file.file_id or "", file.file_url or "", file.filename or "", cache=file.prompt_cache_breakpoint)


def parse_output(output: str | list[Raw], at: str, extras: list[Extra]) -> tuple[Part, ...] | str:
    """A tool's output. Codex sends lists with images as a string of JSON: an image must not reach a model as text."""
    if isinstance(output, str) and output.startswith("[") and '"input_image"' in output:
        listed = _listed(output, at)
        if listed is not None:
            return listed
    return parse(output, at, extras)


def _listed(output: str, at: str) -> tuple[Part, ...] | None:
    try:
        values = _parts.decode(output)
        kinds = {wire.parse_kind(value).type for value in values}
    except (msgspec.DecodeError, RecursionError):
        return None  # a text that only looks like parts
    if not kinds <= {"input_text", "input_image", "input_file"}:
        return None
    parts = parse(values, at, [])
    return None if isinstance(parts, str) else parts


def render_input(part: Part, losses: Losses) -> Raw:
    """A part of what the model is given. Raises `GatewayError` UNSUPPORTED_PARAMETER."""
    match part:
        case Text():
            return raw(wire.InputText(part.text, _cache(part.cache, losses)))
        case Refusal():
            return raw(wire.InputText(part.text))
        case Image():
            detail = _DETAILS.get(part.detail, "auto")
            cache = _cache(part.cache, losses)
            return raw(wire.InputImage(part.url or None, part.file_id or None, detail, cache))
        case File():
            cache = _cache(part.cache, losses)
            return raw(
                wire.InputFile(part.data or None, part.file_id or None, part.url or None, part.filename or None, cache)
            )
        case Audio():
            raise losses.refuse(rows.NO_AUDIO)


def render_output(part: Part, losses: Losses) -> Raw:
    """A part of what an assistant has said. Raises `GatewayError` UNSUPPORTED_PARAMETER."""
    match part:
        case Text():
            if _cache(part.cache, losses) is not UNSET:
                losses.note(rows.SAID_BREAKPOINT)
            return raw(wire.OutputText(part.text, list(part.annotations)))
        case Refusal():
            return raw(wire.RefusalPart(part.text))
        case _:
            kind = type(part).__name__.lower()
            raise losses.refuse(rows.SAID_PART, kind=kind)


def _cache(cache: Raw | UnsetType, losses: Losses) -> Raw | UnsetType:
    """A breakpoint in this family's form; another's is a hint about cost that this upstream has no word for."""
    if cache is UNSET or bytes(cache) == b"null":
        return UNSET
    if '"mode"' in bytes(cache).decode():
        return cache
    losses.note(rows.CACHES_ITSELF)
    return UNSET


def neutral_logprob(value: Raw) -> Raw:
    """A log probability as a Chat choice has it: `bytes` is null where nobody said. Raises `DecodeError`."""
    given = wire.parse_logprob(value)
    top = [msgspec.structs.replace(one, bytes=one.bytes or None) for one in given.top_logprobs or ()]
    return raw(msgspec.structs.replace(given, bytes=given.bytes or None, top_logprobs=top))


def native_logprobs(values: tuple[Raw, ...]) -> list[Raw]:
    """The same as Responses has them: `bytes` is a list. What is none, which other dialects may pass, is left out."""
    native: list[Raw] = []
    for value in values:
        try:
            given = wire.parse_logprob(value)
        except (msgspec.DecodeError, RecursionError):
            continue
        top = [msgspec.structs.replace(one, bytes=one.bytes or []) for one in given.top_logprobs or ()]
        native.append(raw(msgspec.structs.replace(given, bytes=given.bytes or [], top_logprobs=top)))
    return native


def raw(value: object) -> Raw:
    return Raw(_encode(value))
