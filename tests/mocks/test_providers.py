import httpx2
import pytest

from dragoman.mocks.providers import refusal
from tests.mocks.client import body_of, chat, message, request, response

CALLS = {
    "/chat/completions": chat(),
    "/responses": response(),
    "/messages": message(),
    "/embeddings": {"model": "text-embedding-3-small", "input": "x"},
}
CHAT, RESPONSES, MESSAGES, EMBEDDINGS = CALLS


@pytest.mark.parametrize(
    ("base", "spoken"),
    [
        ("/v1", [CHAT, RESPONSES, MESSAGES, EMBEDDINGS]),
        ("/openai/v1", [CHAT, RESPONSES, EMBEDDINGS]),
        ("/anthropic/v1", [MESSAGES]),
        ("/only/chat/v1", [CHAT]),
        ("/only/responses/v1", [RESPONSES]),
        ("/only/messages/v1", [MESSAGES]),
    ],
)
async def test_a_base_speaks_its_dialects_and_no_other(
    http_client: httpx2.AsyncClient, base: str, spoken: list[str]
) -> None:
    for path, body in CALLS.items():
        answer = await http_client.post(base + path, json=body)
        assert answer.status_code == (200 if path in spoken else 404), path
    models = await http_client.get(f"{base}/models")
    assert models.status_code == 200 and models.json()["data"]


@pytest.mark.parametrize("path", ["/only", "/only/chat", "/only/other/v1/models", "/only/messages/x", "/anthropic"])
async def test_nothing_is_elsewhere(http_client: httpx2.AsyncClient, path: str) -> None:
    assert (await http_client.get(path)).status_code == 404


async def test_a_404_is_worded_as_the_provider_does(http_client: httpx2.AsyncClient) -> None:
    missing = await http_client.post("/only/chat/v1/responses", json=response())
    assert missing.json()["error"]["message"] == "Invalid URL (POST /only/chat/v1/responses)"
    missing = await http_client.post("/only/messages/v1/responses", json=response())
    assert missing.json()["error"] == {"type": "not_found_error", "message": "Not Found"}


async def test_a_scenario_goes_before_a_single_dialect(http_client: httpx2.AsyncClient) -> None:
    answer = await http_client.post("/scenario/status:529/only/messages/v1/messages", json=message())
    assert (answer.status_code, answer.json()["error"]["type"]) == (529, "overloaded_error")
    answer = await http_client.post("/scenario/status:529/only/responses/v1/responses", json=response())
    assert (answer.status_code, answer.json()["error"]["type"]) == (529, "server_error")


@pytest.mark.parametrize(
    ("path", "form"),
    [
        ("/v1/messages", "messages"),
        ("/anthropic/v1/models", "messages"),
        ("/only/messages/v1/x", "messages"),
        ("/v1/responses", "openai"),
        ("/only/chat/v1/x", "openai"),
        ("/weather", "openai"),
    ],
)
def test_the_mock_s_own_errors_are_worded_by_path(path: str, form: str) -> None:
    body = body_of(refusal(request("POST", path), 401, "No.", "invalid_api_key"))
    assert ("code" in body["error"]) is (form == "openai")
    assert body["error"]["message"] == "No."


async def test_responses_of_one_base_are_known_at_the_other(http_client: httpx2.AsyncClient) -> None:
    made = (await http_client.post("/only/responses/v1/responses", json=response())).json()
    assert (await http_client.get(f"/v1/responses/{made['id']}")).status_code == 200
