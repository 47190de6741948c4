"""Every snapshot of a translation, held against the types of the official SDKs, which they do not do themselves."""

import json
from pathlib import Path
from typing import Any, Final

import anthropic
import pydantic
import pytest
from anthropic.types.message_create_params import MessageCreateParamsNonStreaming
from openai.types.chat import ChatCompletion, ChatCompletionChunk
from openai.types.chat.completion_create_params import CompletionCreateParamsNonStreaming
from openai.types.responses import Response, ResponseStreamEvent
from openai.types.responses.response_create_params import ResponseCreateParamsNonStreaming

from tests.dialects.chat.sdk import walk
from tests.dialects.messages.sdk import check_events
from tests.golden.matrix import SNAPSHOTS, Json, cases

EXTENSIONS: Final = {
    "answer/citations.messages.to-chat.json": "a citation that is no address has no type in Chat",
    "answer/citations.messages.to-responses.json": "nor in Responses, if it names no file",
    "answer/citations.responses.to-chat.json": "a citation that is no address has no type in Chat",
    "stream/custom_call.responses.to-chat.sse": "a Chat stream has no type for calls of custom tools",
    "stream/error_event.chat.to-responses.sse": "a code that OpenAI sends beside those of its reference",
    "stream/error_in_text.messages.to-responses.sse": "a code that OpenAI sends beside those of its reference",
}
"""Snapshots with something for which the SDK has no type, and why it is there all the same."""
REQUESTS: Final = {
    "chat": pydantic.TypeAdapter[Any](CompletionCreateParamsNonStreaming),
    "responses": pydantic.TypeAdapter[Any](ResponseCreateParamsNonStreaming),
    "messages": pydantic.TypeAdapter[Any](MessageCreateParamsNonStreaming),
}
ANSWERS: Final = {
    "chat": pydantic.TypeAdapter[Any](ChatCompletion),
    "responses": pydantic.TypeAdapter[Any](Response),
    "messages": pydantic.TypeAdapter[Any](anthropic.types.Message),
}
CHUNK: Final = pydantic.TypeAdapter[Any](ChatCompletionChunk)
EVENT: Final = pydantic.TypeAdapter[Any](ResponseStreamEvent)


def crossings() -> list[tuple[str, str]]:
    """The snapshots of translations, and the dialects they are in."""
    crossed = [
        (case.snapshot(target), target.dialect)
        for case in cases()
        for target in case.targets
        if target.dialect != case.dialect and case.kind != "error"
    ]
    return [(str(path.relative_to(SNAPSHOTS)), dialect) for path, dialect in crossed]


ALL: Final = crossings()


@pytest.mark.parametrize(("name", "dialect"), [one for one in ALL if one[0] not in EXTENSIONS])
def test_a_snapshot_is_of_the_sdks_types(name: str, dialect: str) -> None:
    check(SNAPSHOTS / name, dialect)


@pytest.mark.parametrize("name", EXTENSIONS)
def test_an_extension_is_one(name: str) -> None:
    with pytest.raises(pydantic.ValidationError):
        check(SNAPSHOTS / name, dict(ALL)[name])


def check(path: Path, dialect: str) -> None:
    if path.suffix == ".sse":
        check_stream(path.read_text("utf-8"), dialect)
        return
    snapshot: Json = json.loads(path.read_bytes())
    body = snapshot.get("body")
    if body is None:
        assert "refused" in snapshot
    elif path.parent.name == "answer":
        ANSWERS[dialect].validate_python(body)
    else:
        asked = {name: value for name, value in body.items() if name not in ("stream", "stream_options")}
        walk(REQUESTS[dialect].validate_python(asked))


def check_stream(text: str, dialect: str) -> None:
    events = [f"{event}\n\n".encode() for event in text.split("\n\n") if not event.startswith(":")]
    if dialect == "messages":
        check_events(events)
        return
    for event in events:
        data = event.partition(b"data: ")[2].strip()
        if data != b"[DONE]" and not data.startswith(b'{"error"'):
            (EVENT if dialect == "responses" else CHUNK).validate_json(data)
