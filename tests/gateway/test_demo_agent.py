"""`dragoman.gateway.demo_agent`: the demo's agent over the demo's models and aliases."""

from collections.abc import Iterator
from typing import Any

import anthropic
import httpx2
import openai
import pytest

from dragoman.agents import Call, ScriptedModel
from dragoman.gateway.demo import ASSISTANT
from dragoman.gateway.demo_agent import assistant
from tests.support.live import Live, running

SEATTLE = 'call weather {"city": "Seattle"}'


def change(values: dict[str, Any], mock_url: str) -> None:
    values["agents"] = {"assistant": {"object": ASSISTANT, "models": ["gpt-4o-mini"]}}


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with running(tmp_path_factory.mktemp("demo-agent"), change, timing="instant") as live:
        yield live


def test_it_knows_the_weather_in_every_dialect(live: Live) -> None:
    messages: Any = [{"role": "user", "content": SEATTLE}]
    with openai.OpenAI(base_url=f"{live.url}/v1", api_key=live.key, max_retries=0) as sdk:
        chat = sdk.chat.completions.with_raw_response.create(model="agent/assistant", messages=messages)
        responses = sdk.responses.create(model="agent/assistant", input=SEATTLE)
    with anthropic.Anthropic(base_url=live.url, api_key=live.key, max_retries=0) as claude:
        message = claude.messages.create(model="agent/assistant", max_tokens=100, messages=messages)

    said = [chat.parse().choices[0].message.content, responses.output_text, message.content[0].text]  # type: ignore[union-attr]
    assert [text and ("Seattle" in text and "sunny" in text) for text in said] == [True] * 3
    live.booked(chat.headers["x-request-id"])
    mine = [row for row in live.rows(50) if row.reservation.request_id == chat.headers["x-request-id"]]
    assert [(row.state, row.reservation.name, row.reservation.agent) for row in mine] == [
        ("settled", "gpt-4o-mini", "assistant"), ("settled", "weather", "assistant"),
        ("settled", "gpt-4o-mini", "assistant"), ("settled", "agent/assistant", ""),
    ]  # fmt: skip


def test_it_calculates_and_tells_what_cannot_be_calculated(live: Live) -> None:
    with openai.OpenAI(base_url=f"{live.url}/assistant", api_key=live.key, max_retries=0) as sdk:
        texts = [
            sdk.chat.completions.create(
                model="x",
                messages=[{"role": "user", "content": f'call calculate {{"operation": "divide", "a": 6, "b": {b}}}'}],
            )
            .choices[0]
            .message.content
            for b in (4, 0)
        ]

    assert texts[0] == "The tool returned: 1.5"
    assert texts[1] is not None and "Division by zero" in texts[1]


def test_its_endpoint_needs_no_model(live: Live) -> None:
    answer = httpx2.get(f"{live.url}/assistant/weather?city=Oslo", headers=live.headers())

    assert (answer.status_code, answer.json()["location"]) == (200, "Oslo")
    card = httpx2.get(f"{live.url}/assistant", headers=live.headers()).json()
    assert [tool["name"] for tool in card["tools"]] == ["weather", "calculate"]


async def test_outside_of_the_gateway_its_tools_say_why_they_do_not_work() -> None:
    result = await assistant.run("go", model=ScriptedModel(Call("weather", {"city": "Oslo"}), "So be it."))

    assert result.text == "So be it."
    assert "gateway only" in str(result.items)
