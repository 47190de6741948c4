"""The models a caller may name: those of the configuration, and those its upstreams list.

Patterns and `direct` upstreams have no names of their own, so their upstreams are asked, at most once a
minute and never for longer than `DEADLINE`; an upstream that does not answer is left out.
"""

import asyncio
from typing import Final

import msgspec

from dragoman import errors
from dragoman.errors import GatewayError
from dragoman.gateway.runtime import Runtime
from dragoman.policy.keys import Key
from dragoman.policy.routing import Route
from dragoman.ports import Clock, Upstream, UpstreamRequest
from dragoman.wire.common import Model, ModelList

TTL: Final = 60.0
DEADLINE: Final = 5.0
MAX_LIST: Final = 8 * 1024 * 1024
_HEADERS: Final = [(b"accept", b"application/json"), (b"accept-encoding", b"identity"), (b"user-agent", b"dragoman")]


class _Entry(msgspec.Struct):
    id: str
    created: int = 0


class _List(msgspec.Struct):
    data: list[_Entry]


class Catalog:
    """Lists for one runtime; made anew with it."""

    def __init__(self, runtime: Runtime, clock: Clock) -> None:
        self._runtime = runtime
        self._clock = clock
        self._known: dict[str, tuple[float, list[_Entry]]] = {}
        self._lock = asyncio.Lock()

    async def models(self, key: Key) -> ModelList:
        """Every model that `key` may use, exact names first."""
        runtime = self._runtime
        found: dict[str, Model] = {}
        for name, route in runtime.routes.exact.items():
            found[name] = self._entry(name, 0, route.targets[0].upstream)
        for name in sorted(self._sources()):
            for entry in await self._entries(name):
                for public in self._public_names(name, entry.id):
                    found.setdefault(public, self._entry(public, entry.created, name))
        return ModelList([model for model in found.values() if self._may_use(key, model.id)])

    async def model(self, name: str, key: Key) -> Model:
        """One model. Raises `GatewayError` MODEL_NOT_FOUND or PERMISSION_DENIED."""
        target = self._runtime.routes.plan(name, key)[0]
        for entry in (await self._entries(target.upstream)) if name not in self._runtime.routes.exact else ():
            if entry.id == target.model:
                return self._entry(name, entry.created, target.upstream)
        if name not in self._runtime.routes.exact:
            raise GatewayError(errors.MODEL_NOT_FOUND, f"The model {name!r} does not exist.", param="model")
        return self._entry(name, 0, target.upstream)

    def _entry(self, name: str, created: int, upstream: str) -> Model:
        turns = self._runtime.turns.get(upstream)
        return Model(name, created, upstream, streaming=msgspec.UNSET if turns is None else turns.streaming)

    def _may_use(self, key: Key, name: str) -> bool:
        """By the rule that a call is held to: the name and what it stands for must both be permitted."""
        try:
            self._runtime.routes.plan(name, key)
        except GatewayError:
            return False
        return True

    def _sources(self) -> set[str]:
        routes = self._runtime.routes
        return set(routes.direct) | {route.targets[0].upstream for _, route in routes.globs}

    def _public_names(self, upstream: str, model: str) -> list[str]:
        routes = self._runtime.routes
        names = [f"{upstream}/{model}"] if upstream in routes.direct else []
        found: Route | None = routes.find(model)
        if found is not None and found.targets[0].upstream == upstream:
            names.insert(0, model)
        return names

    async def _entries(self, name: str) -> list[_Entry]:
        turns = self._runtime.turns.get(name)
        if turns is not None:
            return [_Entry(model) for model in turns.models()]
        async with self._lock:
            known = self._known.get(name)
            now = self._clock.monotonic()
            if known is None or now >= known[0]:
                stale = known[1] if known is not None else []
                known = (now + TTL, await _fetch(self._runtime.upstreams[name], stale))
                self._known[name] = known
            return known[1]


async def _fetch(upstream: Upstream, stale: list[_Entry]) -> list[_Entry]:
    try:
        async with asyncio.timeout(DEADLINE):
            reply = await upstream.open(UpstreamRequest("GET", "/models", list(_HEADERS)))
            try:
                parts: list[bytes] = []
                while part := await reply.read():
                    parts.append(part)
                    if sum(map(len, parts)) > MAX_LIST:
                        return stale
            finally:
                reply.close()
        return msgspec.json.decode(b"".join(parts), type=_List).data if reply.status == 200 else stale
    except (GatewayError, TimeoutError, msgspec.DecodeError):
        return stale
