"""The Gemini endpoints over a real socket; Google's own command-line agent uses them in tests/clients."""

import json
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest

from dragoman.mocks.app import app
from dragoman.mocks.server import MockServer

MODEL = "/v1beta/models/gemini-2.5-flash"
CLOCK = {"functionDeclarations": [{"name": "clock", "parametersJsonSchema": {"type": "object", "properties": {}}}]}


@pytest.fixture
async def client() -> AsyncIterator[httpx2.AsyncClient]:
    async with (
        MockServer(app(timing="instant", token="k")) as server,
        httpx2.AsyncClient(base_url=server.url, headers={"x-goog-api-key": "k"}) as client,
    ):
        yield client


def said(text: str, **more: object) -> dict[str, Any]:
    return {"contents": [{"role": "user", "parts": [{"text": text}]}], **more}


def text_of(answer: Any) -> str:
    return "".join(part.get("text", "") for part in answer["candidates"][0]["content"]["parts"])


async def test_an_answer_whole(client: httpx2.AsyncClient) -> None:
    answer = (await client.post(f"{MODEL}:generateContent", json=said("hello"))).json()

    assert text_of(answer) == "Hello! How can I assist you today?"
    assert answer["candidates"][0]["finishReason"] == "STOP"
    used = answer["usageMetadata"]
    assert used["totalTokenCount"] == used["promptTokenCount"] + used["candidatesTokenCount"]
    assert answer["modelVersion"] == "gemini-2.5-flash"


async def test_an_answer_streamed(client: httpx2.AsyncClient) -> None:
    answer = await client.post(f"/gemini{MODEL}:streamGenerateContent?alt=sse", json=said("one two"))
    chunks = [json.loads(line.removeprefix("data: ")) for line in answer.text.splitlines() if line]

    assert "".join(map(text_of, chunks)) == "Streaming response to: one two "
    assert ["finishReason" in chunk["candidates"][0] for chunk in chunks] == [False] * (len(chunks) - 1) + [True]


async def test_a_tool_is_called_and_its_result_quoted(client: httpx2.AsyncClient) -> None:
    asked = said('call clock {"zone": "UTC"}', tools=[CLOCK], systemInstruction={"parts": [{"text": "be brief"}]})
    call = (await client.post(f"{MODEL}:generateContent", json=asked)).json()["candidates"][0]["content"]
    result = {"functionResponse": {"name": "clock", "response": {"output": "12:00"}}}
    asked["contents"] += [call, {"role": "user", "parts": [result]}]
    answer = (await client.post(f"{MODEL}:generateContent", json=asked)).json()

    assert call["parts"] == [{"functionCall": {"name": "clock", "args": {"zone": "UTC"}}}]
    assert text_of(answer) == "The tool returned: 12:00"


async def test_structured_output_and_limits(client: httpx2.AsyncClient) -> None:
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
    config = {"responseMimeType": "application/json", "responseJsonSchema": schema}
    answer = (await client.post(f"{MODEL}:generateContent", json=said("a", generationConfig=config))).json()
    short = said("one two three four", generationConfig={"maxOutputTokens": 2})
    cut = (await client.post(f"{MODEL}:generateContent", json=short)).json()

    assert isinstance(json.loads(text_of(answer))["n"], int)
    assert cut["candidates"][0]["finishReason"] == "MAX_TOKENS"


async def test_models_and_tokens(client: httpx2.AsyncClient) -> None:
    listed = (await client.get("/v1beta/models")).json()["models"]

    assert (await client.get(MODEL)).json() == next(one for one in listed if one["name"].endswith("2.5-flash"))
    assert (await client.post(f"{MODEL}:countTokens", json=said("a b"))).json()["totalTokens"] > 0


@pytest.mark.parametrize(
    ("path", "body", "status", "named"),
    [
        (f"{MODEL}:generateContent", said("error"), 429, "RESOURCE_EXHAUSTED"),
        (f"{MODEL}:generateContent", {"contents": 5}, 400, "INVALID_ARGUMENT"),
        (f"{MODEL}:generateContent", {"contents": []}, 400, "INVALID_ARGUMENT"),
        (f"{MODEL}:fly", said("a"), 404, "NOT_FOUND"),
        ("/v1beta/models/none:generateContent", said("a"), 404, "NOT_FOUND"),
        ("/v1beta/files", said("a"), 404, "NOT_FOUND"),
    ],
)
async def test_errors_are_in_googles_envelope(
    client: httpx2.AsyncClient, path: str, body: object, status: int, named: str
) -> None:
    answer = await client.post(path, json=body)

    assert (answer.status_code, answer.json()["error"]["status"]) == (status, named)


async def test_a_wrong_key_and_a_scenario_are_worded_as_googles(client: httpx2.AsyncClient) -> None:
    refused = await client.post(f"{MODEL}:generateContent", json=said("a"), headers={"x-goog-api-key": "no"})
    busy = await client.post(f"/scenario/status:503{MODEL}:generateContent", json=said("a"))

    assert (refused.status_code, refused.json()["error"]["status"]) == (401, "UNAUTHENTICATED")
    assert (busy.status_code, busy.json()["error"]["status"]) == (503, "UNAVAILABLE")
