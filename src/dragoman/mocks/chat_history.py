"""What Chat Completions demands of its messages together, and of the parameters that are another API's.

A translation that leaves an `input_text` part, a Responses parameter, or a tool message without its call is
refused here as OpenAI refuses it. Parameters that no API of OpenAI has are let through.
"""

from collections.abc import Iterable, Sequence
from itertools import takewhile
from typing import Final

from dragoman.mocks.chat_request import Message

_ROLES: Final = ("system", "assistant", "user", "function", "tool", "developer")
_PARTS: Final = ("text", "image_url", "input_audio", "refusal", "audio", "file")
_ELSEWHERE: Final = frozenset(
    {
        "background",
        "conversation",
        "include",
        "input",
        "instructions",
        "max_output_tokens",
        "max_tool_calls",
        "previous_response_id",
        "reasoning",
        "stop_sequences",
        "system",
        "text",
        "thinking",
        "truncation",
    }
)
Fault = tuple[str, str]
"""A sentence, and the member it is about."""


def parameter_fault(names: Iterable[str]) -> Fault | None:
    """The first parameter that only the Responses or the Messages API has."""
    found = next((name for name in names if name in _ELSEWHERE), None)
    return None if found is None else (f"Unknown parameter: '{found}'", found)


def history_fault(messages: Sequence[Message]) -> Fault | None:
    """The first thing wrong with the messages beyond their types."""
    calls: set[str | None] = set()
    for index, message in enumerate(messages):
        place = f"messages[{index}]"
        if fault := _message_fault(message, place):
            return fault
        if message.role == "tool" and message.tool_call_id not in calls:
            rule = "messages with role 'tool' must be a response to a preceeding message with 'tool_calls'"
            return f"Invalid parameter: {rule}", f"messages.[{index}].role"
        if message.role == "assistant":
            calls = {call.id for call in message.tool_calls or []}
            following = takewhile(lambda each: each.role == "tool", messages[index + 1 :])
            missing = calls - {each.tool_call_id for each in following}
            if missing:
                rule = "An assistant message with 'tool_calls' must be followed by tool messages responding to each"
                ids = ", ".join(sorted(map(str, missing)))
                did = f"The following tool_call_ids did not have response messages: {ids}"
                return f"{rule} 'tool_call_id'. {did}", f"messages.[{index}].role"
    return None


def _message_fault(message: Message, place: str) -> Fault | None:
    if message.role not in _ROLES:
        return _unsupported(message.role, _ROLES), f"{place}.role"
    for index, part in enumerate(message.content if isinstance(message.content, list) else []):
        if part.type not in _PARTS:
            return _unsupported(part.type, _PARTS), f"{place}.content[{index}].type"
    return None


def _unsupported(value: str, known: Sequence[str]) -> str:
    names = [f"'{name}'" for name in known]
    return f"Invalid value: '{value}'. Supported values are: {', '.join(names[:-1])}, and {names[-1]}"
