import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest
from openai.types.chat import ChatCompletion, ChatCompletionChunk

from dragoman import errors
from dragoman.agents.agent import Agent
from dragoman.agents.context import Context
from dragoman.agents.errors import AgentError, ModelError
from dragoman.agents.openai import OpenAISkill
from dragoman.agents.scopes import holds
from dragoman.agents.usage import RunUsage
from dragoman.mocks.app import MockApp
from dragoman.ports import Access
from dragoman.turn import Event, Message, Opened, Stop, Stopped, Text, TextDelta, Turn, Usage, Used

HI = [{"role": "user", "content": "hello"}]
TOOLS = [{"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {}}}}]
TURN = Turn("gpt-4o-mini", stream=True, items=(Message("user", (Text("hello"),)),))


def context(access: Access | None = None) -> Context:
    return Context("run_1", "a", holds([]), RunUsage(), access=access)


async def heard(skill: OpenAISkill, access: Access | None = None) -> list[Event]:
    return [event async for event in skill.answer(TURN, context(access))]


async def test_a_completion_is_the_server_s_own(skill: OpenAISkill) -> None:
    answer = await skill.chat_completion(HI)
    assert ChatCompletion.model_validate(answer).choices[0].message.content == "Hello! How can I assist you today?"
    called = await skill.chat_completion(HI, TOOLS)
    assert called["choices"][0]["message"]["tool_calls"][0]["function"]["name"] == "f"


async def test_a_stream_is_the_server_s_chunks_with_the_usage_last(skill: OpenAISkill) -> None:
    chunks = [chunk async for chunk in skill.chat_completion_stream(HI)]
    parsed = [ChatCompletionChunk.model_validate(chunk) for chunk in chunks]
    assert parsed[-1].choices == [] and parsed[-1].usage is not None
    same = [chunk async for chunk in await skill.chat_completion(HI, stream=True)]
    assert len(same) == len(chunks)


async def test_a_turn_is_answered_with_events(skill: OpenAISkill) -> None:
    events = await heard(skill)
    assert isinstance(events[0], Opened)
    assert "".join(event.text for event in events if isinstance(event, TextDelta)) == "Streaming response to: hello "
    assert isinstance(events[-2], Used) and events[-2].usage.output_tokens > 0
    assert isinstance(events[-1], Stopped) and events[-1].stop is Stop.END


@pytest.mark.parametrize(
    ("scenario", "code", "status"),
    [
        ("status:401", "credential_refused", 401),
        ("status:404", "model_not_found", 404),
        ("status:429", "rate_limit_exceeded", 429),
        ("status:500", "downstream_error", 500),
        ("status:418", "protocol_error", 418),
        ("html-502", "downstream_error", 502),
        ("drop", "stream_aborted", 0),
        ("reset-after:2", "stream_aborted", 0),
        ("wrong-content-type", "protocol_error", 0),
        ("bad-json", "protocol_error", 0),
    ],
)
async def test_a_model_that_fails_says_how(mock: MockApp, url: str, scenario: str, code: str, status: int) -> None:
    skill = OpenAISkill("sk-test", base_url=url.replace("/v1", f"/scenario/{scenario}/v1"))
    with pytest.raises(ModelError) as caught:
        await heard(skill)
    assert (caught.value.kind.code, caught.value.status) == (code, status)
    await skill.close()


@pytest.mark.parametrize("scenario", ["error-event:2", "cut-after:2", "bad-json"])
async def test_a_stream_of_chunks_that_breaks_raises(url: str, scenario: str) -> None:
    skill = OpenAISkill("sk-test", base_url=url.replace("/v1", f"/scenario/{scenario}/v1"))
    with pytest.raises(ModelError):
        [chunk async for chunk in skill.chat_completion_stream(HI)]
    await skill.close()


async def test_a_server_that_is_not_there_is_named() -> None:
    skill = OpenAISkill("sk-test", base_url="http://127.0.0.1:1/v1")
    with pytest.raises(ModelError, match=r"127\.0\.0\.1:1 could not be reached"):
        await skill.chat_completion(HI)
    await skill.close()


async def test_a_server_that_is_silent_is_given_up(url: str) -> None:
    skill = OpenAISkill("k", base_url=url.replace("/v1", "/scenario/stall/v1"), timeout=httpx2.Timeout(0.05))
    with pytest.raises(ModelError, match="did not answer in time"):
        await heard(skill)
    await skill.close()


async def test_the_environment_says_where_and_with_what_key(
    mock: MockApp, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", url + "/")
    monkeypatch.setenv("OPENAI_API_KEY", "sk-from-the-environment")
    skill = OpenAISkill(model="gpt-4")
    await skill.chat_completion(HI)
    entry = mock.journal.entries[-1]
    assert dict(entry.headers)["authorization"] == "Bearer sk-from-the-environment"
    assert json.loads(entry.body)["model"] == "gpt-4"
    await skill.close()


class Handed(httpx2.AsyncBaseTransport):
    """A way to models of somebody's own, which notes what goes through it."""

    def __init__(self, body: bytes) -> None:
        self.body = body
        self.requests: list[httpx2.Request] = []

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        await request.aread()
        self.requests.append(request)
        return httpx2.Response(200, headers={"content-type": "text/event-stream"}, content=self.body)


STREAM = (
    b'data: {"id":"1","object":"chat.completion.chunk","created":1,"model":"m",'
    b'"choices":[{"index":0,"delta":{"content":"Hi"},"finish_reason":"stop"}]}\n\n'
    b'data: {"id":"1","object":"chat.completion.chunk","created":1,"model":"m","choices":[],'
    b'"usage":{"prompt_tokens":3,"completion_tokens":1,"total_tokens":4}}\n\ndata: [DONE]\n\n'
)


class App:
    """A gateway from inside, which notes what it is asked."""

    def __init__(self, body: bytes = STREAM, status: int = 200, kind: bytes = b"text/event-stream") -> None:
        self.shown: list[bytes] = []
        self._head = {"type": "http.response.start", "status": status, "headers": [(b"content-type", kind)]}
        self._body = {"type": "http.response.body", "body": body}

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            self.shown.append(dict(scope["headers"])[b"authorization"])
            await send(self._head)
            await send(self._body)

    def access(self) -> Access:
        return Access(self, "run_secret")


async def test_a_served_run_asks_the_gateway_unless_the_skill_has_a_way_of_its_own() -> None:
    mine, gateway = Handed(STREAM), App()
    events = await heard(OpenAISkill(), gateway.access())
    assert events[1:] == [TextDelta("Hi"), Used(Usage(3, 1)), Stopped(Stop.END)]
    assert gateway.shown == [b"Bearer run_secret"]
    own = OpenAISkill(transport=mine, base_url="http://mine/v1", api_key="k")
    await heard(own, gateway.access())
    assert (len(gateway.shown), mine.requests[0].url) == (1, httpx2.URL("http://mine/v1/chat/completions"))
    assert mine.requests[0].headers["authorization"] == "Bearer k"
    await own.close()


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (504, "idle_timeout", errors.IDLE_TIMEOUT),
        (429, "insufficient_quota", errors.RATE_LIMIT_EXCEEDED),
        (403, "permission_denied", errors.CREDENTIAL_REFUSED),
        (400, "unsupported_parameter", errors.UNSUPPORTED_PARAMETER),
    ],
)
async def test_an_error_of_the_gateway_s_own_stays_what_it_is(status: int, code: str, kind: errors.ErrorKind) -> None:
    body = json.dumps({"error": {"message": "so it is", "type": "t", "param": None, "code": code}}).encode()
    with pytest.raises(ModelError, match="so it is") as caught:
        await heard(OpenAISkill(), App(body, status, b"application/json").access())
    assert (caught.value.kind, caught.value.code) == (kind, code)


async def test_an_agent_finds_the_model_in_its_skills_else_makes_one(skill: OpenAISkill) -> None:
    assert Agent(skills=[skill]).model is skill
    assert isinstance(Agent(model="gpt-4").model, OpenAISkill)
    bot = Agent(model="gpt-4", skills=[skill])
    assert (await bot.run("hi")).usage.records[0].name == "gpt-4"
    late = Agent(model="gpt-4")
    skill.initialize(late)
    assert late.model is skill


def test_one_skill_serves_several_event_loops(mock: MockApp) -> None:
    async def ask(skill: OpenAISkill) -> Any:
        return await heard(skill)

    skill = OpenAISkill(transport=Handed(STREAM))
    assert [len(asyncio.run(ask(skill))) for _ in range(2)] == [4, 4]


async def test_leaving_a_stream_closes_its_connection(mock: MockApp, url: str) -> None:
    skill = OpenAISkill("k", base_url=url.replace("/v1", "/scenario/stall-after:2/v1"))
    answering = skill.answer(TURN, context())
    assert isinstance(await anext(answering), Opened)
    await answering.aclose()
    async with asyncio.timeout(10):
        await mock.idle()
    await skill.close()


def test_a_profile_that_there_is_not_is_refused() -> None:
    with pytest.raises(AgentError, match="no profile 'vlm'; there are openai"):
        OpenAISkill(profile="vlm")


async def test_a_body_that_is_no_object_is_an_error() -> None:
    async def parts() -> AsyncIterator[bytes]:
        yield b"[]"

    skill = OpenAISkill(transport=Handed(b"[]"), base_url="http://x/v1")
    with pytest.raises(ModelError, match="no Chat object"):
        await skill.chat_completion(HI)
    failing = OpenAISkill(transport=Handed(b'{"error": {"message": "broken", "code": "c"}}'), base_url="http://x/v1")
    with pytest.raises(ModelError, match="broken") as caught:
        await failing.chat_completion(HI)
    assert caught.value.code == "c"
    await skill.close()
    await failing.close()
