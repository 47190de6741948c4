"""Agents behind a gateway, asked by the official clients over sockets."""

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import anthropic
import httpx2
import openai
import pytest

from dragoman.agents.agent import Agent
from dragoman.agents.context import Context
from dragoman.agents.errors import ModelError, Vetoed
from dragoman.agents.scripted import Call, Say, ScriptedModel
from dragoman.agents.usage import Limits
from dragoman.errors import RATE_LIMIT_EXCEEDED
from dragoman.ports import EndpointAnswer
from dragoman.turn import Text, ToolResult, Turn
from tests.support.live import Live, running

BROWSE: dict[str, Any] = {"type": "object", "properties": {"url": {"type": "string"}}}
THEIRS: Any = [{"type": "function", "function": {"name": "browse", "parameters": BROWSE}}]

counted: list[str] = []
weather = Agent("weather", "You know the weather.", model="gpt-4o-mini", description="Tells the weather.")


@weather.tool
def forecast(city: str, days: int = 1) -> dict[str, object]:
    """The weather in a city.

    Args:
        city: Its name.
    """
    counted.append(city)
    return {"city": city, "rain": True, "days": days}


@weather.tool(scope="owner")
def secret() -> str:
    return "secret"


@weather.http("/cities")
def cities(ctx: Context, first: str = "A", count: int = 2) -> list[str]:
    """Cities it knows."""
    assert ctx.access is not None
    return [first, *["B"] * (count - 1)]


@weather.http("/cities", "post")
async def add_city(name: str) -> str:
    return f"added {name}"


@weather.http("/wipe", "delete", scope="owner")
def wipe() -> EndpointAnswer:
    return EndpointAnswer(b"", status=204)


def both(turn: Turn) -> Any:
    """Calls a tool of each side, then says what they gave."""
    return seen(turn) or (Call("count"), Call("browse", {"url": "u"}))


def seen(turn: Turn) -> str:
    parts = [part for item in turn.items if isinstance(item, ToolResult) for part in item.parts]
    return " | ".join(part.text for part in parts if isinstance(part, Text))


def count() -> str:
    counted.append("count")
    return f"counted {len(counted)}"


def stubborn(turn: Turn) -> Any:
    return Say("Let me think. ", (Call("count"),))


def limited(turn: Turn) -> Any:
    raise ModelError(RATE_LIMIT_EXCEEDED, "slow down", status=429)


def vetoing(turn: Turn) -> Any:
    raise Vetoed("not on Sundays")


AGENTS = [
    weather,
    Agent("mixed", model=ScriptedModel(both, loop=True), tools=[count]),
    Agent("stubborn", model=ScriptedModel(stubborn, loop=True), tools=[count], limits=Limits(turns=2)),
    Agent("silent", model=ScriptedModel(Call("count"), loop=True), tools=[count], limits=Limits(turns=2)),
    Agent("limited", model=ScriptedModel(limited, loop=True)),
    Agent("vetoing", model=ScriptedModel(vetoing, loop=True)),
    Agent("typed", model=ScriptedModel("no number", loop=True), output=int),
    Agent("private", model=ScriptedModel("hi", loop=True), scope="admin"),
    Agent("asks", model="agent/weather"),
]


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with running(tmp_path_factory.mktemp("agents"), timing="instant", agents=AGENTS) as gateway:
        yield gateway


def ask(sdk: openai.OpenAI, name: str, text: str = "go", **how: Any) -> Any:
    messages: Any = [{"role": "user", "content": text}]
    return sdk.chat.completions.create(model=f"agent/{name}", messages=messages, **how)


FORECAST = 'call forecast {"city": "Oslo"}'
TOLD = 'The tool returned: {"city":"Oslo","rain":true,"days":1}'


def test_an_agent_is_a_model_in_chat(sdk: openai.OpenAI, live: Live) -> None:
    before = live.received
    answer = ask(sdk, "weather", FORECAST)
    assert answer.choices[0].message.content == TOLD
    assert (answer.model, answer.choices[0].finish_reason) == ("agent/weather", "stop")
    asked = [json.loads(entry.body) for entry in live.entries(before)]
    assert [message["role"] for message in asked[1]["messages"]] == ["system", "user", "assistant", "tool"]
    assert answer.usage is not None and answer.usage.total_tokens > 10
    assert [tool["function"]["name"] for tool in asked[0]["tools"]] == ["forecast"]


def test_its_answer_is_streamed_as_it_comes(sdk: openai.OpenAI) -> None:
    chunks = list(ask(sdk, "weather", FORECAST, stream=True, stream_options={"include_usage": True}))
    pieces = [choice.delta.content for chunk in chunks for choice in chunk.choices if choice.delta.content]
    assert "".join(pieces) == TOLD and len(pieces) > 2
    assert not any(choice.delta.tool_calls for chunk in chunks for choice in chunk.choices)
    assert chunks[-1].usage is not None


def test_it_is_a_model_in_responses_and_messages(sdk: openai.OpenAI, live: Live) -> None:
    assert sdk.responses.create(model="agent/weather", input=FORECAST).output_text == TOLD
    with sdk.responses.stream(model="agent/weather", input=FORECAST) as stream:
        assert stream.get_final_response().output_text == TOLD
    client = anthropic.Anthropic(base_url=live.url, api_key=live.key, max_retries=0)
    with (
        client,
        client.messages.stream(
            model="agent/weather", max_tokens=100, messages=[{"role": "user", "content": FORECAST}]
        ) as messages,
    ):
        assert messages.get_final_text() == TOLD


def test_what_it_asks_is_booked_under_its_caller_s_key(sdk: openai.OpenAI, live: Live) -> None:
    raw = sdk.with_raw_response.chat.completions.create(
        model="agent/weather", messages=[{"role": "user", "content": FORECAST}]
    )
    request_id = raw.headers["x-request-id"]
    live.booked(request_id)
    rows = [row for row in live.rows(20) if row.reservation.request_id == request_id]
    assert sorted(row.reservation.name for row in rows) == ["agent/weather", "gpt-4o-mini", "gpt-4o-mini"]


def test_agents_may_ask_one_another(sdk: openai.OpenAI) -> None:
    assert ask(sdk, "asks", FORECAST).choices[0].message.content == TOLD


def test_a_chat_caller_s_call_is_returned_and_its_own_tool_beside_it_is_not_run(sdk: openai.OpenAI) -> None:
    counted.clear()
    answer = ask(sdk, "mixed", tools=THEIRS)
    message = answer.choices[0].message
    assert answer.choices[0].finish_reason == "tool_calls"
    assert [call.function.name for call in message.tool_calls] == ["browse"]
    assert counted == []
    history = [{"role": "user", "content": "go"}, message.model_dump(exclude_none=True)]
    history.append({"role": "tool", "tool_call_id": message.tool_calls[0].id, "content": "a page"})
    answer = sdk.chat.completions.create(model="agent/mixed", messages=history, tools=THEIRS)
    assert answer.choices[0].message.content == "a page"


def test_a_response_that_is_gone_on_from_has_the_results_of_both(sdk: openai.OpenAI) -> None:
    counted.clear()
    tools: Any = [{"type": "function", "name": "browse", "parameters": BROWSE, "strict": False}]
    first = sdk.responses.create(model="agent/mixed", input="go", tools=tools)
    calls = [item for item in first.output if item.type == "function_call"]
    assert [call.name for call in calls] == ["browse"]
    assert counted == ["count"]
    results: Any = [{"type": "function_call_output", "call_id": calls[0].call_id, "output": "a page"}]
    second = sdk.responses.create(model="agent/mixed", input=results, previous_response_id=first.id, tools=tools)
    assert second.output_text == "counted 1 | a page"
    assert counted == ["count"]


def test_a_caller_s_call_is_streamed(sdk: openai.OpenAI) -> None:
    chunks = list(ask(sdk, "mixed", tools=THEIRS, stream=True))
    calls = [c for chunk in chunks for choice in chunk.choices for c in choice.delta.tool_calls or ()]
    assert "".join(call.function.arguments or "" for call in calls) == '{"url":"u"}'
    assert [call.function.name for call in calls if call.function.name] == ["browse"]
    assert [choice.finish_reason for chunk in chunks for choice in chunk.choices][-1] == "tool_calls"


def test_a_limit_cuts_an_answer_short_or_says_that_there_is_none(sdk: openai.OpenAI) -> None:
    answer = ask(sdk, "stubborn")
    assert answer.choices[0].finish_reason == "length"
    assert answer.choices[0].message.content == "Let me think. \n\nLet me think. "
    with pytest.raises(openai.InternalServerError, match="limit turns before it said anything") as caught:
        ask(sdk, "silent")
    assert (caught.value.status_code, caught.value.code) == (503, "execution_failed")


@pytest.mark.parametrize(
    ("name", "status", "code", "words"),
    [
        ("limited", 429, "rate_limit_exceeded", "slow down"),
        ("vetoing", 403, "permission_denied", "not on Sundays"),
        ("private", 403, "permission_denied", "may not use"),
    ],
)
def test_what_an_agent_raises_is_an_answer(sdk: openai.OpenAI, name: str, status: int, code: str, words: str) -> None:
    with pytest.raises(openai.APIStatusError, match=words) as caught:
        ask(sdk, name)
    assert (caught.value.status_code, caught.value.code) == (status, code)


def test_what_comes_too_late_for_a_status_ends_the_stream_with_an_error(sdk: openai.OpenAI) -> None:
    with pytest.raises(openai.APIError, match="The agent 'typed' failed"):
        list(ask(sdk, "typed", stream=True))


def test_what_an_agent_cannot_do_is_refused_by_name(sdk: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        ask(sdk, "weather", n=2)
    assert caught.value.param == "n"


def test_an_admin_may_use_what_is_not_for_everyone(live: Live) -> None:
    with openai.OpenAI(base_url=f"{live.url}/v1", api_key=live.admin_key, max_retries=0) as admin:
        assert ask(admin, "private").choices[0].message.content == "hi"


def test_its_card_tells_what_is_for_everyone(http: httpx2.Client) -> None:
    card = http.get("/weather").json()
    assert (card["name"], card["model"], card["description"]) == ("weather", "agent/weather", "Tells the weather.")
    assert card["tools"] == [{"name": "forecast", "description": "The weather in a city."}]
    paths = [(one["method"], one["path"], one["description"]) for one in card["endpoints"]]
    assert ("GET", "/weather/cities", "Cities it knows.") in paths
    assert http.get("/weather/capabilities").json()["capabilities"] == ["tools"]


def test_its_endpoints_are_functions(http: httpx2.Client, live: Live) -> None:
    assert http.get("/weather/cities").json() == ["A", "B"]
    assert http.get("/weather/cities", params={"first": "Z", "count": "3"}).json() == ["Z", "B", "B"]
    added = http.post("/weather/cities", json={"name": "Oslo"})
    assert (added.text, added.headers["content-type"]) == ("added Oslo", "text/plain; charset=utf-8")
    wrong = http.get("/weather/cities", params={"count": "many"})
    assert (wrong.status_code, wrong.json()["error"]["param"]) == (400, "count")
    assert http.post("/weather/cities", content=b"[]").status_code == 400
    assert http.post("/weather/cities", json={}).json()["error"]["param"] == "name"
    assert http.delete("/weather/wipe").status_code == 403
    assert http.delete("/weather/wipe", headers=live.headers(live.admin_key)).status_code == 204


async def test_a_caller_that_leaves_ends_the_run(live: Live, async_sdk: openai.AsyncOpenAI) -> None:
    ended: list[str] = []
    started = asyncio.Event()
    loop = asyncio.get_running_loop()

    async def wait() -> None:
        loop.call_soon_threadsafe(started.set)
        await asyncio.sleep(60)

    weather.add_tool(wait)
    weather.hook("run_end")(lambda event: ended.append(event.outcome))
    task = asyncio.create_task(
        async_sdk.chat.completions.create(
            model="agent/weather", messages=[{"role": "user", "content": "call wait {}"}]
        )
    )  # fmt: skip
    await started.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await asyncio.to_thread(live.until, lambda: ended == ["cancelled"], "the run ends")
