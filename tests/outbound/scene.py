"""The gateways at which every error can be provoked: one that is well, and one that lacks what it needs."""

from collections.abc import AsyncGenerator, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import httpx2

from dragoman import errors
from dragoman.errors import GatewayError
from dragoman.gateway.connection import ConnectionLimits
from dragoman.ports import Asked
from dragoman.turn import Event, Opened, Turn
from tests.outbound.acme import installing
from tests.outbound.api import Api
from tests.outbound.door import Door, door
from tests.outbound.faults import Faulty, deaf
from tests.support.agents import EchoAgent, heard
from tests.support.live import Live, running

PROXY = "/api/oagw/v1/proxy"
PAGE = "https://app.example.com"
HEAD_TIMEOUT = 0.5


class FailingAgent(EchoAgent):
    """An agent that fails as it is told: with an error of ours by its code, or with one of its own."""

    name = "failing"

    async def answer(self, turn: Turn, asked: Asked) -> AsyncGenerator[Event, None]:
        yield Opened("run_1", 1_700_000_000, self.name)
        kind = getattr(errors, heard(turn).upper(), None)
        if kind is None:
            raise ValueError("a secret of the agent's author")
        raise GatewayError(kind, "The agent was told to fail.")


@dataclass(frozen=True)
class Scene:
    live: Live
    unwell: Live
    """Its counters are away, it takes one call at a time, it waits for nobody, and it is about to stop."""
    api: Api
    door: Door
    """An upstream that holds its callers, at the alias `narrow` and behind others."""

    def call(self, path: str, method: str = "GET", *, live: Live | None = None, **options: Any) -> httpx2.Response:
        """A call by alias, with a key unless its headers are None or those of a browser's preflight."""
        return self.ask(f"{PROXY}{path}", method, live=live, **options)

    def ask(self, path: str, method: str = "GET", *, live: Live | None = None, **options: Any) -> httpx2.Response:
        live = live or self.live
        headers = options.pop("headers", {})
        if headers is not None and "Access-Control-Request-Method" not in headers:
            headers = {**live.headers(), **headers}
        return httpx2.request(method, f"{live.url}{path}", headers=headers, timeout=20, **options)

    def model(
        self, model: str, said: str = "hello", *, path: str = "/v1/chat/completions", **more: Any
    ) -> httpx2.Response:
        """A model call."""
        messages = {"input": said} if path == "/v1/responses" else {"messages": [{"role": "user", "content": said}]}
        return self.ask(path, "POST", json={"model": model, **messages, **more})

    def raw(
        self, fields: str, *, live: Live | None = None, start: str = f"POST {PROXY}/echo/x HTTP/1.1"
    ) -> httpx2.Response:
        """What comes of a head that no well-behaved client sends; it ends where `fields` do."""
        live = live or self.live
        received = live.raw(f"{start}\r\nHost: x\r\nAuthorization: Bearer {live.key}\r\n{fields}".encode())
        head, _, body = received.partition(b"\r\n\r\n")
        status, *lines = head.decode().split("\r\n")
        request = httpx2.Request("POST", live.url + start.split(" ")[1])
        headers = dict(line.split(": ", 1) for line in lines)
        return httpx2.Response(int(status.split()[1]), headers=headers, content=body, request=request)

    @contextmanager
    def held(self, path: str, *, live: Live | None = None) -> Iterator[None]:
        """While this lasts a call is under way that has begun to be answered."""
        live = live or self.live
        with httpx2.stream("GET", f"{live.url}{PROXY}{path}", headers=live.headers(), timeout=20) as answer:
            assert answer.status_code == 200
            yield


def change(values: dict[str, Any], mock_url: str, *, state: Path, faulty: Faulty, full: int, door: Door) -> None:
    values["server"] |= {"body_timeout": 0.2, "websocket_lifetime": 0.3}
    values["outbound"] = {"allow_cidrs": ["127.0.0.1/32"]}
    echo = f"{mock_url}/echo"
    short = {"connect": 0.2, "first_byte": 0.2, "idle": 0.2}
    oauth = {
        "type": "oauth2", "token_endpoint": f"{mock_url}/status/401", "client_id_ref": "env:ID",
        "client_secret_ref": f"file:{state}/secret",
    }  # fmt: skip
    routes = [{"match": {"methods": ["GET"], "path": "/one", "suffix": "disabled", "query_allowlist": ["a"]}}]
    pair = [{"scheme": "http", "host": f"{name}.pair.localhost", "port": 1} for name in ("a", "b")]
    says = {"id": "acme_answers"}
    fails = {"id": "acme_faulty", "config": {"word": "raises"}}
    values["aliases"] = {
        "echo": {"base_url": echo, "max_body": 10},
        "off": {"base_url": echo, "enabled": False},
        "routed": {"base_url": echo, "routes": routes},
        "paged": {"base_url": echo, "cors": {"enabled": True, "origins": [PAGE], "methods": ["GET"]}},
        "denied": {"base_url": echo, "auth": oauth},
        "lost": {"base_url": echo, "auth": {**oauth, "client_secret_ref": f"file:{state}/lost"}},
        "inside": {"base_url": f"http://localhost:{faulty.port}", "network": "public"},
        "faulty": {"base_url": f"http://127.0.0.1:{faulty.port}", "timeouts": short},
        "deaf": {"base_url": f"http://127.0.0.1:{full}", "timeouts": {"connect": 0.2}},
        "refusing": {"base_url": f"{mock_url}/status/503"},
        "gone": {"base_url": "http://127.0.0.1:1"},
        "tripped": {"base_url": "http://127.0.0.1:1", "breaker": {"failures": 1}},
        "pair": {"endpoints": pair},
        "pair.localhost": {"endpoints": pair},
        "limited": {"base_url": echo, "rate_limit": {"sustained": {"rate": 1, "window": "day"}}},
        "narrow": {"base_url": door.url, "concurrency": {"max": 1}},
        "impatient": {"base_url": door.url, "concurrency": {"max": 1, "max_queue": 9, "queue_timeout": 0.05}},
        "crowded": {"base_url": door.url, "concurrency": {"max": 1, "max_queue": 1, "queue_timeout": 20}},
        "talks": {"base_url": echo, "plugins": {"items": [says]}, "headers": {"request": {"passthrough": "all"}}},
        "broken": {"base_url": echo, "plugins": {"items": [fails]}},
    }  # fmt: skip
    values["models"]["anyone"] = "mock-messages/claude-sonnet-4-5"


@contextmanager
def scene(state: Path) -> Iterator[Scene]:
    """Both gateways and what they need; the well one has lost a permission and a plugin since it was set up."""
    for name in ("secret", "lost"):
        (state / name).write_text("s3cret")
    (state / "unwell").mkdir()
    with ExitStack() as stack:
        stack.enter_context(installing(state / "plugins"))
        prepare(state)
        parts: dict[str, Any] = {"state": state, "faulty": Faulty(stack), "full": deaf(stack)}
        parts["door"] = stack.enter_context(door())

        def ill(given: dict[str, Any], mock_url: str) -> None:
            change(given, mock_url, **parts)
            given["server"]["max_in_flight"] = 1
            given["store"]["counters"] = "redis://127.0.0.1:1/0"

        setup: dict[str, Any] = {"timing": "instant", "environ": {"ID": "me"}, "agents": [FailingAgent()]}
        limits = ConnectionLimits(head_timeout=HEAD_TIMEOUT)
        live = stack.enter_context(running(state, partial(change, **parts), **setup))
        unwell = stack.enter_context(running(state / "unwell", ill, limits=limits, **setup))
        api = Api(live)
        stack.enter_context(api.client)
        (state / "lost").unlink()
        stop_soon(unwell)
        yield Scene(live, unwell, api, parts["door"])


def prepare(state: Path) -> None:
    """Leaves upstreams in the store that can no longer be called: one without TLS, and one with a plugin."""

    def permit(values: dict[str, Any], mock_url: str) -> None:
        values["outbound"] = {"allow_cidrs": ["127.0.0.1/32"], "allow_http": True}

    with installing(state / "further", acme_leaving="tests.outbound.acme:Stamp"), running(state, permit) as live:
        api = Api(live)
        with api.client:
            api.upstream("unlinked")
            api.upstream("unplugged", plugins={"items": [{"id": "acme_leaving"}]})


def stop_soon(live: Live) -> None:
    """What a SIGTERM begins with."""

    async def work() -> None:
        live.gateway.begin_drain()

    live.run(work)
