"""A gateway with more behind it than the demo has: a relay before the mock, and an upstream of canned bytes."""

import gzip
import random
from collections.abc import Iterator
from typing import Any

import pytest

from tests.seeds.canned import Canned, response
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
        everything = {"pass_headers": ["*"]}
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
