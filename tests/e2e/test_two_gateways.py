"""Two gateways on one PostgreSQL, each the real program: what happens to a background response when one is killed."""

import re
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import openai
import pytest

from tests.cli.program import Home, Program, started
from tests.postgres import postgres_server, postgres_url

__all__ = ["postgres_server", "postgres_url"]

pytestmark = pytest.mark.postgres

HEARTBEAT = 4.0
SECRET = "a secret that both gateways know, 0123456789"
CONFIG = """
[server]
port = 0
[store]
url = "{store}"
secret = "env:DRAGOMAN_SECRET"
[jobs]
heartbeat = {heartbeat}
[upstreams.stalls]
base_url = "{mock}/scenario/stall-after:3/v1"
direct = true
"""


@pytest.fixture
def home(tmp_path: Path) -> Home:
    (tmp_path / "tmp").mkdir()
    return Home(tmp_path)


@pytest.fixture
def mock(home: Home) -> Iterator[Program]:
    with started(home, "mock", "--port", "0") as program:
        yield program


@pytest.fixture
def serve(postgres_url: str, home: Home, mock: Program) -> tuple[str, ...]:
    """What starts a gateway."""
    path = home.path / "dragoman.toml"
    path.write_text(CONFIG.format(store=postgres_url, heartbeat=HEARTBEAT, mock=mock.url))
    return ("serve", "-c", str(path))


def test_a_second_gateway_takes_nothing_that_runs_and_ends_what_ran_in_a_killed_one(
    home: Home, mock: Program, serve: tuple[str, ...]
) -> None:
    with started(home, *serve, DRAGOMAN_SECRET=SECRET) as first:
        key = first.wait_for(r"drg_\w+")[0]
        with openai.OpenAI(base_url=f"{first.url}/v1", api_key=key, max_retries=0, timeout=30) as sdk:
            made = sdk.responses.create(model="stalls/gpt-4", input="hello", background=True)
        with (
            started(home, *serve, DRAGOMAN_SECRET=SECRET) as second,
            openai.OpenAI(base_url=f"{second.url}/v1", api_key=key, max_retries=0, timeout=30) as sdk,
            sdk.responses.retrieve(made.id, stream=True) as stream,
        ):
            events: Any = iter(stream)
            while next(events).type != "response.output_text.delta":
                pass

            first.send(signal.SIGKILL)
            killed = time.monotonic()
            with pytest.raises(openai.APIError):
                for event in events:
                    if event.type == "response.failed":
                        raise openai.APIError("as an event", request=None, body=None)  # type: ignore[arg-type]
            assert time.monotonic() - killed < HEARTBEAT

            ended = sdk.responses.retrieve(made.id)
            assert (ended.status, ended.error is not None) == ("failed", True)
            again = httpx2.get(
                f"{second.url}/v1/responses/{made.id}?stream=true", headers={"Authorization": f"Bearer {key}"}
            ).text
            assert again.count("event: response.created") == 1
            assert len(re.findall("event: response.output_text.delta", again)) >= 1
            assert again.endswith("data: [DONE]\n\n")
            other = sdk.responses.create(model="stalls/gpt-4", input="hello", background=True)
            assert sdk.responses.cancel(other.id).status == "cancelled"
            assert second.stop() == 0
