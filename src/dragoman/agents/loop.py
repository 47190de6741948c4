"""One run of an agent: ask the model, run the tools it calls, ask again, until it says its last word.

There is one loop, an asynchronous generator of events; whoever wants only the result folds it. All that changes
belongs to the `Run`, so that one agent may be in any number of runs at once.

    the model answers with              the run
    ----------------------------------  -------------------------------------------------------------------
    no call                             ends
    calls of the agent's own tools      runs them at the same time, in any order; their results are told in
                                        the order of the calls, and the model is asked again
    calls of the caller's tools         ends; the caller is to answer them
    both                                `mixed = "run"`: runs its own, keeps their results in the history,
                                        and ends with the caller's
                                        `mixed = "defer"`: runs nothing, forgets its own, and ends with the
                                        caller's; for callers whose history has only what they were told
    a call of a tool that nobody has    tells the model so
    a handoff                           goes on as the other agent, with the same history
"""

import asyncio
import logging
import secrets
import time
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal

from msgspec.structs import replace
from pydantic import ValidationError

from dragoman import errors
from dragoman.agents import hooks, result
from dragoman.agents.abilities import Abilities, Handover
from dragoman.agents.clock import now
from dragoman.agents.context import Context
from dragoman.agents.errors import AgentError, LimitReached, ModelError, OutputError, Vetoed
from dragoman.agents.events import (
    Ended,
    HandedOff,
    ModelAnswered,
    ModelAsked,
    Piece,
    RunEvent,
    Started,
    ToolFinished,
    ToolStarted,
)
from dragoman.agents.model import Model
from dragoman.agents.output import of as output_type
from dragoman.agents.scopes import holds
from dragoman.agents.steps import Steps
from dragoman.agents.tools import Outcome, error_json
from dragoman.agents.tools import Tool as OwnTool
from dragoman.agents.usage import Limits, Record, RunUsage, cost_of
from dragoman.dialects.folding import fold
from dragoman.errors import GatewayError
from dragoman.ports import Access, Journal
from dragoman.turn import (
    Answer,
    CallClosed,
    CallDelta,
    CallOpened,
    Event,
    Failed,
    Message,
    Opened,
    Stop,
    Stopped,
    Text,
    TextDelta,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
    Turn,
    Usage,
    Used,
)

if TYPE_CHECKING:
    from dragoman.agents.agent import Agent

FINISHING: Final = 5.0
"""Seconds that the hooks of `run_end` have, so that a run that is cancelled ends."""
Mixed = Literal["run", "defer"]
_log: Final = logging.getLogger("dragoman.agents")


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a run is asked for, and by whom."""

    turn: Turn
    """The conversation and how it is to be answered; its tools are the caller's own."""
    limits: Limits
    scopes: tuple[str, ...] = ()
    deps: Any = None
    output: Any = None
    """The type of the answer; None for text."""
    mixed: Mixed = "run"
    access: Access | None = field(default=None, repr=False)
    journal: Journal | None = field(default=None, repr=False)
    """Where a run that may be begun anew notes what it has finished."""
    model: Model | None = None
    """Instead of the agent's own, and of whoever it hands over to."""


class Run:
    """One run; `events` may be iterated once."""

    def __init__(self, agent: "Agent", asked: Asked) -> None:
        self.id = f"run_{secrets.token_hex(12)}"
        self.began = now()
        self._asked = asked
        form = asked.turn.format
        # A caller that says itself what the answer must be is answered so.
        self._kind = output_type(asked.output) if asked.output is not None and form is None else None
        held = holds(asked.scopes)
        self.usage = RunUsage()
        self.context = Context(
            self.id, agent.name, held, self.usage, asked.deps, access=asked.access, history=lambda: self._items
        )
        self._items = asked.turn.items
        self._done = Steps(asked.journal)
        self._external = _offered(asked.turn)
        self._until: float | None = None
        self._number = 0
        self._retries = 0
        self._said: list[str] = []
        """What the model has said of an answer that is not whole yet."""
        self._answer: Answer | None = None
        self._calls: tuple[ToolCall, ...] = ()
        self._output: Any = None
        self._switch(agent)

    def _switch(self, agent: "Agent") -> None:
        self._agent = agent
        self.context.agent = agent.name
        self._abilities: Abilities = agent.abilities(self.context.scopes)

    def result(self) -> result.Result:
        """What there is of it."""
        given = {item.call_id for item in self._items if isinstance(item, ToolResult)}
        given |= {call.call_id for call in self._calls}
        items = tuple(item for item in self._items if not isinstance(item, ToolCall) or item.call_id in given)
        answer = self._answer
        return result.Result(
            run_id=self.id, agent=self._agent.name, calls=self._calls, items=items, usage=self.usage,
            text="".join(self._said) if answer is None else result.said(answer.items), output=self._output,
            stop=Stop.LENGTH if answer is None else Stop.TOOL_CALLS if self._calls else answer.stop,
        )  # fmt: skip

    async def events(self) -> AsyncGenerator[RunEvent, None]:
        """Raises `AgentError` or what a hook or the model raised, after the hooks of `error` and `run_end`."""
        first = self._abilities
        outcome: hooks.Outcome = "cancelled"
        if self._asked.limits.seconds is not None:
            self._until = asyncio.get_running_loop().time() + self._asked.limits.seconds
        try:
            yield Started(self.id, self._agent.name)
            async with aclosing(self._steps()) as steps:
                async for event in steps:
                    yield event
            outcome = "completed"
        except LimitReached:
            outcome = "limit"
            raise
        except Vetoed:
            outcome = "vetoed"
            raise
        except Exception as error:  # the outermost of a run: its hooks hear of whatever it is, and so does its caller
            outcome = "failed"
            await self._abilities.hooks.fire(hooks.Errored(self.context, error=error))
            raise
        finally:
            await self._finish(first, outcome)
        yield Ended(self.result())

    async def _finish(self, abilities: Abilities, outcome: hooks.Outcome) -> None:
        """The hooks of `run_end`. What they raise is not to hide why a run did not complete."""
        try:
            async with asyncio.timeout(FINISHING):
                await abilities.hooks.fire(hooks.RunEnd(self.context, outcome=outcome, result=self.result()))
        except Exception:  # of a hook, whose author's code may raise anything
            if outcome == "completed":
                raise
            _log.exception("hook failed", extra={"event": "run_end", "run_id": self.id})

    async def _steps(self) -> AsyncGenerator[RunEvent, None]:
        start = hooks.RunStart(self.context, items=self._items)
        await self._ask(start)
        self._items = start.items
        while True:
            async with aclosing(self._model()) as events:
                async for event in events:
                    yield event
            answer = self._answer
            assert answer is not None
            own = [item for item in answer.items if isinstance(item, ToolCall) and item.name not in self._external]
            self._calls = tuple(
                item for item in answer.items if isinstance(item, ToolCall) and item.name in self._external
            )
            if self._calls and self._asked.mixed == "defer":
                forgotten = {id(call) for call in own}
                answer, own = replace(answer, items=tuple(i for i in answer.items if id(i) not in forgotten)), []
                self._answer = answer
            self._items += answer.items
            yield ModelAnswered(self._agent.name, answer)
            if own:
                async with aclosing(self._tools(own)) as events:
                    async for event in events:
                        yield event
            if self._calls or not (own or self._ask_again(answer)):
                break
        await self._fire(hooks.Said(self.context, text=result.said(answer.items)))

    async def _model(self) -> AsyncGenerator[RunEvent, None]:
        """One call of the model; leaves its answer in `_answer`."""
        if (passed := self._asked.limits.passed(self.usage)) is not None:
            raise self._reached(*passed)
        model = self._asked.model or self._agent.model
        before = hooks.BeforeModel(self.context, turn=await self._turn(model))
        await self._ask(before)
        self._number += 1
        self._answer, self._said = None, []
        yield ModelAsked(self._agent.name, before.turn.model, self._number)
        events: list[Event] = []
        at, began = now(), time.monotonic()
        known = self._done.answer(self._number)
        answering = model.answer(before.turn, self.context) if known is None else _again(known)
        try:
            async with aclosing(answering):
                async for event in self._heard(answering, events):
                    yield event
            answer = _whole(events)
        finally:
            self._book(before.turn.model, events, at, time.monotonic() - began)
        self._check_cost(before.turn.model)
        if known is None:
            await self._done.answered(self._number, answer)
        after = hooks.AfterModel(self.context, answer=answer)
        await self._fire(after)
        self._answer = after.answer

    async def _heard(self, answering: AsyncGenerator[Event, None], events: list[Event]) -> AsyncIterator[Piece]:
        """The pieces that the caller is told, edited by hooks; `events` gets all there are."""
        theirs = False
        edited = self._abilities.hooks.heed(hooks.Chunk)
        while True:
            async with self._in_time():
                event = await anext(answering, None)
            if event is None:
                return
            if edited and not isinstance(event, (Opened, Used, Stopped, Failed)):
                chunk = hooks.Chunk(self.context, event=event)
                await self._fire(chunk)
                if (event := chunk.event) is None:
                    continue
            events.append(event)
            if isinstance(event, TextDelta):
                self._said.append(event.text)
            if isinstance(event, CallOpened):
                theirs = event.name in self._external
            if isinstance(event, (CallOpened, CallDelta, CallClosed)) and not theirs:
                continue
            if not isinstance(event, (Opened, Used, Stopped, Failed)):
                yield event

    async def _turn(self, model: Model) -> Turn:
        turn, agent, abilities = self._asked.turn, self._agent, self._abilities
        instructions = [agent.instructions] if agent.instructions else []
        instructions += await abilities.prompted(self.context)
        system = (Message("system", (Text("\n\n".join(instructions)),)),) if instructions else ()
        own = [tool.declaration for name, tool in abilities.tools.items() if name not in self._external]
        tools = (*own, *self._external.values())
        output = self._kind
        return replace(
            turn, model=agent.model_name or model.model, stream=True, items=(*system, *self._items), tools=tools,
            tool_choice=_choice(turn, first=not self._number) if tools else None,
            format=output.format if output is not None else turn.format,
            places=(), store=None, metadata=None,
        )  # fmt: skip

    def _ask_again(self, answer: Answer) -> bool:
        """Whether an answer without calls has to be put right. Raises `OutputError` when that was tried before."""
        output = self._kind
        if output is None:
            return False
        text = result.said(answer.items)
        try:
            self._output = output.parse(text)
        except ValidationError as error:
            if self._retries >= output.retries or answer.stop is not Stop.END:
                raise OutputError(f"The answer is no {output.name}: {output.faults(error)}", text) from None
            self._retries += 1
            self._items += (Message("user", (Text(output.complaint(error)),)),)
            return True
        return False

    async def _tools(self, calls: list[ToolCall]) -> AsyncGenerator[RunEvent, None]:
        """Runs the agent's own tools; their results go into the history in the order of the calls."""
        bound = self._asked.limits.tool_calls
        if bound is not None and self.usage.tool_calls + len(calls) > bound:
            raise self._reached("tool_calls", bound)
        for call in calls:
            yield ToolStarted(call.call_id, call.name, call.arguments)
        try:
            async with self._in_time(), asyncio.TaskGroup() as group:
                tasks = [group.create_task(self._tool(call)) for call in calls]
        except BaseExceptionGroup as failed:
            # Tools raise nothing, so that these are of hooks; the run ends as it does by a hook outside of a group.
            raise failed.exceptions[0] from None
        target: Agent | None = None
        for call, outcome in zip(calls, [task.result() for task in tasks], strict=True):
            if isinstance(outcome.value, Handover) and target is not None:
                outcome = Outcome(error_json("handoff", "Another agent has been handed over to already."), True)
            elif isinstance(outcome.value, Handover):
                target = outcome.value.target
            self._items += (ToolResult(call.call_id, (Text(outcome.output),), name=call.name),)
            yield ToolFinished(call.call_id, call.name, outcome.output, outcome.is_error, outcome.seconds)
        if target is not None:
            yield HandedOff(self._agent.name, target.name)
            await target.ready()
            self._switch(target)

    async def _tool(self, call: ToolCall) -> Outcome:
        abilities = self._abilities
        before = hooks.BeforeTool(self.context, call=call)
        await abilities.hooks.fire(before)
        if before.vetoed is not None:
            outcome = Outcome(error_json("vetoed", before.vetoed), True)
        elif before.output is not None:
            outcome = Outcome(before.output)
        else:
            outcome = await self._done_once(before.call)
        after = hooks.AfterTool(self.context, call=before.call, output=outcome.output, is_error=outcome.is_error)
        await abilities.hooks.fire(after)
        return Outcome(after.output, after.is_error, outcome.seconds, outcome.value)

    async def _done_once(self, call: ToolCall) -> Outcome:
        tool = self._abilities.tools.get(call.name)
        if tool is None:
            return Outcome(error_json("no_such_tool", f"There is no tool {call.name!r}."), True)
        if tool.hidden:
            return await self._perform(tool, call)  # a handoff does nothing but choose, and its choice is an object
        return await self._done.tool(self._number, call, lambda: self._perform(tool, call))

    async def _perform(self, tool: OwnTool, call: ToolCall) -> Outcome:
        at = now()
        outcome = await tool.call(call.arguments, self.context)
        self.usage.add(
            Record(
                type="tool", agent=self._agent.name, name=tool.name, at=at, seconds=outcome.seconds,
                cost_usd=tool.cost_usd, failed=outcome.is_error,
            )
        )  # fmt: skip
        return outcome

    def _book(self, model: str, events: list[Event], at: float, seconds: float) -> None:
        usage = next((event.usage for event in events if isinstance(event, Used)), None)
        cost = cost_of(usage, model, self._agent.prices)
        failed = not events or not isinstance(events[-1], Stopped)
        used = usage or Usage()
        self.usage.add(
            Record(
                type="llm", agent=self._agent.name, name=model, at=at, seconds=seconds, cost_usd=cost, failed=failed,
                reported=usage is not None, input_tokens=used.input_tokens, output_tokens=used.output_tokens,
                cached_tokens=used.cached_tokens, cache_write_tokens=used.cache_write_tokens,
                reasoning_tokens=used.reasoning_tokens,
            )
        )  # fmt: skip

    def _check_cost(self, model: str) -> None:
        if self._asked.limits.cost_usd is not None and self.usage.records[-1].cost_usd is None:
            message = f"nobody knows what {model!r} costs, and the run has a limit cost_usd; give Agent(prices=...)"
            raise AgentError(message)

    async def _fire(self, event: hooks.Happening) -> None:
        async with self._in_time():
            await self._abilities.hooks.fire(event)

    async def _ask(self, event: hooks.RunStart | hooks.BeforeModel) -> None:
        """Fires what may be vetoed. Raises `Vetoed`."""
        await self._fire(event)
        if event.vetoed is not None:
            raise Vetoed(event.vetoed)

    @asynccontextmanager
    async def _in_time(self) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout_at(self._until) as deadline:
                yield
        except TimeoutError:
            if not deadline.expired():
                raise
            raise self._reached("seconds", self._asked.limits.seconds or 0.0) from None

    def _reached(self, limit: str, bound: float) -> LimitReached:
        return LimitReached(limit, bound, self.result())


async def _again(events: list[Event]) -> AsyncGenerator[Event, None]:
    for event in events:
        yield event


def _whole(events: list[Event]) -> Answer:
    for event in events:
        if isinstance(event, Failed):
            raise ModelError(errors.STREAM_ABORTED, f"The model reported: {event.message}", code=event.code)
    try:
        return fold(events)
    except GatewayError as error:
        raise ModelError(error.kind, error.message) from None


def _offered(turn: Turn) -> dict[str, Tool]:
    """The caller's tools that the caller's choice lets the model call."""
    choice = turn.tool_choice
    if choice is not None and choice.mode == "none":
        return {}
    allowed = choice.names if choice is not None and choice.mode == "allowed" else None
    return {tool.name: tool for tool in turn.tools if allowed is None or tool.name in allowed}


def _choice(turn: Turn, *, first: bool) -> ToolChoice | None:
    """The caller's choice, which is of the caller's tools, for the first call of the model: at every call it would
    never come to an end."""
    choice = turn.tool_choice
    if choice is None or not first or choice.mode in ("none", "auto"):
        return None
    if choice.mode == "allowed":
        return ToolChoice("required") if choice.required else None
    return choice
