"""What the official SDKs make of a stream, and of the same answer finished: their accumulators, without a network."""

import contextlib
import json
import warnings
from collections.abc import Iterable, Iterator
from typing import Any, Final

from anthropic._models import construct_type as construct_anthropic
from anthropic.lib.streaming._messages import accumulate_event
from anthropic.types import ParsedMessage, RawMessageStreamEvent
from jiter import from_json
from openai import omit
from openai._models import construct_type as construct_openai
from openai.lib.streaming.chat import ChatCompletionStreamState
from openai.lib.streaming.responses._responses import ResponseStreamState
from openai.types.chat import ChatCompletion, ChatCompletionChunk
from openai.types.responses import Response, ResponseStreamEvent

Json = dict[str, Any]

_ADDED: Final = ("parsed", "parsed_arguments", "parsed_output", "index")
"""Members that the SDKs add to what they were given."""
_DEPTH: Final = 100
"""What lies deeper was put there by an upstream, through which nothing is added to it."""


def said(value: Any, depth: int = _DEPTH) -> Any:
    """What an object says: without members that are null or empty, and those that the SDK adds."""
    if not depth:
        return value
    if isinstance(value, dict):
        inner = {name: said(one, depth - 1) for name, one in value.items() if name not in _ADDED}
        return {name: one for name, one in inner.items() if one is not None and one != []}
    return [said(one, depth - 1) for one in value] if isinstance(value, list) else value


def accumulated(front: str, bodies: Iterable[Json]) -> Json:
    """The answer that the SDK of this dialect adds up."""
    with _tolerant():
        whole: Json = _ACCUMULATE[front](bodies)
    return _without_tier(front, whole)


def finished(front: str, body: bytes) -> Json:
    """The finished answer as the SDK gives it."""
    kind: Any = {"chat": ChatCompletion, "responses": Response, "messages": ParsedMessage}[front]
    construct = construct_anthropic if front == "messages" else construct_openai
    with _tolerant():
        answer: Any = construct(type_=kind, value=json.loads(body))
        whole: Json = said(answer.to_dict())
    return _without_tier(front, whole)


@contextlib.contextmanager
def _tolerant() -> Iterator[None]:
    """The SDKs know fewer types of annotations than there are, and say so."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Pydantic serializer warnings")
        yield


def _without_tier(front: str, whole: Json) -> Json:
    """The service that answered is known at the end, where two of the SDKs do not look for it."""
    if front == "chat":
        whole.pop("service_tier", None)
    if front == "messages":
        whole["usage"].pop("service_tier", None)
    return whole


def _chat(bodies: Iterable[Json]) -> Json:
    state = ChatCompletionStreamState[Any]()
    for body in bodies:
        chunk: Any = construct_openai(type_=ChatCompletionChunk, value=body)
        list(state.handle_chunk(chunk))
    answer: Json = said(state.current_completion_snapshot.to_dict())
    return answer | {"object": "chat.completion"}


def _responses(bodies: Iterable[Json]) -> Json:
    state = ResponseStreamState[Any](input_tools=omit, text_format=omit)
    last: Any = None
    for body in bodies:
        event: Any = construct_openai(type_=ResponseStreamEvent, value=body)
        *_, last = state.handle_event(event)
    answer: Json = said(last.response.to_dict())
    return answer


def is_readable(bodies: Iterable[Json]) -> bool:
    """Whether the SDK of Messages can read the calls of a stream, whose arguments are what the upstream wrote."""
    given: dict[int, bytes] = {}
    for body in bodies:
        piece = body.get("delta", {}).get("partial_json", "")
        given[body.get("index", 0)] = given.get(body.get("index", 0), b"") + piece.encode()
        try:
            from_json(given[body.get("index", 0)] or b"{}", partial_mode=True)
        except ValueError:
            return False
    return True


def _messages(bodies: Iterable[Json]) -> Json:
    snapshot: Any = None
    buffers: dict[int, bytes] = {}
    for body in bodies:
        event: Any = construct_anthropic(type_=RawMessageStreamEvent, value=body)
        snapshot = accumulate_event(event=event, current_snapshot=snapshot, json_bufs=buffers)
    answer: Json = said(snapshot.to_dict())
    return answer


_ACCUMULATE: Final[dict[str, Any]] = {"chat": _chat, "responses": _responses, "messages": _messages}
