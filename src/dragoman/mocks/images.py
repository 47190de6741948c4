"""Image generation: a PNG of one pixel, as often as asked for."""

import base64
import struct
import zlib
from typing import Annotated, Final

import msgspec

from dragoman.mocks.answer import Answer, json_answer
from dragoman.mocks.chat_request import MAX_CHOICES, Text
from dragoman.mocks.request import Request
from dragoman.mocks.stamps import Stamps
from dragoman.mocks.words import words


class _Order(msgspec.Struct):
    prompt: Text
    model: Text = "gpt-image-1"
    n: Annotated[int, msgspec.Meta(ge=1, le=MAX_CHOICES)] | None = None


def _chunk(kind: bytes, data: bytes) -> bytes:
    """A chunk of a PNG file: length, type, data and a CRC of the last two (PNG specification, 5.3)."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


PNG: Final = (
    b"\x89PNG\r\n\x1a\n"
    + _chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0))
    + _chunk(b"IDAT", zlib.compress(b"\x00\xff\xff\xff"))
    + _chunk(b"IEND", b"")
)


def generate(request: Request, stamps: Stamps) -> Answer:
    """`n` images in base64; raises `BadJson`."""
    order = request.json(_Order)
    image = {"b64_json": base64.b64encode(PNG).decode(), "revised_prompt": order.prompt}
    count, used = order.n or 1, len(words(order.prompt))
    usage = {
        "input_tokens": used,
        "output_tokens": count,
        "total_tokens": used + count,
        "input_tokens_details": {"text_tokens": used, "image_tokens": 0},
    }
    return json_answer({"created": stamps.created(), "data": [image] * count, "usage": usage})
