"""The official SDK as the judge: what it makes of an answer, of a stream, and of a request's shape."""

import json
from collections.abc import Iterable, Mapping
from typing import Any, Final

import httpx2
import openai
import pydantic
from openai.types.chat import ChatCompletion, ChatCompletionChunk
from openai.types.chat.completion_create_params import CompletionCreateParams

Json = dict[str, Any]

_REQUEST: Final = pydantic.TypeAdapter[Any](CompletionCreateParams)
_ASK: Final[Json] = {"model": "fast", "messages": [{"role": "user", "content": "Hi"}]}


def client(body: bytes, *, status: int = 200, kind: str = "application/json") -> openai.OpenAI:
    def answer(request: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(status, headers={"content-type": kind}, content=body)

    http = httpx2.Client(transport=httpx2.MockTransport(answer))
    return openai.OpenAI(base_url="http://upstream.test", api_key="k", max_retries=0, http_client=http)


def buffered(body: bytes) -> ChatCompletion:
    """A finished answer as the SDK gives it; also held against its types, which the SDK itself does not do.

    The types know citations of addresses only; others are an extension.
    """
    answer: Json = json.loads(body)
    for choice in answer["choices"]:
        told = choice["message"]
        told["annotations"] = [one for one in told["annotations"] if one["type"] == "url_citation"]
    ChatCompletion.model_validate(answer)
    with client(body) as sdk:
        return sdk.chat.completions.create(**_ASK)


def chunks(events: Iterable[bytes]) -> list[ChatCompletionChunk]:
    """A stream as the SDK gives it event by event."""
    with client(b"".join(events), kind="text/event-stream") as sdk:
        return list(sdk.chat.completions.create(**_ASK, stream=True))


def streamed(events: Iterable[bytes]) -> ChatCompletion:
    """A stream as the SDK's helper accumulates it."""
    with (
        client(b"".join(events), kind="text/event-stream") as sdk,
        sdk.chat.completions.stream(**_ASK) as stream,
    ):
        for _ in stream:
            continue
        return stream.current_completion_snapshot


def check_request(body: Mapping[str, Any]) -> None:
    """Holds a request against the SDK's parameter types."""
    walk(_REQUEST.validate_python(dict(body)))


def walk(value: Any) -> None:
    """Lists are validated only as far as they are read."""
    if isinstance(value, Mapping):
        for inner in value.values():
            walk(inner)
    elif isinstance(value, Iterable) and not isinstance(value, str | bytes):
        for inner in value:
            walk(inner)
