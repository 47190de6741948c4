"""What a caller sees of a stream that came to it as a list of events."""

from typing import Any

from tests.golden.crossing import DONE
from tests.golden.matrix import Json


def types(events: list[Any]) -> list[str]:
    return [event["type"] for event in events if event != DONE]


def last(events: list[Any]) -> Json:
    """The response at the end of a Responses stream."""
    assert events[-1] == DONE
    body: Json = events[-2]["response"]
    return body


def deltas(events: list[Any]) -> list[Json]:
    """The deltas of a Chat stream."""
    return [event["choices"][0]["delta"] for event in events if event != DONE and event.get("choices")]


def calls(events: list[Any]) -> dict[int, str]:
    """The arguments of a Chat stream's calls, by index."""
    found: dict[int, str] = {}
    for delta in deltas(events):
        for call in delta.get("tool_calls", ()):
            found[call["index"]] = found.get(call["index"], "") + call["function"].get("arguments", "")
    return found


def finishes(events: list[Any]) -> list[str | None]:
    return [event["choices"][0]["finish_reason"] for event in events if event != DONE and event.get("choices")]


def text_of(events: list[Any]) -> str:
    return "".join(delta.get("content") or "" for delta in deltas(events))
