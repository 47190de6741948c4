"""An agent: a model, instructions, and what it can do; it holds no state of any run that goes on.

It is also what a gateway serves: `ports.Agent`.
"""

import asyncio
import inspect
import re
import weakref
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping
from contextlib import aclosing
from types import TracebackType
from typing import Any, Final, Literal, Self, overload

from dragoman import ports
from dragoman.agents import messages, schema, serving
from dragoman.agents.abilities import Abilities, Endpoint, Prompt, choosing, handoff
from dragoman.agents.answering import Chunks, completed
from dragoman.agents.errors import AgentError
from dragoman.agents.events import Ended, RunEvent
from dragoman.agents.hooks import Hook, Hooks, OnError, known
from dragoman.agents.kept import KeptSteps
from dragoman.agents.loop import Asked, Mixed, Run
from dragoman.agents.marks import F, HandoffMark, HookMark, HttpMark, Mark, PromptMark, ToolMark, marks
from dragoman.agents.messages import ChatMessage
from dragoman.agents.model import Model
from dragoman.agents.openai import OpenAISkill
from dragoman.agents.result import Result
from dragoman.agents.scopes import EVERYONE, Scope, permits
from dragoman.agents.skills import Skill
from dragoman.agents.tools import Tool, from_function
from dragoman.agents.usage import Limits, Price
from dragoman.ports import Card
from dragoman.turn import Event, Loss, Turn

LIMITS: Final = Limits()
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
Tools = Iterable[Callable[..., Any] | Tool]
HookMap = Mapping[str, Iterable[Callable[..., Any]]]


class Agent:
    """Make one, give it tools, and run it as often, and as often at once, as you like."""

    def __init__(
        self,
        name: str = "agent",
        instructions: str = "",
        *,
        model: str | Model | None = None,
        skills: Iterable[Skill] | Mapping[str, Skill] = (),
        tools: Tools = (),
        hooks: HookMap | None = None,
        handoffs: Iterable["Agent"] = (),
        mcp: Iterable[Skill] = (),
        output: Any = None,
        limits: Limits = LIMITS,
        prices: Mapping[str, Price] | None = None,
        deps: Any = None,
        durable: bool = False,
        scope: Scope = EVERYONE,
        description: str = "",
    ) -> None:
        """`model` is a name, asked for through the skill that reaches models, or something that answers turns.

        `skills` given by name keep that name. `output` is the type of every answer. `prices` are by model, for what
        its server does not tell; `deps` is what tools get where a run gives none. Where it is served, `scope` is
        asked of callers, and `description` is for them; `durable` lets runs in the background go on after a crash,
        without repeating a tool that was done.
        """
        if not _NAME.fullmatch(name):
            raise AgentError(f"an agent's name has letters, digits, '_', '.' and '-'; {name!r} is none")
        self.name = name
        self.instructions = instructions
        self.description = description
        self.limits = limits
        self.prices = dict(prices or {})
        self.scope = scope
        self.deps = deps
        self.durable = durable
        self.kept = KeptSteps()
        self.output = output
        self.model_name = model if isinstance(model, str) else ""
        self.provider: Model | None = None if isinstance(model, str) else model
        self.endpoints: list[Endpoint] = []
        self.skills: dict[str, Skill] = {}
        self._tools: dict[str, Tool] = {}
        self._hooks: list[Hook] = []
        self._prompts: list[Prompt] = []
        self._fresh: list[Skill] = []
        """Skills that have not been initialized, or were closed since."""
        self._locks: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Lock] = weakref.WeakKeyDictionary()
        named = list(skills.items()) if isinstance(skills, Mapping) else [(skill.name, skill) for skill in skills]
        for skill_name, skill in (*named, *((server.name, server) for server in mcp)):
            self.add_skill(skill, skill_name)
        for one in tools:
            self.add_tool(one)
        for event, functions in (hooks or {}).items():
            for function in functions:
                self.hook(event)(function)
        for target in handoffs:
            self.add_handoff(target)

    @property
    def model(self) -> Model:
        """What answers its turns: a skill of its own that reaches models, else OPENAI_BASE_URL."""
        if self.provider is None:
            self.provider = OpenAISkill()
        return self.provider

    # Giving it abilities.

    def add_tool(self, function: Callable[..., Any] | Tool, mark: ToolMark | None = None) -> None:
        """A function that the model may call, marked or not. Raises `AgentError` for a name that is taken."""
        if not isinstance(function, Tool):
            noted = next((one for one in marks(function) if isinstance(one, ToolMark)), None)
            function = from_function(function, mark or noted)
        if function.name in self._tools:
            raise AgentError(f"the agent {self.name!r} has a tool {function.name!r} already")
        self._tools[function.name] = function

    def set_tools(self, source: str, found: Iterable[Tool]) -> None:
        """All the tools of a skill that learns of them only when it begins; those that it had before are gone."""
        self._tools = {name: one for name, one in self._tools.items() if one.source != source}
        for one in found:
            self.add_tool(one)

    def add_handoff(self, target: "Agent", description: str = "") -> None:
        """An agent that the model may hand over to, by the tool `use_NAME`."""
        name = target.name.replace(".", "_")
        self.add_tool(handoff(name, lambda _: target, description or target.description))

    def add_skill(self, skill: Skill, name: str = "") -> None:
        """All that is marked in a skill; a skill that answers turns becomes the model, if there is none."""
        name = name or skill.name
        if name in self.skills:
            raise AgentError(f"the agent {self.name!r} has a skill {name!r} already")
        self.skills[name] = skill
        self._fresh.append(skill)
        if self.provider is None and isinstance(skill, Model):
            self.provider = skill
        for method, mark in skill.marked():
            self._register(method, mark, name)

    def remove_skill(self, name: str) -> Skill:
        """Takes back all that came with a skill; runs under way keep it."""
        skill = self.skills.pop(name)
        self._fresh = [one for one in self._fresh if one is not skill]
        self._tools = {key: one for key, one in self._tools.items() if one.source != name}
        self._hooks = [one for one in self._hooks if one.source != name]
        self._prompts = [one for one in self._prompts if one.source != name]
        self.endpoints = [one for one in self.endpoints if one.source != name]
        provider: object = self.provider
        if provider is skill:
            self.provider = None
        return skill

    def _register(self, function: Any, mark: Mark, source: str) -> None:
        match mark:
            case ToolMark():
                self.add_tool(from_function(function, mark, source))
            case HookMark():
                self._hooks.append(Hook(mark.event, function, mark.priority, mark.scope, mark.on_error, source))
            case PromptMark():
                self._prompts.append(Prompt(function, mark.priority, mark.scope, source))
            case HandoffMark():
                what = mark.description or (inspect.getdoc(function) or "")
                self.add_tool(handoff(mark.name, choosing(function), what, mark.scope, source))
            case HttpMark():
                signature = schema.read(function)
                self.endpoints.append(Endpoint(mark.path, mark.method, function, signature, mark.scope, source))

    def _registering(self, mark: Mark) -> Callable[[F], F]:
        def register(function: F) -> F:
            self._register(function, mark, "")
            return function

        return register

    @overload
    def tool(self, function: F, /) -> F: ...
    @overload
    def tool(
        self,
        function: None = None,
        /,
        *,
        name: str = "",
        description: str = "",
        scope: Scope = EVERYONE,
        timeout: float | None = None,
        cost_usd: float | None = None,
    ) -> Callable[[F], F]: ...
    def tool(self, function: F | None = None, /, **said: Any) -> F | Callable[[F], F]:
        """`@tool`, and given to this agent at once."""
        register: Callable[[F], F] = self._registering(ToolMark(**said))
        return register if function is None else register(function)

    def hook(
        self, event: str, *, priority: int = 50, scope: Scope = EVERYONE, on_error: OnError = "fail"
    ) -> Callable[[F], F]:
        """`@hook`, and given to this agent at once."""
        return self._registering(HookMark(known(event), priority, scope, on_error))

    @overload
    def prompt(self, function: F, /) -> F: ...
    @overload
    def prompt(self, function: None = None, /, *, priority: int = 50, scope: Scope = EVERYONE) -> Callable[[F], F]: ...
    def prompt(
        self, function: F | None = None, /, *, priority: int = 50, scope: Scope = EVERYONE
    ) -> F | Callable[[F], F]:
        """`@prompt`, and given to this agent at once."""
        register: Callable[[F], F] = self._registering(PromptMark(priority, scope))
        return register if function is None else register(function)

    def handoff(self, name: str = "", *, description: str = "", scope: Scope = EVERYONE) -> Callable[[F], F]:
        """`@handoff`, and given to this agent at once."""
        return lambda function: self._registering(HandoffMark(name or function.__name__, description, scope))(function)

    def http(
        self,
        path: str,
        method: Literal["get", "post", "put", "patch", "delete"] = "get",
        *,
        scope: Scope = EVERYONE,
    ) -> Callable[[F], F]:
        """`@http`, and given to this agent at once."""
        return self._registering(HttpMark("/" + path.strip("/"), method, scope))

    @property
    def tools(self) -> Mapping[str, Tool]:
        """Every tool it has, handoffs among them, whatever scope they ask for."""
        return dict(self._tools)

    def abilities(self, held: frozenset[str]) -> Abilities:
        """What it can do for a caller who holds these scopes."""
        prompts = sorted((one for one in self._prompts if permits(one.scope, held)), key=lambda one: one.priority)
        allowed = {name: one for name, one in self._tools.items() if permits(one.scope, held)}
        return Abilities(allowed, prompts, Hooks(self._hooks, held))

    # Beginning and ending.

    async def ready(self) -> None:
        """Initializes the skills that are not yet; each run does so by itself."""
        async with self._locks.setdefault(asyncio.get_running_loop(), asyncio.Lock()):
            while self._fresh:
                skill = self._fresh.pop(0)
                try:
                    waiting = skill.initialize(self)
                    if inspect.isawaitable(waiting):
                        await waiting
                except BaseException:  # a cancellation, too: the next run begins with this skill again
                    self._fresh.insert(0, skill)
                    raise

    async def close(self) -> None:
        """Ends what its skills hold open, connections for one; a later run begins anew."""
        closing: list[Any] = list(reversed(self.skills.values()))
        if isinstance(self.provider, OpenAISkill) and self.provider not in closing:
            closing.append(self.provider)
        for skill in closing:
            waiting = skill.close()
            if inspect.isawaitable(waiting):
                await waiting
        self._fresh = list(self.skills.values())

    async def __aenter__(self) -> Self:
        await self.ready()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    # Running it.

    async def events(self, asked: Asked) -> AsyncGenerator[RunEvent, None]:
        """The one way in which it runs; `run`, `stream` and those who serve it go through here."""
        await self.ready()
        async with aclosing(Run(self, asked).events()) as events:
            async for event in events:
                yield event

    async def stream(
        self,
        asked: messages.Asked,
        *,
        tools: Iterable[Mapping[str, Any]] = (),
        output: Any = None,
        limits: Limits | None = None,
        scopes: Iterable[str] = (),
        deps: Any = None,
        mixed: Mixed = "run",
        model: Model | None = None,
        **parameters: Any,
    ) -> AsyncGenerator[RunEvent, None]:
        """The events of a run, by a text, Chat messages or a `Turn`.

        `tools` are the caller's own, as Chat writes them, and `parameters` further members of a Chat request, such as
        `temperature`. `output`, `limits` and `model` stand in for the agent's; `mixed` is in the table of `loop`.
        Raises `LimitReached`, and other `AgentError`s.
        """
        request = Asked(
            turn=messages.parse(asked, tools, **parameters),
            limits=limits or self.limits,
            scopes=tuple(scopes),
            deps=self.deps if deps is None else deps,
            output=self.output if output is None else output,
            mixed=mixed,
            model=model,
        )
        async with aclosing(self.events(request)) as events:
            async for event in events:
                yield event

    async def run(self, asked: messages.Asked, **how: Any) -> Result:
        """Its answer, as `stream` gives it at the end; takes what `stream` takes."""
        async with aclosing(self.stream(asked, **how)) as events:
            async for event in events:
                if isinstance(event, Ended):
                    return event.result
        raise AssertionError("a run ends with its result or an error")

    def run_sync(self, asked: messages.Asked, **how: Any) -> Result:
        """`run`, where there is no event loop."""

        async def alone() -> Result:
            try:
                return await self.run(asked, **how)
            finally:
                await self.close()

        return asyncio.run(alone())

    async def completions(
        self, asked: messages.Asked, *, include_usage: bool = False, **how: Any
    ) -> AsyncGenerator[ChatMessage, None]:
        """Its answer as the chunks of a Chat stream, without the end marker; takes what `stream` takes.

        What it does itself is not among them; calls of the caller's own tools are.
        """
        chunks = Chunks(self.name, include_usage=include_usage)
        async with aclosing(self.stream(asked, **{"mixed": "defer", **how})) as events:
            async for event in events:
                for chunk in chunks.take(event):
                    yield chunk

    async def completion(self, asked: messages.Asked, **how: Any) -> ChatMessage:
        """Its answer as a Chat completion; takes what `stream` takes."""
        async with aclosing(self.stream(asked, **{"mixed": "defer", **how})) as events:
            return completed(self.name, [event async for event in events])

    # Being served; see `ports.Agent`.

    @property
    def card(self) -> Card:
        return serving.card(self)

    def inspect(self, turn: Turn) -> tuple[Loss, ...]:
        return serving.inspect(turn)

    async def answer(self, turn: Turn, asked: ports.Asked) -> AsyncGenerator[Event, None]:
        async with aclosing(serving.answer(self, turn, asked)) as events:
            async for event in events:
                yield event


BaseAgent = Agent
"""The name by which seed-style code knows it."""
