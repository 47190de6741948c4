"""Flat errors and a default model, over a socket: what seed 004 asks of its endpoint, with an agent of this process."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import openai
import pytest

from dragoman.errors import ConfigError
from tests.support.agents import EchoAgent
from tests.support.live import Live, running


def flat(values: dict[str, Any], mock_url: str) -> None:
    values["server"] |= {"error_style": "flat", "default_model": "agent/echo"}


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with running(tmp_path_factory.mktemp("flat"), flat, agents=[EchoAgent()]) as live:
        yield live


def ask(live: Live, said: str, path: str = "/v1/chat/completions", **members: object) -> httpx2.Response:
    body = {"messages": [{"role": "user", "content": said}], **members}
    return httpx2.post(f"{live.url}{path}", json=body, headers=live.headers())


@pytest.mark.parametrize("members", [{}, {"model": None}])
def test_a_call_that_names_no_model_gets_the_default(live: Live, members: dict[str, Any]) -> None:
    answer = ask(live, "hello", **members)
    assert (answer.status_code, answer.json()["model"]) == (200, "agent/echo")
    assert answer.json()["choices"][0]["message"]["content"] == "hello"


def test_so_does_a_response_and_a_stream(live: Live) -> None:
    answer = httpx2.post(f"{live.url}/v1/responses", json={"input": "hello"}, headers=live.headers())
    assert (answer.status_code, answer.json()["model"]) == (200, "agent/echo")
    stream = ask(live, "hello", stream=True)
    assert (stream.status_code, stream.text.endswith("data: [DONE]\n\n")) == (200, True)


def test_a_call_that_names_one_gets_that(live: Live) -> None:
    assert ask(live, "hello", model="mock-chat/gpt-4").json()["model"] == "mock-chat/gpt-4"
    assert ask(live, "hello", model="").status_code == 400


def test_an_unknown_model_is_a_400_that_lists_those_there_are(live: Live) -> None:
    answer = ask(live, "hello", model="gpt-9-none")
    assert answer.status_code == 400
    body = answer.json()
    assert body["error"] == "unsupported model"
    assert "agent/echo" in body["supported"]
    assert "gpt-9-none" in body["detail"]


def test_only_what_the_key_may_use_is_listed(live: Live) -> None:
    headers = live.headers(live.issue(models=("agent/*", "gpt-9-*")))
    body = {"model": "gpt-9-none", "messages": [{"role": "user", "content": "a"}]}
    answer = httpx2.post(f"{live.url}/v1/chat/completions", json=body, headers=headers)
    assert answer.json()["supported"] == ["agent/echo"]


@pytest.mark.parametrize("said", ["fail", "break"])
def test_a_run_that_fails_is_a_503(live: Live, said: str) -> None:
    answer = ask(live, said)
    assert (answer.status_code, answer.json()["error"]) == (503, "execution failed")
    assert answer.json()["detail"]
    assert answer.headers["x-request-id"]
    assert answer.headers["content-type"] == "application/json"


@pytest.mark.parametrize(
    ("path", "status"), [("/v1/chat/completions", 405), ("/v1/models", 401), ("/jobs", 401), ("/execute", 405)]
)
def test_other_errors_are_flat_too(live: Live, path: str, status: int) -> None:
    answer = httpx2.get(live.url + path, headers={"Authorization": "Bearer wrong"})
    assert answer.status_code == status
    assert isinstance(answer.json()["error"], str)
    assert answer.json()["detail"]


def test_messages_and_the_outbound_surface_keep_their_own(live: Live) -> None:
    body = {"model": "gpt-9-none", "max_tokens": 5, "messages": [{"role": "user", "content": "a"}]}
    answer = httpx2.post(f"{live.url}/v1/messages", json=body, headers=live.headers())
    assert (answer.status_code, answer.json()["type"]) == (404, "error")
    outbound = httpx2.get(f"{live.url}/api/oagw/v1/proxy/none/a", headers=live.headers())
    assert (outbound.status_code, outbound.json()["status"]) == (404, 404)


def test_the_official_client_reads_them(live: Live) -> None:
    with openai.OpenAI(base_url=f"{live.url}/v1", api_key=live.key, max_retries=0) as client:
        with pytest.raises(openai.BadRequestError):
            client.chat.completions.create(model="gpt-9-none", messages=[{"role": "user", "content": "a"}])
        with pytest.raises(openai.InternalServerError) as caught:
            client.chat.completions.create(model="agent/echo", messages=[{"role": "user", "content": "fail"}])
    assert caught.value.status_code == 503


def test_a_default_that_there_is_not_is_an_error_of_the_configuration(tmp_path: Path) -> None:
    def wrong(values: dict[str, Any], mock_url: str) -> None:
        values["server"]["default_model"] = "nobody/none"

    with pytest.raises(ConfigError) as caught, running(tmp_path, wrong):
        pass
    assert caught.value.key == "server.default_model"
