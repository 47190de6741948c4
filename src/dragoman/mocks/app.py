"""The mock upstreams as one ASGI application: OpenAI, Anthropic, GitHub, weather, calculator, event stream and more.

    /v1/*  /v1beta/*  /openai/v1/*  /anthropic/v1/*  /gemini/v1beta/*  /only/{dialect}/v1/*    model providers
    /github/*  /weather/*  /calculator/*  /stream-test/*   the small services
    /api/oagw/v1/*                                   the same services by alias, as behind a gateway
    /echo[/*]  /status/{code}[/echo]  /oauth2/token  /echo-401-once  /ws/echo
    /health  /journal  /scenario  /reset-counters          the mock itself

A request is read, journalled, answered by a pure service, and carried out under a scenario. Scenarios
come, most specific first, from a path prefix `/scenario/{spec}/...`, the header `X-Mock-Scenario`, the
queue that `POST /scenario` fills, or the constructor. The faults of the most specific source count
alone; timing it leaves open is filled from the constructor's. It shares no code with the gateway: a
mock built from the parts it is to test would agree with their mistakes.
"""

import asyncio
import hmac
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from starlette.types import Receive, Scope, Send

from dragoman.mocks import calculator, echo, github, oauth, outbound, sockets, stream_test, weather
from dragoman.mocks.answer import Answer, openai_error, plain_error
from dragoman.mocks.control import PATHS, Control, ScenarioQueue
from dragoman.mocks.delivery import Delivery
from dragoman.mocks.faults import plan
from dragoman.mocks.journal import Journal
from dragoman.mocks.providers import PREFIXES, Providers, refusal
from dragoman.mocks.request import KEPT_BODY, Request, receive_request
from dragoman.mocks.scenario import Scenario, ScenarioError
from dragoman.mocks.stamps import Stamps
from dragoman.mocks.timing import PROFILES, Timing
from dragoman.ports import Clock

SCENARIO_HEADER: Final = "x-mock-scenario"
Service = Callable[[Request], Answer]
_AT_ONCE: Final = Scenario(timing=PROFILES["instant"])


class MockApp:
    """The ASGI application; one instance holds all state, and that of no other."""

    def __init__(
        self,
        *,
        scenario: Scenario,
        timing: Timing,
        token: str | None = None,
        stamps: Stamps | None = None,
        models: Sequence[str] = (),
    ) -> None:
        self.journal = Journal()
        self.queue = ScenarioQueue()
        self.active = 0
        """Requests being answered."""
        self.departed = 0
        """Clients that left before their answer, or their own request, was complete."""
        self._idle = asyncio.Event()
        self._scenario = scenario
        self._timing = scenario.timing.over(timing)
        self._token = token
        self._stamps = stamps or Stamps()
        self._oauth = oauth.OAuth()
        self._control = Control(self.journal, self.queue, self._reset)
        self._providers = Providers(self._stamps, models)
        self._services: Mapping[str, Service] = {
            "github": github.answer,
            "weather": weather.answer,
            "calculator": calculator.answer,
            "stream-test": stream_test.answer,
            "echo": echo.answer,
            "status": echo.status,
            "oauth2": self._oauth.answer,
            "echo-401-once": self._oauth.echo_once,
        }
        providers = dict.fromkeys(("openai", "anthropic"), self._providers.answer)
        self._outbound = outbound.Outbound({**providers, **self._services}, token)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            return await _lifespan(receive, send)
        if scope["type"] not in ("http", "websocket"):
            raise ValueError(f"the mock speaks HTTP and WebSocket, not {scope['type']!r}")
        self.active += 1
        try:
            if scope["type"] == "websocket":
                await self._converse(scope, receive, send)
            else:
                await self._exchange(scope, receive, send)
        finally:
            self.active -= 1
            if not self.active:
                self._idle.set()

    async def idle(self) -> None:
        """Returns once no request is being answered."""
        while self.active:
            self._idle.clear()
            await self._idle.wait()

    def _reset(self) -> None:
        self._stamps.reset()
        self._oauth.reset()
        self._providers.reset()

    async def _exchange(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = await receive_request(scope, receive)
        if not request.complete:
            self.journal.record(request)
            self.departed += 1
            return
        answer, scenario = self._decide(request)
        timing = scenario.timing.over(self._timing)
        schedule = timing.schedule(getattr(answer, "pace", 0.0), self.journal.received)
        delivery = Delivery(scope, receive, outbound.marked(request, send))
        await delivery.run(plan(answer, scenario, schedule))
        self.departed += delivery.departed

    async def _converse(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = sockets.read(scope)
        self.journal.record(request)
        if self._token is not None and not _authorized(request, self._token):
            await send({"type": "websocket.close"})
            return
        await sockets.answer(request, scope, receive, send)

    def _decide(self, request: Request) -> tuple[Answer, Scenario]:
        """The answer and the scenario it goes out under; records the request unless it is for the mock itself."""
        try:
            request, scenario = _prefixed(request)
            if scenario is None and _controls(request):
                return self._control.answer(request), _AT_ONCE
            if scenario is None:
                scenario = self._chosen(request)
        except ScenarioError as error:
            self.journal.record(request)
            return openai_error(400, f"{error}.", code="invalid_scenario"), _AT_ONCE
        self.journal.record(request, scenario.spec)
        return self._answer(request), scenario

    def _chosen(self, request: Request) -> Scenario:
        if spec := request.header(SCENARIO_HEADER):
            return Scenario.parse(spec)
        return self.queue.take() or self._scenario

    def _answer(self, request: Request) -> Answer:
        name = request.rest[0]
        if _controls(request):
            return self._control.answer(request)
        if outbound.concerns(request):
            return self._outbound.answer(request)
        if name not in self._services and name not in PREFIXES:
            return plain_error(404, "Not found")
        if request.oversized and name != "echo":
            return refusal(request, 413, f"The body has more than {KEPT_BODY} bytes.", "payload_too_large")
        if self._token is not None and name != "oauth2" and not _authorized(request, self._token):
            return refusal(request, 401, "Incorrect API key provided.", "invalid_api_key")
        if name in PREFIXES:
            return self._providers.answer(request)
        return self._services[name](request.below(1))


def app(
    *,
    default_scenario: str = "",
    token: str | None = None,
    timing: Timing | str = "",
    clock: Clock | None = None,
    seed: int = 0,
    models: Sequence[str] = (),
) -> MockApp:
    """A mock application; raises `ScenarioError` for a spec it does not know.

    `timing` is a `Timing`, a profile (`instant`, `fast`, `typical`, `reasoning`, `overloaded`) or items
    such as `ttft:300,tps:60`; without it streams go at the services' own pace. Without `clock` every
    `created` is the same; `seed` varies the ids. `models` are further names that models answer to, `*` any.
    """
    scenario = Scenario.parse(default_scenario)
    return MockApp(
        scenario=scenario,
        timing=_pure_timing(timing).over(Timing(seed=seed)),
        token=token,
        stamps=Stamps(seed, clock),
        models=models,
    )


def _pure_timing(timing: Timing | str) -> Timing:
    if isinstance(timing, Timing):
        return timing
    scenario = Scenario.parse(timing)
    if not scenario.usual:
        raise ScenarioError(f"{timing!r} is more than a timing; pass it as default_scenario")
    return scenario.timing


def _prefixed(request: Request) -> tuple[Request, Scenario | None]:
    """Takes `/scenario/{spec}` off the path. The spec is percent-decoded once, so a URL in it can be escaped."""
    if request.rest[0] != "scenario" or len(request.rest) < 3:
        return request, None
    return request.below(2), Scenario.parse(request.rest[1])


def _controls(request: Request) -> bool:
    return len(request.rest) == 1 and request.rest[0] in PATHS


def _authorized(request: Request, token: str) -> bool:
    scheme, _, bearer = request.header("authorization").partition(" ")
    given = (
        bearer.strip()
        if scheme.lower() == "bearer"
        else request.header("x-api-key") or request.header("x-goog-api-key")
    )
    return hmac.compare_digest(given.encode("utf-8", "replace"), token.encode())


async def _lifespan(receive: Receive, send: Send) -> None:
    while (message := await receive())["type"] != "lifespan.shutdown":
        await send({"type": f"{message['type']}.complete"})
    await send({"type": "lifespan.shutdown.complete"})
