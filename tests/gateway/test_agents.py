"""`dragoman.gateway.agents`: the agents that a configuration names, and those given in Python."""

import sys
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from dragoman.config import Layer
from dragoman.errors import ConfigError
from dragoman.gateway.app import Gateway
from dragoman.gateway.settings import Settings
from dragoman.ports import Card, Endpoint
from tests.support.agents import EchoAgent
from tests.support.live import running

MODULE = """
from dragoman.turn import Opened, Stop, Stopped, TextDelta
from dragoman.ports import Card

class Greeter:
    name = "whatever"
    durable = False
    card = Card("Greets.")

    def inspect(self, turn):
        return ()

    async def answer(self, turn, asked):
        yield Opened("run", 1, self.name)
        yield TextDelta("Good day")
        yield Stopped(Stop.END)

    async def close(self):
        pass

class Inner:
    greeter = Greeter()

greeter = Greeter()
"""


@pytest.fixture
def directory(tmp_path: Path) -> Iterator[Path]:
    """A working directory with modules; what was imported from it is forgotten after the test."""
    path, known = list(sys.path), set(sys.modules)
    yield tmp_path
    sys.path[:] = path
    for name in set(sys.modules) - known:
        if str(tmp_path) in str(getattr(sys.modules[name], "__file__", "")):
            del sys.modules[name]


def served(directory: Path, given: list[object] | None = None, **objects: str) -> Gateway:
    agents = {name: {"object": path} for name, path in objects.items()}
    settings = Settings({"HOME": str(directory)}, base=Layer("test", {"agents": agents}), cwd=directory)
    return Gateway(settings, agents=given or [])


def refusal(directory: Path, given: list[object] | None = None, **objects: str) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        served(directory, given, **objects)
    return caught.value


def test_a_module_of_the_working_directory_is_found(directory: Path) -> None:
    (directory / "greeters.py").write_text(MODULE)
    runtime = served(directory, one="greeters:greeter", two="greeters:Inner.greeter").runtime

    assert set(runtime.agents) == {"one", "two"}
    assert set(runtime.turns) == {"agent/one", "agent/two"}
    assert runtime.turns["agent/one"].name == "one"
    assert sys.path[0] == str(directory)


@pytest.mark.parametrize(
    ("text", "path", "message", "hint"),
    [
        (None, "nowhere:x", "there is no module 'nowhere'", "run dragoman in the directory that has it, or install it"),
        ("", "here.below:x", "there is no module 'here.below'", ""),
        ("import absent_thing", "here:x", "'here' needs 'absent_thing', which is not installed", ""),
        ("1 / 0", "here:x", "'here' cannot be imported: ZeroDivisionError: division by zero", ""),
        ("x = (", "here:x", "'here' cannot be imported: SyntaxError", ""),
        ("greeter = 1", "here:greter", "there is no 'greter' in 'here'", "did you mean 'greeter'?"),
        ("greeter = 1", "here:greeter", "'int' is no agent", ""),
        (MODULE, "here:Greeter", "'type' is no agent", ""),
    ],
)
def test_what_cannot_be_served_is_an_error_of_its_key(
    directory: Path, text: str | None, path: str, message: str, hint: str
) -> None:
    if text is not None:
        (directory / "here.py").write_text(text)
    error = refusal(directory, a=path)

    assert error.key == "agents.a.object"
    assert error.message.startswith(message)
    assert hint in error.hint


def test_agents_given_in_python_have_names_that_may_stand(directory: Path) -> None:
    (directory / "greeters.py").write_text(MODULE)
    assert set(served(directory, [EchoAgent()], greeter="greeters:greeter").runtime.agents) == {"echo", "greeter"}

    bad = EchoAgent()
    bad.name = "v1"
    assert refusal(directory, [bad]).key == "agents.v1"
    assert refusal(directory, [EchoAgent(), EchoAgent()]).message == "two agents have this name"
    assert refusal(directory, [EchoAgent()], echo="greeters:greeter").key == "agents.echo"
    assert refusal(directory, [3]).key == "agents"


@pytest.mark.parametrize("path", ["/chat/completions", "/health", "forecast"])
def test_an_endpoint_that_cannot_be_reached_is_refused(directory: Path, path: str) -> None:
    agent = EchoAgent()
    agent.card = Card(endpoints=(Endpoint("GET", path, None),))  # type: ignore[arg-type]

    assert refusal(directory, [agent]).key == "agents.echo"


def test_a_reload_reads_the_table_anew_or_not_at_all(directory: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    (directory / "greeters.py").write_text(MODULE)
    table: dict[str, object] = {}
    with running(tmp_path_factory.mktemp("reload"), lambda values, _: values.update(agents=table)) as live:

        def reloaded() -> tuple[int, int]:
            """Of the reload, and of a call to the agent after it."""
            reload = httpx2.post(f"{live.url}/admin/reload", headers=live.headers(live.admin_key))
            return reload.status_code, httpx2.get(f"{live.url}/greeter", headers=live.headers()).status_code

        assert reloaded() == (200, 404)
        table["greeter"] = {"object": "greeters:greeter"}
        sys.path.insert(0, str(directory))
        assert reloaded() == (200, 200)
        table["other"] = {"object": "greeters:absent"}
        assert reloaded() == (400, 200)
        table.clear()
        assert reloaded() == (200, 404)


def test_agents_are_closed_once_with_the_gateway(tmp_path: Path) -> None:
    agent = EchoAgent()
    with running(tmp_path, agents=[agent]) as live:
        httpx2.post(f"{live.url}/admin/reload", headers=live.headers(live.admin_key)).raise_for_status()
        assert agent.closed == 0

    assert agent.closed == 1
