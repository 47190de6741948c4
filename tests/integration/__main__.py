"""Sets up what seed 000's tests need, runs them, and takes down what it has set up, whatever happens.

python -m tests.integration [pytest's arguments] [--metrics FILE]

Exit codes: 0 all passed, 1 some failed, 2 there was nothing to run or to run against, 130 interrupted.
"""

import os
import re
import secrets
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from types import FrameType
from typing import Final

import msgspec
import pytest

from dragoman.errors import ConfigError
from tests.integration import wishes
from tests.integration.child import Child, SetupError, await_status
from tests.integration.console import Console
from tests.integration.plugin import Plugin
from tests.integration.target import Endpoint, Target
from tests.integration.wishes import Wishes

ROOT: Final = Path(__file__).parents[2]
ANYWHERE: Final = ("test_seed_000.py", "test_seed_000_wire.py")
"""Tests that look from the caller's side only."""
INSIDE: Final = ("test_seed_000_harder.py", "test_seed_000_responses.py", "test_seed_000_tools.py")
"""Tests that look behind a gateway: they bring one of their own, with mock upstreams, in this process."""
INTERRUPTED: Final = 130
_MOCK: Final = re.compile(r"Mock upstreams on (http\S+)")
_GATEWAY: Final = re.compile(r'"event":"listening","url":"([^"]+)"')
_KEPT: Final = (
    "PATH",
    "HOME",
    "LANG",
    "LC_ALL",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "PYTHONPATH",
    "COVERAGE_PROCESS_START",
)


class Signals:
    """Turns the first SIGINT, SIGTERM or SIGHUP into `KeyboardInterrupt`, but where that would do harm."""

    def __init__(self) -> None:
        self.come = False
        self._held = False

    def install(self) -> None:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._take)

    @contextmanager
    def held(self) -> Iterator[None]:
        """A signal in the block strikes at its end."""
        self._held, before = True, self.come
        try:
            yield
        finally:
            self._held = False
        if self.come and not before:
            raise KeyboardInterrupt

    def ignore(self) -> None:
        """For the end, which is short and must come to its own."""
        self._held = True

    def _take(self, number: int, frame: FrameType | None) -> None:
        first, self.come = not self.come, True
        if first and not self._held:
            raise KeyboardInterrupt


def main(arguments: Sequence[str]) -> int:
    """Runs it all; returns the exit code."""
    console, signals = Console(), Signals()
    signals.install()
    with ExitStack() as stack:
        try:
            wished = wishes.read(Path(".env"), os.environ)
            target = _running(wished, console) if wished.base else _started(wished, console, signals, stack)
            return _run(target, arguments, console, signals, inside=wished.base is None)
        except ConfigError as error:
            console.error(f"{error.key}: {error.message}")
        except SetupError as error:
            console.error(error.message, *error.more)
        except KeyboardInterrupt:
            console.warning("interrupted")
            return INTERRUPTED
        finally:
            signals.ignore()
    return 2


def _running(wished: Wishes, console: Console) -> Target:
    """The server that was named, once it answers."""
    assert wished.base is not None
    root = wished.base.removesuffix("/v1")
    await_status(root, time.monotonic() + wished.timeout)
    console.info(f"the server at {root}")
    direct = None
    if wished.provider_key is None:
        console.warning("no OPENAI_API_KEY: what compares with the provider itself is left out")
    else:
        direct = Endpoint(wished.provider, wished.provider_key)
    return Target(Endpoint(f"{root}/v1", wished.base_key), direct, wished.model, wished.prompt, 5)


def _started(wished: Wishes, console: Console, signals: Signals, stack: ExitStack) -> Target:
    """A gateway of our own, before a mock provider unless there is a key for a real one."""
    folder = Path(stack.enter_context(TemporaryDirectory(prefix="dragoman-integration-")))
    deadline = time.monotonic() + wished.timeout
    environ = {name: value for name, value in os.environ.items() if name in _KEPT}
    environ |= {"XDG_STATE_HOME": str(folder / "state"), "XDG_CONFIG_HOME": str(folder / "config")}

    def start(name: str, arguments: list[str], **more: str) -> Child:
        with signals.held():
            child = Child(name, [sys.executable, "-m", "dragoman", *arguments], environ | more, folder)
            stack.callback(child.stop)
        return child

    model, samples = wished.model, 5
    if wished.provider_key is not None:
        direct = Endpoint(wished.provider, wished.provider_key)
        console.warning(f"OPENAI_API_KEY is set: {direct.base_url} is called, which may cost money")
    else:
        mock = start("mock provider", ["mock", "--port", "0", "--profile", "instant"])
        direct = Endpoint(mock.wait_for(_MOCK, deadline) + "/v1", "none")
        model, samples = wishes.MODEL, 20
        console.info(f"a mock provider at {direct.base_url}, process {mock.pid}: there is no OPENAI_API_KEY")
    (folder / "dragoman.toml").write_text(_configuration(direct.base_url, wished.dialects), "utf-8")
    key = secrets.token_urlsafe(32)
    gateway = start(
        "gateway", ["serve", "--log-format", "json"], BIND_ADDR=wished.bind, DRAGOMAN_ADMIN_KEY=key,
        OPENAI_API_KEY=direct.api_key,
    )  # fmt: skip
    url = gateway.wait_for(_GATEWAY, deadline)
    await_status(url, deadline, gateway)
    console.success(f"the gateway answers at {url}, process {gateway.pid}")
    return Target(Endpoint(f"{url}/v1", key), direct, model, wished.prompt, samples)


def _configuration(base_url: str, dialects: list[str]) -> str:
    url, spoken = (msgspec.json.encode(value).decode() for value in (base_url, dialects))
    return (
        f"[server]\ndrain = 1\n[upstreams.provider]\nbase_url = {url}\ndialects = {spoken}\n"
        'credential = "bearer env:OPENAI_API_KEY"\n[models]\n"*" = "provider"\n'
    )


def _run(target: Target, arguments: Sequence[str], console: Console, signals: Signals, *, inside: bool) -> int:
    plugin = Plugin(target)
    suites = [*ANYWHERE, *(INSIDE if inside else ())]
    paths = [str(ROOT / "tests/seeds" / name) for name in suites]
    code = pytest.main([*arguments, *paths], plugins=[plugin])
    if signals.come:
        raise KeyboardInterrupt
    if plugin.left_out:
        console.warning(f"{plugin.left_out} tests were left out: they compare with the provider itself")
    if code == pytest.ExitCode.OK:
        console.success("all tests passed")
        return 0
    if code == pytest.ExitCode.TESTS_FAILED:
        console.error("some tests failed")
        return 1
    raise SetupError(f"pytest ran no tests: {pytest.ExitCode(code).name.lower().replace('_', ' ')}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
