"""The official SDK as the judge: what it makes of an answer, of a stream, and of a request's shape."""

import json
from collections.abc import Iterable, Mapping
from typing import Any, Final

import anthropic
import httpx2
import pydantic
from anthropic.types import (
    Message,
    RawContentBlockDeltaEvent,
    RawContentBlockStartEvent,
    RawContentBlockStopEvent,
    RawMessageDeltaEvent,
    RawMessageStartEvent,
    RawMessageStopEvent,
)
from anthropic.types.message_create_params import MessageCreateParamsNonStreaming

Json = dict[str, Any]

_REQUEST: Final = pydantic.TypeAdapter[Any](MessageCreateParamsNonStreaming)
_EVENTS: Final[dict[str, type[pydantic.BaseModel]]] = {
    "message_start": RawMessageStartEvent,
    "content_block_start": RawContentBlockStartEvent,
    "content_block_delta": RawContentBlockDeltaEvent,
    "content_block_stop": RawContentBlockStopEvent,
    "message_delta": RawMessageDeltaEvent,
    "message_stop": RawMessageStopEvent,
}
_ASK: Final[Json] = {"model": "fast", "max_tokens": 64, "messages": [{"role": "user", "content": "Hi"}]}


def client(body: bytes, *, status: int = 200, kind: str = "application/json") -> anthropic.Anthropic:
    def answer(request: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(status, headers={"content-type": kind}, content=body)

    http = httpx2.Client(transport=httpx2.MockTransport(answer))
    return anthropic.Anthropic(base_url="http://upstream.test", api_key="k", max_retries=0, http_client=http)


def buffered(body: bytes) -> Message:
    """A finished answer as the SDK gives it; also held against its types, which the SDK itself does not do."""
    Message.model_validate_json(body)
    with client(body) as sdk:
        return sdk.messages.create(**_ASK)


def streamed(events: Iterable[bytes]) -> Message:
    """A stream as the SDK accumulates it; each event is held against its type."""
    sent = list(events)
    check_events(sent)
    with client(b"".join(sent), kind="text/event-stream") as sdk, sdk.messages.stream(**_ASK) as stream:
        return stream.get_final_message()


def check_events(events: Iterable[bytes]) -> list[Json]:
    """The data of events of our own; every one is whole, named, and of a type that the SDK knows."""
    out = []
    for event in events:
        head, _, data = event.decode().partition("\ndata: ")
        assert data.endswith("\n\n")
        body: Json = json.loads(data)
        assert head == f"event: {body['type']}"
        if body["type"] != "error":
            _EVENTS[body["type"]].model_validate(body)
        out.append(body)
    return out


def said(message: Message) -> Json:
    """What an answer says, without what a stream cannot: the service that answered, known only at its end."""
    body: Json = json.loads(message.to_json())
    body["usage"].pop("service_tier", None)
    for block in body["content"]:
        block.pop("parsed_output", None)
    return body


def check_request(body: Mapping[str, Any]) -> None:
    """Holds a request against the SDK's parameter types."""
    _walk(_REQUEST.validate_python(dict(body)))


def _walk(value: Any) -> None:
    """Lists are validated only as far as they are read."""
    if isinstance(value, Mapping):
        for inner in value.values():
            _walk(inner)
    elif isinstance(value, Iterable) and not isinstance(value, str | bytes):
        for inner in value:
            _walk(inner)
