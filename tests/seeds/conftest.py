"""What the seeds' tests run against: any server, or a gateway with more behind it than the demo has.

`target` is the server that `make test-integration` brings, else the demo. `rich` has a relay before the mock, and
an upstream of canned bytes.
"""

import gzip
import os
import random
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx2
import openai
import pytest

from dragoman.agents import OpenAISkill
from tests.integration.figures import Figures
from tests.integration.plugin import Plugin
from tests.integration.target import Endpoint, Target
from tests.seeds.canned import Canned, response
from tests.seeds.openai_endpoint import OpenAIEndpoint, is_set, opened
from tests.seeds.relay import Relay
from tests.support.live import Live, running

RANDOM = random.Random(1).randbytes(1 << 20)
ZIPPED = gzip.compress(b"a text that repeats itself " * 1000, mtime=0)

_FORGED = response(
    b"said by an upstream",
    "Content-Type: text/plain",
    "X-Custom: kept",
    "X-OAGW-Error-Source: gateway",
    "X-OAGW-Anything: forged",
    "X-Dragoman-Loss: forged",
    "X-Request-ID: theirs",
    "X-RateLimit-Remaining: 9",
    "Set-Cookie: session=upstream",
    "Proxy-Authenticate: Basic",
    "Keep-Alive: timeout=5",
    "Trailer: x-sum",
    "Upgrade: h2c",
)


@pytest.fixture(scope="module")
def relay() -> Iterator[Relay]:
    bound = Relay()
    with bound.socket:
        yield bound


@pytest.fixture(scope="module")
def canned() -> Iterator[Canned]:
    bound = Canned(
        {
            "/random": response(RANDOM, "Content-Type: application/octet-stream", 'ETag: "one"'),
            "/zipped": response(ZIPPED, "Content-Type: text/plain", "Content-Encoding: gzip"),
            "/forged": _FORGED,
        }
    )
    with bound.socket:
        yield bound


@pytest.fixture(scope="module")
def rich(tmp_path_factory: pytest.TempPathFactory, relay: Relay, canned: Canned) -> Iterator[Live]:
    """The demo with the aliases `root`, `relayed`, `canned`, `dead` and `plain`, and the upstream `slow`."""

    def change(values: dict[str, Any], mock_url: str) -> None:
        values["upstreams"]["slow"] = {"base_url": f"{relay.url}/v1", "direct": True}
        everything = {"headers": {"request": {"passthrough": "all"}}}
        values["aliases"] |= {
            "root": {"base_url": mock_url, **everything},
            "relayed": {"base_url": relay.url, **everything},
            "canned": {"base_url": canned.url, **everything},
            "dead": {"base_url": "http://127.0.0.1:1"},
            "plain": {"base_url": mock_url},
        }

    with running(tmp_path_factory.mktemp("rich"), change, timing="instant") as gateway:
        gateway.run(lambda: relay.open(int(gateway.mock_url.rpartition(":")[2])))
        gateway.run(canned.open)
        yield gateway
        gateway.run(relay.close)
        gateway.run(canned.close)


def _plugin(config: pytest.Config) -> Plugin | None:
    return next((plugin for plugin in config.pluginmanager.get_plugins() if isinstance(plugin, Plugin)), None)


@pytest.fixture(scope="package")
def target(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    """The server that the runner brings, else the demo."""
    plugin = _plugin(pytestconfig)
    if plugin is not None:
        yield plugin.target
        return
    with running(tmp_path_factory.mktemp("target"), timing="instant") as live:
        gateway, direct = Endpoint(f"{live.url}/v1", live.key), Endpoint(f"{live.mock_url}/v1", "none")
        yield Target(gateway, direct, "gpt-4o-mini", "Say hi", samples=5)


@pytest.fixture(scope="package")
def figures(pytestconfig: pytest.Config) -> Figures:
    """Where a measurement goes; the runner prints it."""
    plugin = _plugin(pytestconfig)
    return plugin.figures if plugin is not None else Figures()


@pytest.fixture(scope="package")
def chat2response_client(target: Target) -> Iterator[openai.OpenAI]:
    """The official client, pointed at the server under test."""
    yield from _client(target.gateway)


@pytest.fixture(scope="package")
def openai_client(target: Target) -> Iterator[openai.OpenAI]:
    """The official client, pointed at the provider itself, for comparison."""
    assert target.direct is not None
    yield from _client(target.direct)


@pytest.fixture(scope="package")
def beside(target: Target) -> Iterator[openai.OpenAI | None]:
    """The provider itself, if it can be asked."""
    if target.direct is None:
        yield None
    else:
        yield from _client(target.direct)


def _client(endpoint: Endpoint) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(
        base_url=endpoint.base_url, api_key=endpoint.api_key, max_retries=0, timeout=60
    ) as client:  # fmt: skip
        yield client


@pytest.fixture(scope="package")
def wire(target: Target) -> Iterator[httpx2.Client]:
    """The server under test without an SDK between."""
    headers = {"Authorization": f"Bearer {target.gateway.api_key}"}
    with httpx2.Client(base_url=target.gateway.base_url, headers=headers, trust_env=False, timeout=60) as client:
        yield client


@pytest.fixture(scope="package")
def test_model(target: Target) -> str:
    return target.model


@pytest.fixture(scope="package")
def test_prompt(target: Target) -> str:
    return target.prompt


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """RUN_INTEGRATION_TESTS=false leaves the tests of seed 003 out; they need no network, and run unless it is said."""
    if is_set(os.environ, "RUN_INTEGRATION_TESTS", otherwise=True):
        return
    left_out = [item for item in items if item.get_closest_marker("integration") is not None]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if item not in left_out]


@pytest.fixture
async def openai_endpoint() -> AsyncIterator[OpenAIEndpoint]:
    async with opened() as endpoint:
        yield endpoint


@pytest.fixture
async def openai_skill(openai_endpoint: OpenAIEndpoint) -> AsyncIterator[OpenAISkill]:
    """A skill at that model."""
    endpoint = openai_endpoint
    skill = OpenAISkill(api_key=endpoint.api_key, model=endpoint.model, base_url=endpoint.base_url)
    yield skill
    await skill.close()
