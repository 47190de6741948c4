"""Embeddings: unit vectors drawn from a hash of the text, so equal texts have equal vectors and no others do."""

import base64
import hashlib
import math
import struct
from typing import Annotated, Final, Literal

import msgspec

from dragoman.mocks.answer import Answer, json_answer, openai_error
from dragoman.mocks.chat import unknown_model
from dragoman.mocks.chat_request import Text
from dragoman.mocks.request import Request
from dragoman.mocks.words import words

MODEL: Final = "text-embedding-3-small"
DIMENSIONS: Final = 1536
_MAX_INPUTS: Final = 2048

_Tokens = Annotated[list[int], msgspec.Meta(min_length=1)]


class _Order(msgspec.Struct):
    model: Text
    input: str | Annotated[list[str | int | _Tokens], msgspec.Meta(min_length=1, max_length=_MAX_INPUTS)]
    dimensions: Annotated[int, msgspec.Meta(ge=1, le=DIMENSIONS)] | None = None
    encoding_format: Literal["float", "base64"] = "float"


def answer(request: Request) -> Answer:
    """One vector per input; raises `BadJson`."""
    order = request.json(_Order)
    if order.model != MODEL:
        return unknown_model(order.model)
    inputs = _inputs(order.input)
    if inputs is None:
        return openai_error(400, "input must be a text, texts, tokens or lists of tokens, none empty.", "input")
    vectors = [_vector(text, order.dimensions or DIMENSIONS) for text, _ in inputs]
    encode = _base64 if order.encoding_format == "base64" else list
    data = [{"object": "embedding", "index": index, "embedding": encode(it)} for index, it in enumerate(vectors)]
    used = sum(count for _, count in inputs)
    usage = {"prompt_tokens": used, "total_tokens": used}
    return json_answer({"object": "list", "data": data, "model": order.model, "usage": usage})


def _inputs(given: str | list[str | int | list[int]]) -> list[tuple[str, int]] | None:
    """Each input as text and its number of tokens; `None` if one is empty or the kinds are mixed."""
    inputs = [given] if isinstance(given, str) else given
    kinds = {type(each) for each in inputs}
    if len(kinds) != 1 or "" in inputs:
        return None
    if kinds == {int}:
        return [(repr(inputs), len(inputs))]
    return [(each, len(words(each))) if isinstance(each, str) else (repr(each), _count(each)) for each in inputs]


def _count(tokens: int | list[int]) -> int:
    return len(tokens) if isinstance(tokens, list) else 1


def _vector(text: str, dimensions: int) -> tuple[float, ...]:
    raw = hashlib.shake_256(text.encode("utf-8", "surrogatepass")).digest(4 * dimensions)
    numbers = struct.unpack(f"<{dimensions}i", raw)
    length = math.hypot(*numbers) or 1.0
    return tuple(number / length for number in numbers)


def _base64(vector: tuple[float, ...]) -> str:
    """Little-endian 32-bit floats, as the official SDK asks for and decodes them."""
    return base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()
