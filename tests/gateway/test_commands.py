"""`dragoman.gateway.commands`: command-line agents as models, called with the official SDKs in every dialect."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import anthropic
import httpx2
import openai
import pytest

from dragoman.mocks import fake_cli
from tests.support.live import Live, running

SAID = 'You said: "good day". This is a fake agent, no model was asked.'
PROGRAMS = ("claude", "codex", "gemini")
MESSAGE: Any = {"role": "user", "content": "good day"}


class Agents:
    """A gateway whose upstreams are the three programs, and what they write down of each run."""

    def __init__(self, live: Live, log: Path) -> None:
        self.live = live
        self._log = log

    def ran(self) -> list[Mapping[str, Any]]:
        return [json.loads(line) for line in self._log.read_text().splitlines()] if self._log.exists() else []


@pytest.fixture(scope="module")
def agents(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Agents]:
    directory = tmp_path_factory.mktemp("commands")
    log = directory / "log.jsonl"

    def programs(values: dict[str, Any], mock_url: str) -> None:
        for kind in PROGRAMS:
            program = fake_cli.install(directory, kind)
            values["upstreams"][kind] = {"command": str(program), "env": [fake_cli.LOG], "max_concurrency": 2}
        values["upstreams"]["tooled"] = {**values["upstreams"]["claude"], "tools": True}
        values["upstreams"]["plain"] = {
            "command": str(directory / "claude"), "output": "json", "env": [fake_cli.LOG], "models": ["haiku", "opus"],
            "default_model": "opus", "direct": True,
        }  # fmt: skip
        values["upstreams"]["emulated"] = {**values["upstreams"]["plain"], "stream_fallback": "emulate"}
        values["models"]["small"] = "plain/haiku"

    with running(directory, programs, environ={fake_cli.LOG: str(log), "PATH": "/usr/bin:/bin"}) as live:
        yield Agents(live, log)


@pytest.fixture(scope="module")
def client(agents: Agents) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{agents.live.url}/v1", api_key=agents.live.key, max_retries=0) as client:
        yield client


@pytest.fixture(scope="module")
def claude(agents: Agents) -> Iterator[anthropic.Anthropic]:
    with anthropic.Anthropic(base_url=agents.live.url, api_key=agents.live.key, max_retries=0) as client:
        yield client


@pytest.mark.parametrize("program", PROGRAMS)
def test_chat(client: openai.OpenAI, program: str) -> None:
    answer = client.chat.completions.create(model=f"{program}/any", messages=[MESSAGE])
    stream = client.chat.completions.create(
        model=f"{program}/any", messages=[MESSAGE], stream=True, stream_options={"include_usage": True}
    )
    chunks = list(stream)
    said = [chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices]

    assert answer.choices[0].message.content == "".join(said) == SAID
    assert (answer.choices[0].finish_reason, answer.model) == ("stop", f"{program}/any")
    assert answer.usage is not None and answer.usage.completion_tokens > 0
    assert chunks[-1].usage is not None
    assert (len([piece for piece in said if piece]) > 1) is (program != "codex")


@pytest.mark.parametrize("program", PROGRAMS)
def test_responses(client: openai.OpenAI, program: str) -> None:
    whole = client.responses.create(model=f"{program}/any", input="good day")
    with client.responses.stream(model=f"{program}/any", input="good day") as stream:
        for _ in stream:
            pass
        streamed = stream.get_final_response()

    assert whole.output_text == streamed.output_text == SAID


@pytest.mark.parametrize("program", PROGRAMS)
def test_messages(claude: anthropic.Anthropic, program: str) -> None:
    whole = claude.messages.create(model=f"{program}/any", max_tokens=99, messages=[MESSAGE])
    with claude.messages.stream(model=f"{program}/any", max_tokens=99, messages=[MESSAGE]) as stream:
        text = "".join(stream.text_stream)

    assert "".join(block.text for block in whole.content if block.type == "text") == text == SAID


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_response_goes_on_with_the_programs_own_session(client: openai.OpenAI, program: str) -> None:
    first = client.responses.create(model=f"{program}/any", input="my name is Ada")
    second = client.responses.create(model=f"{program}/any", input="recall", previous_response_id=first.id)

    assert second.output_text == "my name is Ada"


def test_a_chat_session_goes_on_and_is_billed_turn_by_turn(client: openai.OpenAI, agents: Agents) -> None:
    def say(text: str) -> str:
        answer = client.chat.completions.with_raw_response.create(
            model="claude/any", messages=[{"role": "user", "content": text}], extra_body={"session_id": "ada"}
        )
        row = agents.live.booked(answer.headers["x-request-id"])
        assert row.settlement is not None and row.settlement.usage is not None
        costs.append(row.settlement.usage.cost_usd)
        return answer.parse().choices[0].message.content or ""

    costs: list[float | None] = []
    say("my name is Ada")

    assert say("recall") == "my name is Ada"
    assert costs == [pytest.approx(fake_cli.COST)] * 2


@pytest.mark.parametrize("stream", [False, True])
def test_the_callers_own_tools_are_offered_to_it_and_their_results_go_back(
    client: openai.OpenAI, agents: Agents, stream: bool
) -> None:
    clock: Any = {"type": "function", "name": "clock", "parameters": {"type": "object", "properties": {}}}

    def respond(**more: Any) -> Any:
        if not stream:
            return client.responses.create(model="tooled/any", tools=[clock], **more)
        with client.responses.stream(model="tooled/any", tools=[clock], **more) as events:
            for _ in events:
                pass
            return events.get_final_response()

    before = len(agents.ran())
    first = respond(input='call clock {"zone": "UTC"}')
    (call,) = [item for item in first.output if item.type == "function_call"]
    result = {"type": "function_call_output", "call_id": call.call_id, "output": "12:00"}
    second = respond(input=[result], previous_response_id=first.id)

    assert (call.name, json.loads(call.arguments)) == ("clock", {"zone": "UTC"})
    assert second.output_text == "The tool returned: 12:00"
    assert len(agents.ran()) == before + 1


def test_a_providers_limit_is_the_callers_429(client: openai.OpenAI) -> None:
    for program in PROGRAMS:
        with pytest.raises(openai.RateLimitError) as caught:
            client.chat.completions.create(model=f"{program}/x", messages=[{"role": "user", "content": "an error"}])
        assert caught.value.response.headers["retry-after"]


def test_an_output_that_cannot_stream_says_so_unless_it_may_be_emulated(client: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        client.chat.completions.create(model="small", messages=[MESSAGE], stream=True)
    assert "streaming not supported" in caught.value.message.lower()
    assert caught.value.param == "stream"

    stream = client.chat.completions.create(model="emulated/haiku", messages=[MESSAGE], stream=True)
    assert "".join(chunk.choices[0].delta.content or "" for chunk in stream if chunk.choices) == SAID


def test_models_are_listed_with_how_they_stream(agents: Agents) -> None:
    listed = httpx2.get(f"{agents.live.url}/v1/models", headers=agents.live.headers()).json()["data"]
    streaming = {model["id"]: model.get("streaming") for model in listed}

    assert (streaming["small"], streaming["plain/haiku"], streaming["plain/opus"]) == ("none", "none", "none")


def test_a_model_that_is_not_listed_starts_nothing(client: openai.OpenAI, agents: Agents) -> None:
    before = len(agents.ran())
    with pytest.raises(openai.NotFoundError) as caught:
        client.chat.completions.create(model="plain/gpt-4o", messages=[MESSAGE])

    assert "haiku, opus" in caught.value.message
    assert len(agents.ran()) == before


@pytest.mark.parametrize(
    "body",
    [
        {"model": "claude/--dangerously-skip-permissions"},
        {"model": "claude/../../bin/sh"},
        {"model": "claude/x --add-dir /"},
        {"model": "claude//bin/sh"},
        {"model": "/bin/sh"},
        {"model": "claude/x\n--flag"},
    ],
)
def test_no_model_is_a_flag_a_path_or_a_command(agents: Agents, body: dict[str, str]) -> None:
    before = len(agents.ran())
    answer = httpx2.post(
        f"{agents.live.url}/v1/chat/completions", json={**body, "messages": [MESSAGE]}, headers=agents.live.headers()
    )

    assert answer.status_code == 404
    assert len(agents.ran()) == before


@pytest.mark.parametrize("text", ["--version", "-p", "/help", "@/etc/passwd", "$(touch /tmp/x)", "; rm -rf /", "\0a"])
def test_what_is_said_is_text_and_nothing_else(client: openai.OpenAI, agents: Agents, text: str) -> None:
    before = len(agents.ran())
    client.chat.completions.create(model="claude/any", messages=[{"role": "user", "content": text}])
    (ran,) = agents.ran()[before:]

    assert ran["argv"].count(text) == (text == "-p")  # which is one of the operator's own
    assert text.strip("\0") in ran["stdin"].replace("\0", "")


@pytest.mark.parametrize("member", ["command", "args", "env", "cwd", "workspace", "argv", "adapter"])
def test_a_request_names_nothing_to_run(agents: Agents, member: str) -> None:
    before = len(agents.ran())
    body = {"model": "claude/any", "messages": [MESSAGE], member: "/bin/sh"}
    answer = httpx2.post(f"{agents.live.url}/v1/chat/completions", json=body, headers=agents.live.headers())

    assert (answer.status_code, answer.json()["error"]["param"]) == (400, member)
    assert len(agents.ran()) == before


def test_the_program_gets_nothing_of_the_gateways_own(client: openai.OpenAI, agents: Agents) -> None:
    client.chat.completions.create(model="claude/any", messages=[MESSAGE])
    ran = agents.ran()[-1]

    assert not [name for name in ran["environ"] if name.startswith("DRAGOMAN_") and name != "DRAGOMAN_RUN"]
    assert agents.live.key not in json.dumps(ran)
    agents.live.until(lambda: not Path(ran["cwd"]).exists(), "its directory is removed")


def test_metrics_tell_how_much_there_is_to_do(agents: Agents) -> None:
    headers = {"authorization": f"Bearer {agents.live.admin_key}"}
    page = httpx2.get(f"{agents.live.url}/metrics", headers=headers, trust_env=False, timeout=10).text
    for state in ("working", "waiting", "suspended"):
        assert f'dragoman_agent_runs{{state="{state}",upstream="codex"}} 0.0' in page.splitlines()
