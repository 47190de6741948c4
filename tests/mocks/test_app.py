import asyncio
import dataclasses
import subprocess
import sys

import httpx2
import openai
import pytest

import dragoman.mocks
from dragoman.mocks import request as request_module
from dragoman.mocks.app import MockApp, app
from dragoman.mocks.scenario import ScenarioError
from dragoman.mocks.server import MockServer
from dragoman.mocks.timing import Timing
from tests.mocks.client import chat


async def get(mock: MockApp, path: str, **headers: str) -> httpx2.Response:
    async with MockServer(mock) as server, httpx2.AsyncClient(base_url=server.url, trust_env=False) as client:
        return await client.get(path, headers=headers)


def test_the_factory_is_named_by_the_package() -> None:
    assert dragoman.mocks.app is app
    assert isinstance(dragoman.mocks.app(), MockApp)


def test_importing_it_loads_neither_a_server_nor_a_client() -> None:
    code = "import sys, dragoman.mocks; print({'uvicorn', 'aiohttp', 'httpx2', 'sqlalchemy'} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "set()\n"


async def test_the_default_scenario_meets_every_service_but_not_the_mock_itself() -> None:
    mock = app(default_scenario="status:503")
    assert (await get(mock, "/weather/current")).status_code == 503
    assert (await get(mock, "/v1/models")).status_code == 503
    assert (await get(mock, "/health")).status_code == 200
    assert len((await get(mock, "/journal")).json()["requests"]) == 2


async def test_the_more_specific_scenario_counts_alone(http_client: httpx2.AsyncClient, mock: MockApp) -> None:
    mock.queue.add("status:501")
    prefixed = await http_client.get("/scenario/status:502/weather/current", headers={"x-mock-scenario": "status:503"})
    assert prefixed.status_code == 502
    headed = await http_client.get("/weather/current", headers={"x-mock-scenario": "status:503"})
    assert headed.status_code == 503
    assert len(mock.queue) == 1
    assert (await http_client.get("/weather/current")).status_code == 501
    assert (await http_client.get("/weather/current")).status_code == 200


async def test_a_scenario_of_its_own_lifts_the_default() -> None:
    assert (await get(app(default_scenario="drop"), "/scenario/ok/weather/current")).status_code == 200


async def test_a_prefix_goes_before_any_path(http_client: httpx2.AsyncClient) -> None:
    for path in ("/health", "/v1/models", "/openai/v1/models", "/github/users/octocat", "/echo", "/status/204"):
        assert (await http_client.get(f"/scenario/status:418{path}")).status_code == 418
    assert (await http_client.get("/scenario/ok/health")).status_code == 200
    assert (await http_client.get("/scenario/ok")).status_code == 404


async def test_a_bad_scenario_is_a_400_that_lists_the_known_ones(http_client: httpx2.AsyncClient) -> None:
    for answer in (
        await http_client.get("/scenario/nonsense/v1/models"),
        await http_client.get("/v1/models", headers={"x-mock-scenario": "nonsense"}),
    ):
        error = answer.json()["error"]
        assert (answer.status_code, error["code"]) == (400, "invalid_scenario")
        assert "'nonsense'" in error["message"] and "cut-after" in error["message"]


def test_a_bad_default_is_refused_at_once() -> None:
    with pytest.raises(ScenarioError):
        app(default_scenario="nonsense")
    with pytest.raises(ScenarioError, match="more than a timing"):
        app(timing="drop")


@pytest.mark.parametrize("timing", ["instant", Timing(ttft_ms=0), "ttft:0,tps:inf"])
async def test_a_timing_is_given_in_either_form(timing: Timing | str) -> None:
    assert (await get(app(timing=timing), "/weather/current")).status_code == 200


async def test_the_mock_itself_answers_at_once_whatever_the_timing() -> None:
    mock = app(timing="ttft:600000", default_scenario="tps:1")
    async with asyncio.timeout(5):
        assert (await get(mock, "/health")).status_code == 200
        assert (await get(mock, "/scenario/nonsense/v1")).status_code == 400
        assert (await get(mock, "/weather/current", **{"x-mock-scenario": "instant"})).status_code == 200


async def test_nothing_else_is_found(http_client: httpx2.AsyncClient) -> None:
    for path in ("/", "//v1/models", "/v2", "/journal/1", "/oauth2"):
        answer = await http_client.get(path)
        assert (answer.status_code, answer.json()) == (404, {"error": "Not found"})


async def test_a_head_request_gets_the_head_alone(http_client: httpx2.AsyncClient) -> None:
    for path in ("/weather/current", "/stream-test/events", "/v1/models", "/health", "/journal"):
        answer = await http_client.head(path)
        assert (answer.status_code, answer.content) == (200, b"")


async def test_no_answer_names_its_source(http_client: httpx2.AsyncClient) -> None:
    for path in ("/health", "/v1/models", "/nowhere", "/weather/current"):
        assert "x-oagw-error-source" not in (await http_client.get(path)).headers


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 401),
        ({"authorization": "Bearer wrong"}, 401),
        ({"authorization": "Basic secret"}, 401),
        ({"authorization": "Bearer sécret"}, 401),
        ({"authorization": "bearer  secret"}, 200),
        ({"x-api-key": "secret"}, 200),
    ],
)
async def test_a_token_is_checked_if_there_is_one(headers: dict[str, str], status: int) -> None:
    mock = app(token="secret")
    encoded = [(name.encode(), value.encode()) for name, value in headers.items()]
    async with MockServer(mock) as server, httpx2.AsyncClient(base_url=server.url, trust_env=False) as client:
        assert (await client.get("/weather/current", headers=encoded)).status_code == status
        assert (await client.get("/health")).status_code == 200
        assert (await client.post("/oauth2/token")).status_code == 400


async def test_the_sdk_sees_an_authentication_error() -> None:
    async with MockServer(app(token="secret")) as server:
        async with openai.AsyncOpenAI(base_url=f"{server.url}/v1", api_key="wrong", max_retries=0) as client:
            with pytest.raises(openai.AuthenticationError) as caught:
                await client.models.list()
    assert caught.value.code == "invalid_api_key"


async def test_a_body_too_large_to_keep_is_a_413_but_for_the_echo(
    http_client: httpx2.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(request_module, "KEPT_BODY", 1000)
    large = chat("x" * 2000)
    assert (await http_client.post("/v1/chat/completions", json=large)).status_code == 413
    assert (await http_client.post("/echo", json=large)).json()["body_length"] > 2000


async def test_a_seed_and_a_clock_change_ids_and_times() -> None:
    class Clock:
        def now(self) -> float:
            return 5.0

        def monotonic(self) -> float:
            return 0.0

    async def completion(mock: MockApp) -> tuple[str, int]:
        async with MockServer(mock) as server, httpx2.AsyncClient(base_url=server.url, trust_env=False) as client:
            answer = (await client.post("/v1/chat/completions", json=chat())).json()
            return answer["id"], answer["created"]

    first, again, other = await completion(app()), await completion(app()), await completion(app(seed=2, clock=Clock()))
    assert first == again
    assert other[0] != first[0]
    assert other[1] == 5


async def test_a_lifespan_is_answered() -> None:
    sent: list[str] = []
    inbox = ["lifespan.startup", "lifespan.shutdown"]

    async def receive() -> dict[str, str]:
        return {"type": inbox.pop(0)}

    async def send(message: object) -> None:
        assert isinstance(message, dict)
        sent.append(message["type"])

    await app()({"type": "lifespan"}, receive, send)
    assert sent == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
    with pytest.raises(ValueError, match="webtransport"):
        await app()({"type": "webtransport"}, receive, send)


def test_a_scenario_is_a_value() -> None:
    scenario = dragoman.mocks.Scenario.parse("drop")
    with pytest.raises(dataclasses.FrozenInstanceError):
        scenario.spec = "x"  # type: ignore[misc]
