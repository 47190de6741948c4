"""Each dialect over upstreams of each, buffered and streamed: the same conversation, whoever speaks what.

The tests are named `[caller-over-upstream-mode]`; nine crossings, eighteen ways.
"""

import base64
import json
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from itertools import product
from typing import Any

import pydantic
import pytest

from dragoman.mocks import messages_history, responses_request
from dragoman.mocks.brain import REASONING, REFUSAL
from dragoman.mocks.response_object import SUMMARY
from dragoman.mocks.seal import opened
from tests.e2e.callers import Caller, Callers, Tool, Wish
from tests.support.live import Live, running

DIALECTS = ("chat", "responses", "messages")
UPSTREAMS = {
    "chat": "mock-chat/gpt-4", "responses": "mock-responses/gpt-4", "messages": "mock-messages/claude-sonnet-4-5",
}  # fmt: skip
THINKERS = UPSTREAMS | {"chat": "open/deepseek-reasoner"}
"""Models that show what they think; OpenAI's do not in Chat Completions."""


def text(*names: str) -> dict[str, Any]:
    properties = {name: {"type": "string"} for name in names}
    return {"type": "object", "properties": properties, "required": list(names), "additionalProperties": False}


WEATHER, CLOCK = Tool("get_weather", text("city")), Tool("clock", text("zone", "format"))
BOTH = 'call clock {"zone": "UTC", "format": "24h"}\ncall get_weather {"city": "Oslo"}'
PIXEL = base64.b64encode(bytes(range(256))).decode()


class City(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra="forbid")
    name: str
    inhabitants: int
    twins: list[str]


def open_model(values: dict[str, Any], mock_url: str) -> None:
    values["upstreams"]["open"] = {"base_url": f"{mock_url}/v1", "profile": "deepseek", "direct": True}


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with running(tmp_path_factory.mktemp("crossings"), open_model, timing="instant") as live:
        yield live


@dataclass(frozen=True)
class Crossing:
    """Who speaks to whom, and how."""

    front: str
    back: str
    streams: bool

    def __str__(self) -> str:
        return f"{self.front}-over-{self.back}-{'streamed' if self.streams else 'buffered'}"

    @property
    def thought(self) -> str:
        """What this caller gets to read: of OpenAI's models a summary, and that only where it can ask for one."""
        if self.back != "responses":
            return REASONING
        return "" if self.front == "chat" else SUMMARY

    @property
    def loses_seals(self) -> bool:
        """Chat has no place for a seal, so its callers cannot give back what they would have to."""
        return self.front == "chat" != self.back

    def gives_back(self, body: Any) -> str:
        """The thought that a request has in it, in the upstream's own form, unsealed."""
        match self.back:
            case "chat":
                return "".join(message.get("reasoning_content", "") for message in body["messages"])
            case "responses":
                items = [item for item in body["input"] if item.get("type") == "reasoning"]
                return "".join(opened(item["encrypted_content"], responses_request.SEAL) or "" for item in items)
            case _:
                blocks = [block for message in body["messages"] for block in message["content"]]
                thoughts = [block for block in blocks if isinstance(block, dict) and block["type"] == "thinking"]
                assert all(block["thinking"] == REASONING for block in thoughts)
                return "".join(opened(block["signature"], messages_history.SEAL) or "" for block in thoughts)

    def caller(self, callers: Callers, models: Mapping[str, str] = UPSTREAMS) -> Caller:
        return callers.caller(self.front, models[self.back], streams=self.streams)


CROSSINGS = [Crossing(*one) for one in product(DIALECTS, DIALECTS, (False, True))]
EVERY = pytest.mark.parametrize("crossing", CROSSINGS, ids=str)


@pytest.fixture(scope="module")
def callers(live: Live) -> Iterator[Callers]:
    with closing(Callers(live.url, live.key)) as callers:
        yield callers


@EVERY
def test_parallel_tools_are_called_and_their_results_used(callers: Callers, crossing: Crossing) -> None:
    ours, wish = crossing.caller(callers), Wish(tools=(WEATHER, CLOCK))
    history = ours.opening(BOTH)
    first = ours.ask(history, wish)
    assert first.calls == (("clock", {"zone": "UTC", "format": "24h"}), ("get_weather", {"city": "Oslo"}))
    assert (first.text, first.stop) == ("", "tools")
    second = ours.ask(ours.further(history, first, ["noon", "sunny"]), wish)
    assert second.text.strip() == "The tool returned: noon | sunny"
    assert (second.calls, second.stop) == ((), "end")


@EVERY
def test_an_image_reaches_the_upstream_bytes_and_detail(live: Live, callers: Callers, crossing: Crossing) -> None:
    ours, before = crossing.caller(callers), live.received
    said = ours.ask(ours.opening("look", f"data:image/png;base64,{PIXEL}"))
    assert "look [1 image]" in said.text
    (entry,) = live.entries(before)
    parts = json.loads(entry.body)["input" if crossing.back == "responses" else "messages"][0]["content"]
    detail = "low" if crossing.front != "messages" else "auto"
    url = f"data:image/png;base64,{PIXEL}"
    match crossing.back:
        case "chat":
            given = {"url": url, "detail": detail}
            assert {"type": "image_url", "image_url": given} in parts
        case "responses":
            assert {"type": "input_image", "image_url": url, "detail": detail} in parts
        case _:
            source = {"type": "base64", "media_type": "image/png", "data": PIXEL}
            assert {"type": "image", "source": source} in parts


@EVERY
def test_structured_output_is_parsed(callers: Callers, crossing: Crossing) -> None:
    ours = crossing.caller(callers)
    said = ours.ask(ours.opening("a city"), Wish(form=City))
    assert isinstance(said.parsed, City)
    assert City.model_validate_json(said.text) == said.parsed


@EVERY
def test_a_refusal_is_one(callers: Callers, crossing: Crossing) -> None:
    ours = crossing.caller(callers)
    said = ours.ask(ours.opening("refuse this"))
    # Anthropic's models say what they say, and the refusal stands beside it: both are told.
    text = REFUSAL if crossing.back == "messages" != crossing.front else ""
    assert (said.stop, said.refusal, said.text) == ("refusal", REFUSAL, text)


@EVERY
def test_a_limit_ends_the_answer(callers: Callers, crossing: Crossing) -> None:
    ours = crossing.caller(callers)
    said = ours.ask(ours.opening("word " * 40), Wish(limit=16))
    assert said.stop == "length"
    assert len(said.text.split()) == said.tokens[1] == 16


@EVERY
def test_usage_is_told_and_booked(live: Live, callers: Callers, crossing: Crossing) -> None:
    ours = crossing.caller(callers)
    said = ours.ask(ours.opening("one two three"))
    assert said.tokens == (7, len(said.text.split()))
    (row,) = live.rows(1)
    assert row.state == "settled" and row.settlement is not None and row.settlement.usage is not None
    assert (row.settlement.usage.input_tokens, row.settlement.usage.output_tokens) == said.tokens


@EVERY
def test_reasoning_appears_and_goes_back_with_the_results(live: Live, callers: Callers, crossing: Crossing) -> None:
    ours, before = crossing.caller(callers, THINKERS), live.received
    history, wish = ours.opening(BOTH), Wish(tools=(WEATHER, CLOCK), effort="high")
    first = ours.ask(history, wish)
    assert len(first.calls) == 2
    assert first.reasoning == crossing.thought
    second = ours.ask(ours.further(history, first, ["noon", "sunny"]), wish)
    assert second.text.strip() == "The tool returned: noon | sunny"
    _, entry = live.entries(before)
    assert crossing.gives_back(json.loads(entry.body)) == ("" if crossing.loses_seals else REASONING)
