"""The four things a client is tried against: a gateway and the mocks, each over a socket and in this process."""

from pathlib import Path
from typing import Final

from dragoman.client import ClientConfig
from dragoman.config import Layer
from dragoman.gateway import demo
from dragoman.gateway.app import Gateway
from dragoman.gateway.settings import Settings
from dragoman.mocks.app import app
from tests.support.live import ADMIN_KEY, Live

MODES: Final = ("gateway", "gateway in process", "mock", "mock in process")
SOCKETED: Final = ("gateway", "mock", "mock in process")
TOKEN: Final = "test-integration-token"


def config(mode: str, live: Live, state: Path) -> ClientConfig:
    """How a client comes to the one that is asked for; `live` is the gateway, and the mocks, over sockets."""
    match mode:
        case "gateway":
            return ClientConfig.remote(live.url, live.key)
        case "gateway in process":
            return ClientConfig.in_process(gateway(live, state), ADMIN_KEY)
        case "mock":
            return ClientConfig.remote(live.mock_url, TOKEN)
        case _:
            return ClientConfig.in_process(app(timing="instant", token=TOKEN), TOKEN)


def gateway(live: Live, state: Path) -> Gateway:
    """The demo's gateway before the same mocks, not yet open."""
    values = dict(demo.layer(live.mock_url).values)
    values["store"] = {"url": f"sqlite:///{state / 'dragoman.db'}", "flush_interval": 0.01}
    return Gateway(Settings({"HOME": str(state), "DRAGOMAN_ADMIN_KEY": ADMIN_KEY}, base=Layer("test", values)), len)
