import httpx2
import openai
import pytest

from dragoman.mocks.app import app
from dragoman.mocks.server import MockServer
from tests.mocks.client import chat, message, response


async def test_the_models_are_listed_and_found(sdk: openai.AsyncOpenAI) -> None:
    names = [model.id async for model in sdk.models.list()]
    assert names[:4] == ["gpt-4o-mini", "gpt-4", "gpt-3.5-turbo", "deepseek-reasoner"]
    assert names[4:] == ["text-embedding-3-small", "whisper-1", "tts-1"]
    model = await sdk.models.retrieve("gpt-4")
    assert (model.id, model.object, model.owned_by) == ("gpt-4", "model", "openai")
    with pytest.raises(openai.NotFoundError):
        await sdk.models.retrieve("gpt-17")


async def test_both_prefixes_lead_there(http_client: httpx2.AsyncClient) -> None:
    for prefix in ("/v1", "/openai/v1"):
        assert (await http_client.get(f"{prefix}/models")).status_code == 200
        assert (await http_client.post(f"{prefix}/models")).status_code == 200
    assert (await http_client.get("/openai/models")).status_code == 404
    assert (await http_client.get("/openai")).status_code == 404


async def test_another_path_is_not_found_and_another_method_not_allowed(http_client: httpx2.AsyncClient) -> None:
    missing = await http_client.post("/v1/nothing")
    assert (missing.status_code, missing.json()) == (404, {"error": "Not found"})
    wrong = await http_client.get("/v1/chat/completions")
    assert (wrong.status_code, wrong.headers["allow"]) == (405, "POST")


async def test_every_answer_has_its_own_request_id(http_client: httpx2.AsyncClient) -> None:
    answers = [await http_client.get(path) for path in ("/v1/models", "/v1/nothing", "/v1/chat/completions")]
    assert len({answer.headers["x-request-id"] for answer in answers}) == 3


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b'{"a":' * 100_000])
async def test_a_body_that_is_not_json_is_a_400(http_client: httpx2.AsyncClient, body: bytes) -> None:
    answer = await http_client.post("/v1/chat/completions", content=body)
    assert answer.status_code == 400
    assert answer.json()["error"]["message"] == "The body is not valid JSON."


async def test_further_models_can_be_named() -> None:
    async def status(url: str, model: str) -> int:
        async with httpx2.AsyncClient(base_url=url, trust_env=False) as client:
            return (await client.post("/v1/chat/completions", json={**chat(), "model": model})).status_code

    async with MockServer(app(models=["qwen3-8b"])) as server:
        assert [await status(server.url, name) for name in ("qwen3-8b", "gpt-4", "other")] == [200, 200, 404]
    async with MockServer(app(models=["*"])) as server:
        assert await status(server.url, "other") == 200


POSTS = (
    "chat/completions",
    "responses",
    "responses/input_tokens",
    "messages",
    "messages/count_tokens",
    "completions",
    "embeddings",
    "moderations",
    "images/generations",
    "audio/speech",
    "audio/transcriptions",
    "audio/translations",
    "files",
)
MEMBERS = (
    *("model", "messages", "prompt", "input", "voice", "tools", "stop", "response_format", "stream_options", "n"),
    *("tool_choice", "text", "reasoning", "system", "thinking", "output_config", "max_tokens", "metadata", "include"),
)
GOOD = {"chat": chat(), "responses": response(), "messages": message()}


@pytest.mark.parametrize("path", POSTS)
async def test_no_odd_body_makes_an_endpoint_fail(http_client: httpx2.AsyncClient, path: str) -> None:
    odd: list[object] = [None, True, 1, 1.5, "", "x", [], {}, [None], {"a": None}, [[]], [{}], -1, 10**30]
    bodies = [*odd, *({"model": "gpt-4", member: value} for member in MEMBERS for value in odd)]
    bodies += [{**GOOD.get(path.split("/")[0], chat()), member: value} for member in MEMBERS for value in odd]
    for body in bodies:
        answer = await http_client.post(f"/v1/{path}", json=body)
        assert answer.status_code < 500, body
        if answer.status_code >= 400:
            assert answer.json()["error"]["message"], body
