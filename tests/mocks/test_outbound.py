"""The mock as a gateway, with the rows that were measured on the seeds' own mock server."""

from collections.abc import AsyncIterator

import httpx2
import pytest

from dragoman.mocks.app import app
from dragoman.mocks.server import MockServer

PROXY = "/api/oagw/v1/proxy"
SOURCE = "x-oagw-error-source"
TOKEN = "test-integration-token"


@pytest.fixture
async def gateway() -> AsyncIterator[httpx2.AsyncClient]:
    async with MockServer(app(timing="instant", token=TOKEN)) as server:
        headers = {"Authorization": f"Bearer {TOKEN}"}
        async with httpx2.AsyncClient(base_url=server.url, headers=headers, trust_env=False) as client:
            yield client


async def test_every_service_is_an_alias(gateway: httpx2.AsyncClient) -> None:
    for path, member in (
        ("openai/v1/models", "data"),
        ("github/users/octocat", "login"),
        ("weather/current?city=Seattle", "location"),
        ("echo/anything", "method"),
    ):
        answer = await gateway.get(f"{PROXY}/{path}")
        assert (answer.status_code, answer.headers[SOURCE]) == (200, "upstream")
        assert member in answer.json()
    body = {"model": "claude-sonnet-4-5", "max_tokens": 9, "messages": [{"role": "user", "content": "hello"}]}
    answer = await gateway.post(f"{PROXY}/anthropic/v1/messages", json=body)
    assert (answer.status_code, answer.json()["type"]) == (200, "message")


@pytest.mark.parametrize(
    ("authorization", "status"),
    [("", 401), ("Basic dXNlcjpwYXNz", 401), ("Bearer wrong", 403), (f"bearer {TOKEN}", 200)],
)
async def test_a_key_that_is_missing_is_a_401_and_a_wrong_one_a_403(
    gateway: httpx2.AsyncClient, authorization: str, status: int
) -> None:
    answer = await gateway.get(f"{PROXY}/github/users/octocat", headers={"Authorization": authorization})
    assert answer.status_code == status
    if status != 200:
        assert answer.json() == {"error": "Unauthorized"}
        assert answer.headers[SOURCE] == "gateway"


async def test_an_unknown_alias_is_the_gateways_404_and_an_unknown_path_the_upstreams(
    gateway: httpx2.AsyncClient,
) -> None:
    ours = await gateway.get(f"{PROXY}/nobody/at/all")
    assert (ours.status_code, ours.json()) == (404, {"error": "Unknown alias: nobody"})
    assert ours.headers[SOURCE] == "gateway"
    theirs = await gateway.get(f"{PROXY}/github/users/nobody")
    assert (theirs.status_code, theirs.headers[SOURCE]) == (404, "upstream")
    nowhere = await gateway.get("/api/oagw/v1/nothing")
    assert (nowhere.status_code, nowhere.headers[SOURCE]) == (404, "gateway")


async def test_the_status_takes_no_key_and_names_the_aliases(gateway: httpx2.AsyncClient) -> None:
    answer = await gateway.get("/api/oagw/v1/status", headers={"Authorization": ""})
    assert (answer.status_code, answer.headers[SOURCE]) == (200, "gateway")
    assert answer.json()["status"] == "operational"
    assert {"openai", "github", "weather", "calculator", "stream-test"} <= set(answer.json()["registered_aliases"])


@pytest.mark.parametrize("where", ["header", "path"])
async def test_a_fault_is_the_upstreams(gateway: httpx2.AsyncClient, where: str) -> None:
    prefix = "/scenario/status:503" if where == "path" else ""
    headers = {"X-Mock-Scenario": "status:503"} if where == "header" else {}
    answer = await gateway.get(f"{prefix}{PROXY}/github/users/octocat", headers=headers)
    assert (answer.status_code, answer.headers.get_list(SOURCE)) == (503, ["upstream"])


async def test_what_is_no_alias_call_says_nothing_of_sources(gateway: httpx2.AsyncClient) -> None:
    assert SOURCE not in (await gateway.get("/github/users/octocat")).headers
