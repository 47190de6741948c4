"""What `codex exec --json` writes: one JSON object a line.

Shapes as in the documentation of the Codex SDK, and as versions 0.169 and 0.171 write them; what is here is what is
read of them.
"""

from typing import Final

import msgspec


class Problem(msgspec.Struct, frozen=True):
    message: str = ""


class Item(msgspec.Struct, frozen=True):
    """Of which kind it is decides which of the rest it has."""

    type: str
    text: str = ""
    message: str = ""
    command: str = ""
    aggregated_output: str = ""
    server: str = ""
    tool: str = ""
    query: str = ""


class Usage(msgspec.Struct, frozen=True):
    """Of the whole thread; `input_tokens` includes what the cache had, `output_tokens` what was thought."""

    input_tokens: int = 0
    cached_input_tokens: int = 0
    cache_write_input_tokens: int = 0
    output_tokens: int = 0
    reasoning_output_tokens: int = 0


class Line(msgspec.Struct, frozen=True):
    type: str
    thread_id: str = ""
    message: str = ""
    item: msgspec.Raw = msgspec.Raw(b"")
    usage: Usage = Usage()
    error: Problem = Problem()


parse_line: Final = msgspec.json.Decoder(Line).decode
parse_item: Final = msgspec.json.Decoder(Item).decode
