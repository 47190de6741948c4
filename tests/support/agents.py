"""Agents of a few lines, as an application might bring along."""

import asyncio
from collections.abc import AsyncGenerator

import httpx2
import openai

from dragoman import errors
from dragoman.client.in_process import AsyncInProcess
from dragoman.errors import GatewayError
from dragoman.ports import Access, Asked, Card, Endpoint, EndpointAnswer, EndpointCall, ShownTool
from dragoman.turn import (
    CallClosed,
    CallDelta,
    CallOpened,
    Event,
    Loss,
    Message,
    Opened,
    ReasoningDelta,
    Stop,
    Stopped,
    Text,
    TextDelta,
    ToolResult,
    Turn,
    Usage,
    Used,
)


class EchoAgent:
    """Says what its caller said last, word by word; a few words make it do something else."""

    name = "echo"
    durable = False
    card = Card("Says it again.")

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self.finished = 0
        self.closed = 0

    def inspect(self, turn: Turn) -> tuple[Loss, ...]:
        if turn.sampling.choices > 1:
            raise GatewayError(errors.UNSUPPORTED_PARAMETER, "An echo is one.", param="n")
        return () if turn.sampling.temperature is None else (Loss("temperature", "dropped", "an echo has none"),)

    async def answer(self, turn: Turn, asked: Asked) -> AsyncGenerator[Event, None]:
        self.asked.append(asked)
        said = heard(turn)
        try:
            yield Opened("run_1", 1_700_000_000, self.name)
            if said == "fail":
                raise GatewayError(errors.LINK_UNAVAILABLE, "The echo has gone.")
            if said == "break":
                raise ValueError("secret detail")
            if said == "wait":
                await asyncio.sleep(3600)
            if said == "call" and turn.tools:
                for event in called(turn):
                    yield event
                return
            yield ReasoningDelta("listening")
            for number, word in enumerate(said.split(" ")):
                yield TextDelta(f" {word}" if number else word)
                if word == "fall":
                    raise GatewayError(errors.LINK_UNAVAILABLE, "The echo fell.")
                if word == "vanish":
                    return
            yield Used(Usage(len(turn.items), 3, cost_usd=0.5))
            yield Stopped(Stop.END)
        finally:
            self.finished += 1

    async def close(self) -> None:
        self.closed += 1


class AskingAgent:
    """Makes calls of its own through the gateway, as its caller bids it: `ask MODEL WORDS`, or `METHOD PATH`."""

    name = "asker"
    durable = False
    card = Card()

    def __init__(self) -> None:
        self.asked: list[Asked] = []

    def inspect(self, turn: Turn) -> tuple[Loss, ...]:
        return ()

    async def answer(self, turn: Turn, asked: Asked) -> AsyncGenerator[Event, None]:
        self.asked.append(asked)
        assert asked.access is not None
        yield Opened("run_1", 1_700_000_000, self.name)
        verb, what, *rest = heard(turn).split(" ", 2)
        async with inside(asked.access) as http:
            if verb == "ask":
                async for word in told(http, asked.access, what, " ".join(rest)):
                    yield TextDelta(word)
            else:
                body = rest[0].encode() if rest else None
                reply = await http.request(verb, what, content=body, headers={"x-api-key": asked.access.credential})
                yield TextDelta(f"{reply.status_code} {reply.text}")
        yield Used(Usage(1, 1))
        yield Stopped(Stop.END)

    async def close(self) -> None:
        return


def inside(access: Access) -> httpx2.AsyncClient:
    return httpx2.AsyncClient(transport=AsyncInProcess(access.app), base_url=access.base_url.removesuffix("/v1"))


async def told(http: httpx2.AsyncClient, access: Access, model: str, words: str) -> AsyncGenerator[str, None]:
    """What a model answers, piece by piece; a refusal as an error of the agent's own."""
    client = openai.AsyncOpenAI(base_url=access.base_url, api_key=access.credential, http_client=http, max_retries=0)
    try:
        stream = await client.chat.completions.create(
            model=model, messages=[{"role": "user", "content": words}], stream=True
        )
        async for chunk in stream:
            if chunk.choices and chunk.choices[0].delta.content:
                yield chunk.choices[0].delta.content
    except openai.APIStatusError as error:
        yield f"{error.status_code} {error.code}"


def heard(turn: Turn) -> str:
    item = turn.items[-1]
    parts = item.parts if isinstance(item, (Message, ToolResult)) else ()
    return "".join(part.text for part in parts if isinstance(part, Text))


def called(turn: Turn) -> list[Event]:
    name = turn.tools[0].name
    return [
        CallOpened("call_1", name), CallDelta("{}"), CallClosed("{}"), Used(Usage(1, 1)), Stopped(Stop.TOOL_CALLS),
    ]  # fmt: skip


class ForecastAgent(EchoAgent):
    """Has endpoints of its own beside its model."""

    name = "forecaster"

    def __init__(self) -> None:
        super().__init__()
        self.visits: list[EndpointCall] = []
        self.card = Card(
            "Tells what it hears, and the weather.",
            (ShownTool("look_out", "Looks out of the window."),),
            ("echo", "weather"),
            (
                Endpoint("GET", "/forecast", self.forecast, "Tomorrow's weather."),
                Endpoint("POST", "/forecast", self.forecast),
                Endpoint("POST", "/ask", self.ask),
            ),
        )

    async def forecast(self, call: EndpointCall) -> EndpointAnswer:
        self.visits.append(call)
        if call.query == b"day=never":
            raise GatewayError(errors.INVALID_REQUEST, "No such day.", param="day")
        if call.query == b"day=doom" and not call.asked.admin:
            raise ValueError("secret detail")
        return EndpointAnswer(b"rain " + call.body, "text/plain", 203)

    async def ask(self, call: EndpointCall) -> EndpointAnswer:
        assert call.asked.access is not None
        async with inside(call.asked.access) as http:
            words = [word async for word in told(http, call.asked.access, "gpt-4", call.body.decode())]
        return EndpointAnswer("".join(words).encode(), "text/plain")


CONFIGURED = ForecastAgent()
"""For configurations to name."""
NO_AGENT = object()
