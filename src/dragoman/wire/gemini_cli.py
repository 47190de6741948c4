"""What `gemini` writes with `--output-format stream-json`, one JSON object a line, or `json`, one for all.

Shapes as in the documentation of its headless mode, and as version 0.61 writes them; what is here is what is read of
them.
"""

from typing import Any, Final

import msgspec


class Problem(msgspec.Struct, frozen=True):
    type: str = ""
    message: str = ""
    code: int | str | None = None


class Stats(msgspec.Struct, frozen=True):
    """Of one run; what was thought is part of the total alone."""

    total_tokens: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cached: int = 0


class Line(msgspec.Struct, frozen=True):
    """A `message` is whole, or a `delta` of one."""

    type: str
    session_id: str = ""
    model: str = ""
    role: str = ""
    content: str = ""
    delta: bool = False
    tool_name: str = ""
    parameters: msgspec.Raw = msgspec.Raw(b"")
    output: Any = None
    severity: str = ""
    message: str = ""
    status: str = ""
    error: Problem | None = None
    stats: Stats = Stats()


class Tokens(msgspec.Struct, frozen=True):
    """`candidates` has nothing of `thoughts` in it."""

    prompt: int = 0
    candidates: int = 0
    cached: int = 0
    thoughts: int = 0


class Model(msgspec.Struct, frozen=True):
    tokens: Tokens = Tokens()


class Models(msgspec.Struct, frozen=True):
    models: dict[str, Model] = {}


class Document(msgspec.Struct, frozen=True):
    """What `json` is. Where a provider refuses there is nothing but an error, and that beside the output."""

    session_id: str = ""
    response: str | None = None
    stats: Models = Models()
    error: Problem | None = None


parse_line: Final = msgspec.json.Decoder(Line).decode
parse_document: Final = msgspec.json.Decoder(Document).decode
