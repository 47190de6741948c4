"""`dragoman.gateway.visit`: the paths below an agent's own name."""

import contextlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx2
import openai
import pytest

from dragoman.bridge import FRONT_DOORS
from dragoman.config import RESERVED
from dragoman.gateway.routes import Table
from tests.support.agents import CONFIGURED, EchoAgent
from tests.support.live import Live, running

CONFIG = {"object": "tests.support.agents:CONFIGURED", "models": ["gpt-4"], "concurrency": {"max": 2}}


def change(values: dict[str, Any], mock_url: str) -> None:
    object_ = CONFIG["object"]
    values["agents"] = {
        "weather": CONFIG,
        "narrow": {"object": object_, "concurrency": {"max": 1, "max_queue": 0}},
        "rare": {"object": object_, "rate_limit": {"sustained": {"rate": 1, "window": "hour"}}},
        "hasty": {"object": object_, "timeouts": {"first_byte": 0.2}},
    }


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with running(tmp_path_factory.mktemp("visit"), change, timing="instant", agents=[EchoAgent()]) as live:
        yield live


def get(live: Live, path: str, key: str | None = None, method: str = "GET", content: str = "") -> httpx2.Response:
    return httpx2.request(method, f"{live.url}{path}", headers=live.headers(key), content=content)


def test_no_agent_can_stand_where_the_gateway_has_a_path() -> None:
    firsts = {path.split("/")[1] for path, _ in Table(FRONT_DOORS).rows()}

    assert firsts - {""} <= RESERVED


@pytest.mark.parametrize("path", ["/weather", "/weather/"])
def test_its_card_says_what_it_is_and_where(live: Live, path: str) -> None:
    assert get(live, path).json() == {
        "name": "weather",
        "model": "agent/weather",
        "description": "Tells what it hears, and the weather.",
        "tools": [{"name": "look_out", "description": "Looks out of the window."}],
        "capabilities": ["echo", "weather"],
        "endpoints": [
            {"method": "POST", "path": "/weather/chat/completions", "description": ""},
            {"method": "POST", "path": "/weather/responses", "description": ""},
            {"method": "GET", "path": "/weather/forecast", "description": "Tomorrow's weather."},
            {"method": "POST", "path": "/weather/forecast", "description": ""},
            {"method": "POST", "path": "/weather/ask", "description": ""},
        ],
    }


def test_its_health_and_capabilities(live: Live) -> None:
    assert get(live, "/weather/health").json() == {"status": "ok", "agent": "weather"}
    assert get(live, "/weather/capabilities").json() == {"agent": "weather", "capabilities": ["echo", "weather"]}


def test_an_sdk_whose_base_is_the_agent_gets_it_whatever_model_it_names(live: Live) -> None:
    with openai.OpenAI(base_url=f"{live.url}/weather", api_key=live.key, max_retries=0) as client:
        chat = client.chat.completions.with_raw_response.create(
            model="gpt-4", messages=[{"role": "user", "content": "well well"}]
        )
        chunks = client.chat.completions.create(
            model="agent/echo", messages=[{"role": "user", "content": "a b"}], stream=True
        )
        streamed = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
        first = client.responses.create(model="x", input="one")
        second = client.responses.create(model="x", input="two", previous_response_id=first.id)

    assert (chat.parse().choices[0].message.content, chat.parse().model) == ("well well", "agent/weather")
    assert live.booked(chat.headers["x-request-id"]).reservation.name == "agent/weather"
    assert (streamed, first.output_text, second.output_text) == ("a b", "one", "two")
    assert CONFIGURED.asked[-1].session == first.id


def test_a_call_may_leave_its_model_out_and_its_errors_are_openais(live: Live) -> None:
    body = {"messages": [{"role": "user", "content": "hi"}]}
    answer = httpx2.post(f"{live.url}/weather/chat/completions", json=body, headers=live.headers())
    assert (answer.status_code, answer.json()["model"]) == (200, "agent/weather")

    answer = httpx2.post(f"{live.url}/weather/chat/completions", content="nonsense", headers=live.headers())
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "invalid_json")
    assert get(live, "/weather", "drg_wrong").json()["error"]["code"] == "invalid_api_key"


def test_an_endpoint_is_asked_with_all_but_the_credential(live: Live) -> None:
    answer = httpx2.post(
        f"{live.url}/weather/forecast?day=1", headers={**live.headers(), "x-color": "red"}, content="and wind"
    )

    assert (answer.status_code, answer.text) == (203, "rain and wind")
    assert answer.headers["content-type"] == "text/plain"
    assert answer.headers["x-oagw-error-source"] == "upstream"
    call = CONFIGURED.visits[-1]
    assert (call.method, call.path, call.query, call.body) == ("POST", "/forecast", b"day=1", b"and wind")
    assert (b"x-color", b"red") in call.headers
    assert live.key.encode() not in b"".join(value for _, value in call.headers)
    assert not call.asked.admin
    row = live.booked(answer.headers["x-request-id"])
    assert (row.state, row.reservation.name) == ("settled", "agent/weather")


def test_an_endpoint_has_access_as_a_run_has(live: Live) -> None:
    answer = get(live, "/weather/ask", method="POST", content="Hello there")

    assert "Hello there" in answer.text
    live.booked(answer.headers["x-request-id"])
    rows = [row.reservation for row in live.rows(5) if row.reservation.request_id == answer.headers["x-request-id"]]
    assert [(row.name, row.agent) for row in rows] == [("gpt-4", "weather"), ("agent/weather", "")]


def test_what_an_endpoint_raises(live: Live) -> None:
    refused = get(live, "/weather/forecast?day=never")
    failed = get(live, "/weather/forecast?day=doom")

    assert (refused.status_code, refused.json()["error"]["param"]) == (400, "day")
    assert failed.status_code == 500
    assert "secret" not in failed.text
    assert get(live, "/weather/forecast?day=doom", live.admin_key).status_code == 203


@pytest.mark.parametrize(
    ("method", "path", "status", "allow"),
    [
        ("PUT", "/weather/forecast", 405, "GET, POST"),
        ("POST", "/weather", 405, "GET, HEAD"),
        ("GET", "/weather/chat/completions", 405, "POST"),
        ("GET", "/weather/nothing", 404, None),
        ("GET", "/weatherman", 404, None),
        ("GET", "/echo/forecast", 404, None),
    ],
)
def test_other_paths_and_methods_are_refused(
    live: Live, method: str, path: str, status: int, allow: str | None
) -> None:
    answer = get(live, path, method=method)

    assert (answer.status_code, answer.headers.get("allow")) == (status, allow)


@pytest.mark.parametrize("path", ["/weather", "/weather/health", "/weather/forecast", "/weather/nothing"])
def test_without_a_key_for_the_agent_nothing_is_told(live: Live, path: str) -> None:
    assert httpx2.get(f"{live.url}{path}").status_code == 401
    answer = get(live, path, live.issue(models=("agent/echo", "gpt-*")))
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "permission_denied")


def test_a_key_for_the_agent_alone_reaches_the_models_that_the_agent_may_ask(live: Live) -> None:
    key = live.issue(models=("agent/weather",))

    assert "Hi" in get(live, "/weather/ask", key, "POST", "Hi").text
    body = {"model": "gpt-4", "messages": [{"role": "user", "content": "Hi"}]}
    assert httpx2.post(f"{live.url}/v1/chat/completions", json=body, headers=live.headers(key)).status_code == 403


def test_a_rate_limit_of_an_agent_holds_for_its_model_and_its_endpoints(live: Live) -> None:
    first = get(live, "/rare/forecast")
    second = get(live, "/rare/forecast")
    body = {"messages": [{"role": "user", "content": "hi"}]}
    third = httpx2.post(f"{live.url}/rare/chat/completions", json=body, headers=live.headers())

    assert [first.status_code, second.status_code, third.status_code] == [203, 429, 429]
    assert "retry-after" in second.headers


def test_an_agent_that_has_no_place_refuses_and_one_that_takes_too_long_is_ended(live: Live) -> None:
    body = {"messages": [{"role": "user", "content": "wait"}]}
    with ThreadPoolExecutor() as threads:
        waits = threads.submit(
            httpx2.post, f"{live.url}/narrow/chat/completions", json=body, headers=live.headers(), timeout=2
        )
        live.until(lambda: len(CONFIGURED.asked) > 0 and live.gateway.in_flight == 1, "the first is under way")
        refused = get(live, "/narrow/forecast")
        with contextlib.suppress(httpx2.ReadTimeout):
            waits.result()
    late = httpx2.post(f"{live.url}/hasty/chat/completions", json=body, headers=live.headers())

    assert (refused.status_code, late.status_code) == (503, 504)
