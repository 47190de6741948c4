"""Calls under an agent's own name: `/{agent}/...`.

Its model surfaces are those of `/v1`, with the model a matter of the path. Beside them it has a card, and the
endpoints it brings along.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

import msgspec

from dragoman import errors
from dragoman.config import model_of
from dragoman.dialects.chat.dialect import CHAT
from dragoman.dialects.responses.dialect import RESPONSES_DIALECT
from dragoman.errors import GatewayError
from dragoman.gateway.admission import Permit
from dragoman.gateway.booking import Booking
from dragoman.gateway.call import Call
from dragoman.gateway.hosted import Hosted
from dragoman.gateway.routes import POST, Entry
from dragoman.gateway.runtime import Runtime, Services
from dragoman.policy.headers import CALLER_CREDENTIALS
from dragoman.policy.keys import Key
from dragoman.ports import Asked, Endpoint, EndpointCall

ERRORS_LIKE: Final = "/v1/agents"
"""Whose form its errors have: OpenAI's."""
_CREDENTIALS: Final = CALLER_CREDENTIALS | {b"x-dragoman-key"}
_DIALECTS: Final = {dialect.path: dialect for dialect in (CHAT, RESPONSES_DIALECT)}


ROWS: Final = (
    *((f"/{{agent}}{path}", "POST", dialect.name) for path, dialect in _DIALECTS.items()),
    *((f"/{{agent}}{path}", "GET, HEAD", "agent") for path in ("", "/health", "/capabilities")),
    ("/{agent}/...", "any", "agent"),
)
"""Path, methods and who answers, for the reference."""


class ToolView(msgspec.Struct, frozen=True):
    name: str
    description: str


class EndpointView(msgspec.Struct, frozen=True):
    method: str
    path: str
    description: str = ""


class CardView(msgspec.Struct, frozen=True):
    """An agent as `GET /{agent}` tells of it."""

    name: str
    model: str
    description: str
    tools: tuple[ToolView, ...]
    capabilities: tuple[str, ...]
    endpoints: tuple[EndpointView, ...]


def entry_of(path: bytes, agents: Mapping[str, Hosted]) -> Entry | None:
    """What a path below an agent's name is for; None for any other path."""
    name, slash, below = path[1:].decode("latin-1").partition("/")
    if name not in agents:
        return None
    dialect = _DIALECTS.get(slash + below)
    if dialect is not None:
        return Entry("exchange", POST, dialect, agent=name)
    return Entry("agent", None, agent=name)


class Visit:
    """One call that is no model call. `run` is the whole of it."""

    def __init__(self, call: Call, name: str, runtime: Runtime, services: Services) -> None:
        self._call = call
        self._name = name
        self._hosted = runtime.agents[name]
        self._runtime = runtime
        self._services = services
        self.booking = Booking(services, call, "agent")

    async def run(self) -> None:
        """Raises `GatewayError`; the booking is settled by whoever runs this."""
        call, model = self._call, model_of(self._name)
        key = await self._services.keyring.of(call)
        self.booking.identify(key, model)
        if not key.permits_model(model):
            raise GatewayError(errors.PERMISSION_DENIED, f"This key may not use the agent {self._name!r}.")
        path = call.path.decode("latin-1")[len(self._name) + 1 :]
        if path in ("", "/", "/health", "/capabilities"):
            if call.method not in ("GET", "HEAD"):
                raise _not_for(call, ("GET", "HEAD"))
            await call.answer_json(self._told(path))
        else:
            await self._ask(key, model, self._endpoint(path))

    def _told(self, path: str) -> object:
        card = self._hosted.agent.card
        if path == "/health":
            return {"status": "ok", "agent": self._name}
        if path == "/capabilities":
            return {"agent": self._name, "capabilities": card.capabilities}
        at = f"/{self._name}"
        surfaces = [EndpointView("POST", at + path) for path in _DIALECTS]
        own = [EndpointView(one.method, at + one.path, one.description) for one in card.endpoints]
        return CardView(
            self._name,
            model_of(self._name),
            card.description,
            tuple(ToolView(tool.name, tool.description) for tool in card.tools),
            card.capabilities,
            (*surfaces, *own),
        )

    def _endpoint(self, path: str) -> Endpoint:
        here = [one for one in self._hosted.agent.card.endpoints if one.path == path]
        for endpoint in here:
            if endpoint.method == self._call.method:
                return endpoint
        if here:
            raise _not_for(self._call, tuple(one.method for one in here))
        raise GatewayError(errors.NOT_FOUND, f"The agent {self._name!r} has no {path!r}.")

    async def _ask(self, key: Key, model: str, endpoint: Endpoint) -> None:
        """The call to an endpoint, from its limits on."""
        call, server = self._call, self._runtime.config.server
        body = await call.read(server.max_body, server.body_timeout)
        await self.booking.reserve("model", model)
        bounds = self._runtime.bounds.get(model, ())
        with Permit(self._services.admission, call, key, self._runtime.trusted_proxies) as permit:
            await call.watch.guard(permit.gain(bounds))
            call.watch.total(self._hosted.timeouts.total)
            call.watch.phase(errors.REQUEST_TIMEOUT, self._hosted.timeouts.first_byte)
            asked = Asked(key.id, call.id, call.request_id, admin=key.admin)
            with self._hosted.opening(asked) as access:
                headers = tuple(item for item in call.headers if item[0] not in _CREDENTIALS)
                question = EndpointCall(
                    call.method, endpoint.path, call.query, headers, body, replace(asked, access=access)
                )
                answer = await call.watch.guard(endpoint.answer(question))
        await call.answer(
            answer.status, [(b"content-type", answer.content_type.encode("latin-1"))], answer.body, source="upstream"
        )


def _not_for(call: Call, methods: tuple[str, ...]) -> GatewayError:
    headers = {"Allow": ", ".join(methods)}
    return GatewayError(errors.METHOD_NOT_ALLOWED, f"{call.method} is not for this path.", headers=headers)
