"""The fifteen tests of seed 004, as it names them: a command-line agent behind `/v1/chat/completions`.

The seed patched the subprocess; here there is one, a program that records how it was called and plays a script.
"""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.seeds.claude_endpoint import HI, RESULT, ClaudeEndpoint, endpoint


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClaudeEndpoint]:
    with endpoint(tmp_path_factory.mktemp("seed004")) as served:
        yield served


@pytest.fixture
def claude(served: ClaudeEndpoint) -> ClaudeEndpoint:
    """The endpoint, with a program that says `ok` until it is told otherwise."""
    served.play([{"line": {"type": "result", "result": "ok", "is_error": False}}])
    served.ran()
    return served


def test_chat_completions_happy_path(claude: ClaudeEndpoint) -> None:
    claude.play([{"line": RESULT}])
    response = claude.ask(
        model="haiku",
        messages=[
            {"role": "system", "content": "You are concise."},
            {"role": "user", "content": "Capital of France?"},
        ],
    )
    assert response.status_code == 200, response.text
    body = response.json()
    assert body["object"] == "chat.completion"
    assert body["id"].startswith("chatcmpl-")
    assert body["model"] == "haiku"
    assert isinstance(body["created"], int)
    assert len(body["choices"]) == 1
    choice = body["choices"][0]
    assert choice["index"] == 0
    assert choice["finish_reason"] == "stop"
    assert choice["message"]["role"] == "assistant"
    assert choice["message"]["content"] == "Paris is the capital of France."
    for key in ("prompt_tokens", "completion_tokens", "total_tokens"):
        assert key in body["usage"]


def test_chat_completions_rejects_streaming(claude: ClaudeEndpoint) -> None:
    response = claude.ask(model="haiku", messages=HI, stream=True)
    assert response.status_code == 400
    assert "streaming not supported" in json.dumps(response.json()).lower()


def test_chat_completions_requires_auth(claude: ClaudeEndpoint) -> None:
    assert claude.ask(model="haiku", messages=HI, headers={}).status_code == 401


def test_chat_completions_wrong_bearer_token(claude: ClaudeEndpoint) -> None:
    assert claude.ask(model="haiku", messages=HI, headers={"Authorization": "Bearer wrong"}).status_code == 401


def test_chat_completions_returns_503_on_job_failure(claude: ClaudeEndpoint) -> None:
    claude.play([{"err": "boom"}, {"exit": 42}])
    response = claude.ask(model="haiku", messages=[{"role": "user", "content": "trigger fail"}])
    assert response.status_code == 503
    assert response.json()["error"] == "execution failed"
    assert "detail" in response.json()


def test_chat_completions_rejects_empty_messages(claude: ClaudeEndpoint) -> None:
    assert claude.ask(model="haiku", messages=[]).status_code in (400, 422)


def test_chat_completions_falls_back_when_no_json_result(claude: ClaudeEndpoint) -> None:
    claude.play([{"out": "plain non-json output\n"}])
    response = claude.ask(model="haiku", messages=HI)
    assert response.status_code == 200
    assert "plain non-json output" in response.json()["choices"][0]["message"]["content"]


def test_chat_completions_concats_system_and_user_messages(claude: ClaudeEndpoint) -> None:
    response = claude.ask(
        model="haiku",
        messages=[{"role": "system", "content": "SYSTEM-MARKER"}, {"role": "user", "content": "USER-MARKER"}],
    )
    assert response.status_code == 200
    prompt = claude.ran()[0]["argv"][-1]
    assert "SYSTEM-MARKER" in prompt
    assert "USER-MARKER" in prompt


def test_chat_completions_returns_503_when_agent_busy(claude: ClaudeEndpoint) -> None:
    door = claude.directory / "door"
    claude.play([{"wait": str(door)}, {"line": RESULT}])
    with ThreadPoolExecutor(1) as other:
        first = other.submit(claude.ask, model="haiku", messages=HI)
        claude.live.until(lambda: bool(claude.ran()), "a run")
        response = claude.ask(model="haiku", messages=HI)
        door.touch()
        assert first.result().status_code == 200
    assert response.status_code == 503
    assert response.json()["error"] == "execution failed"


@pytest.mark.parametrize("model", ["haiku", "sonnet", "opus"])
def test_chat_completions_routes_to_claude_cli(claude: ClaudeEndpoint, model: str) -> None:
    assert claude.ask(model=model, messages=HI).status_code == 200
    argv = claude.ran()[0]["argv"]
    assert argv[argv.index("--model") + 1] == model


def test_chat_completions_uses_default_model_when_field_missing(claude: ClaudeEndpoint) -> None:
    assert claude.ask(messages=HI).status_code == 200
    argv = claude.ran()[0]["argv"]
    assert argv[argv.index("--model") + 1] == "sonnet"


def test_chat_completions_rejects_unknown_model(claude: ClaudeEndpoint) -> None:
    response = claude.ask(model="gpt-4o", messages=HI)
    assert response.status_code == 400
    body = response.json()
    assert body["error"] == "unsupported model"
    assert isinstance(body["supported"], list)
    assert {"haiku", "sonnet", "opus"} <= set(body["supported"])


def test_chat_completions_response_model_echoes_default_when_missing(claude: ClaudeEndpoint) -> None:
    response = claude.ask(messages=HI)
    assert response.status_code == 200
    assert response.json()["model"] == "sonnet"
