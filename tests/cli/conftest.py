from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.program import Home, Program, started
from tests.redis_server import redis_server, redis_url

__all__ = ["redis_server", "redis_url"]


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return make_home(tmp_path)


@pytest.fixture(scope="package")
def demo_home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    return make_home(tmp_path_factory.mktemp("demo"))


@pytest.fixture(scope="package")
def running_demo(demo_home: Home) -> Iterator[Program]:
    """One `serve --demo` for all tests that only call it."""
    with started(demo_home, "serve", "--demo", "--port", "0") as program:
        assert program.url
        yield program
        assert program.stop() == 0


@pytest.fixture(scope="package")
def demo_key(running_demo: Program) -> str:
    return running_demo.wait_for(r"drg_\w{49}")[0]


def make_home(path: Path) -> Home:
    (path / "tmp").mkdir()
    return Home(path)
