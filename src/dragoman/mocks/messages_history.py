"""The messages of a Messages request and what Anthropic demands of them together: results, thinking, no empty text.

Messages of one role that follow each other are one turn to the API, so they are joined before the checks;
errors name the message and block as sent.
"""

import base64
import binascii
from collections.abc import Iterator, Mapping, Sequence
from itertools import takewhile
from typing import Final

import msgspec

from dragoman.mocks.anthropic_wording import refuse
from dragoman.mocks.request import Json
from dragoman.mocks.seal import opened, sealed

SEAL: Final = "Er"
_ONLY_BY: Final = {
    "tool_use": "assistant",
    "thinking": "assistant",
    "redacted_thinking": "assistant",
    "tool_result": "user",
}
_READ: Final = ("text", "image", "document", "thinking", "tool_use", "tool_result")
_THOUGHT: Final = ("thinking", "redacted_thinking")


class Source(msgspec.Struct):
    type: str = ""
    data: str | None = None


class Block(msgspec.Struct):
    """A content block, whatever its type."""

    type: str
    text: str = ""
    thinking: str = ""
    signature: str = ""
    id: str = ""
    tool_use_id: str = ""
    content: "str | list[Block] | None" = None
    source: Source | str | None = None
    cache_control: Json = None
    place: str = ""


class Turn(msgspec.Struct):
    """What one role said before the other spoke."""

    role: str
    blocks: list[Block]
    last: int
    """The index of its last message."""


def signature(thinking: str) -> str:
    """The signature of a text that this mock thought."""
    return sealed(thinking, SEAL)


def blocks_of(content: str | list[Block] | None) -> list[Block]:
    """Content as blocks; a string is one of text, and an empty one none."""
    if isinstance(content, str):
        return [Block("text", content)] if content else []
    return content or []


def read_turns(messages: Sequence[Mapping[str, Json]]) -> list[Turn]:
    """The messages, joined to turns; raises `Refused` for what one message must not be."""
    turns: list[Turn] = []
    for index, message in enumerate(messages):
        role, content = str(message["role"]), message["content"]
        if not content and not (role == "assistant" and index == len(messages) - 1):
            rule = "all messages must have non-empty content except for the optional final assistant message"
            refuse(f"messages.{index}: {rule}")
        blocks = blocks_of(msgspec.convert(_readable(content), str | list[Block]))
        for position, block in enumerate(blocks):
            block.place = f"messages.{index}.content.{position}"
            _check_block(block, role)
        if turns and turns[-1].role == role:
            turns[-1].blocks += blocks
            turns[-1].last = index
        else:
            turns.append(Turn(role, blocks, index))
    return turns


def _readable(content: Json) -> Json:
    """Content without what no table has checked: of a block that is let through, the type alone."""
    if not isinstance(content, list):
        return content
    return [
        {**block, "content": _readable(block.get("content"))} if block["type"] in _READ else {"type": block["type"]}
        for block in content
    ]


def check_history(turns: Sequence[Turn], *, thinking: bool) -> None:
    """Raises `Refused` for turns that do not go together; `thinking` is whether it is enabled with a budget."""
    if turns[0].role != "user":
        refuse('messages: first message must use the "user" role')
    before: list[Block] = []
    for turn, following in zip(turns, [*turns, None][1:], strict=True):
        if turn.role == "assistant":
            _check_calls(turn, following)
        else:
            _check_results(turn, before)
        before = turn.blocks
    ids = [block.id for block in _all(turns, "tool_use")]
    if len(set(ids)) < len(ids):
        refuse("messages: `tool_use` ids must be unique")
    last = turns[-1]
    if last.role == "assistant" and last.blocks and last.blocks[-1].text != last.blocks[-1].text.rstrip():
        refuse("messages: final assistant content cannot end with trailing whitespace")
    if thinking:
        _check_start(turns)


def _check_block(block: Block, role: str) -> None:
    if block.type == "text" and not block.text:
        refuse("messages: text content blocks must be non-empty")
    if block.type == "text" and not block.text.strip():
        refuse("messages: text content blocks must contain non-whitespace text")
    if _ONLY_BY.get(block.type, role) != role:
        refuse(f"{block.place}: `{block.type}` blocks can only be in `{_ONLY_BY[block.type]}` messages")
    if block.type == "thinking":
        signed = opened(block.signature, SEAL)
        # What was thought but not shown comes back without its text.
        if signed is None or block.thinking not in ("", signed):
            refuse(f"{block.place}: Invalid `signature` in `thinking` block")
    for part in (block, *blocks_of(block.content)):
        if isinstance(part.source, Source) and part.source.type == "base64":
            _check_data(part.source.data or "", f"{block.place}.{part.type}.source.base64")


def _check_data(data: str, place: str) -> None:
    try:
        base64.b64decode(data, validate=True)
    except (binascii.Error, ValueError):
        refuse(f"{place}: invalid base64 data")


def _check_calls(turn: Turn, following: Turn | None) -> None:
    """Each call's result is at the beginning of the next turn, and what was thought at the beginning of this."""
    if any(block.type in _THOUGHT for block in turn.blocks) and turn.blocks[0].type not in _THOUGHT:
        rule = "If an assistant message contains any thinking blocks, the first block must be"
        refuse(f"{turn.blocks[0].place}: {rule} `thinking` or `redacted_thinking`. Found `{turn.blocks[0].type}`.")
    next_blocks = following.blocks if following else []
    results = {block.tool_use_id for block in takewhile(lambda block: block.type == "tool_result", next_blocks)}
    open_calls = [block.id for block in turn.blocks if block.type == "tool_use" and block.id not in results]
    if open_calls:
        found = f"`tool_use` ids were found without `tool_result` blocks immediately after: {', '.join(open_calls)}"
        rule = "Each `tool_use` block must have a corresponding `tool_result` block in the next message"
        refuse(f"messages.{turn.last}: {found}. {rule}.")


def _check_results(turn: Turn, before: Sequence[Block]) -> None:
    calls, seen = {block.id for block in before if block.type == "tool_use"}, set[str]()
    for block in turn.blocks:
        if block.type != "tool_result":
            continue
        if block.tool_use_id not in calls:
            found = f"unexpected `tool_use_id` found in `tool_result` blocks: {block.tool_use_id}"
            rule = "Each `tool_result` block must have a corresponding `tool_use` block in the previous message"
            refuse(f"{block.place}: {found}. {rule}.")
        if block.tool_use_id in seen:
            found = f"Found multiple `tool_result` blocks with id: {block.tool_use_id}"
            refuse(f"{block.place}: each tool_use must have a single result. {found}")
        seen.add(block.tool_use_id)


def _check_start(turns: Sequence[Turn]) -> None:
    """With a budget to think, the turn whose calls are now answered has to begin with what was thought."""
    if turns[-1].role != "user" or not any(block.type == "tool_result" for block in turns[-1].blocks):
        return
    first = turns[-2].blocks[0]
    if first.type not in _THOUGHT:
        rule = "When `thinking` is enabled, a final `assistant` message must start with a thinking block"
        refuse(f"{first.place}.type: Expected `thinking` or `redacted_thinking`, but found `{first.type}`. {rule}.")


def _all(turns: Sequence[Turn], kind: str) -> Iterator[Block]:
    return (block for turn in turns for block in turn.blocks if block.type == kind)
