"""What `import dragoman` gives, and what it costs."""

import re
import subprocess
import sys
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

import pytest

import dragoman
from dragoman import agents, client
from tests.test_house import HEAVY, SRC, imported

FOREIGN = (HEAVY | {"click", "prometheus_client", "httptools", "uvloop"}) - {
    "httpx2",
    "asyncio",
    "socket",
    "ssl",
    "subprocess",
}


def test_the_public_names_are_those_of_the_client_and_of_the_agents() -> None:
    assert sorted(dragoman.__all__) == sorted([*client.__all__, *agents.__all__, "__version__"])
    for home in (client, agents):
        for name in home.__all__:
            assert getattr(dragoman, name) is getattr(home, name)
            assert name in dir(dragoman)
    with pytest.raises(AttributeError, match="no attribute 'Gateway'"):
        _ = dragoman.Gateway


def test_the_client_loads_nothing_of_the_gateway_and_does_nothing_on_import() -> None:
    seen, threads, modules = imported("dragoman.client")
    # httpx2 and httpcore2 look up their own versions.
    assert [line for line in seen if not line.endswith((".zip", "METADATA"))] == []
    assert threads == 1
    assert not FOREIGN & modules
    ours = {name.split(".")[1] for name in modules if name.startswith("dragoman.")}
    assert ours == {"client", "errors", "wire", "version"}


def test_an_agent_without_its_extra_says_what_to_install() -> None:
    code = "import sys; sys.modules['pydantic'] = None\nimport dragoman\ndragoman.Limits(turns=1)\ndragoman.Agent"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert done.stderr.endswith("ImportError: Agent needs pydantic: pip install 'dragoman[agents]'\n")


def test_an_install_without_extras_is_small() -> None:
    installed = needed("dragoman")
    assert {"aiohttp", "cryptography", "sqlalchemy"} <= installed.keys()
    assert not {"psycopg", "pydantic", "griffelib", "mcp"} & installed.keys()
    assert len(installed) <= 50
    files = [file.locate() for one in installed.values() for file in one.files or () if file.suffix != ".pyc"]
    size = sum(path.stat().st_size for path in [*map(Path, files), *SRC.rglob("*.py")] if path.is_file())
    assert 20e6 < size <= 90e6


def needed(name: str) -> dict[str, Distribution]:
    """A distribution and all that it needs here, whatever it may need elsewhere or for an extra."""
    found: dict[str, Distribution] = {}
    left = [name]
    while left:
        name = left.pop()
        try:
            found[name] = distribution(name)
        except PackageNotFoundError:  # its marker says that it is not for this platform
            continue
        for requirement in found[name].requires or ():
            wanted = canonical(requirement)
            if "extra ==" not in requirement and wanted not in found:
                left.append(wanted)
    return found


def canonical(requirement: str) -> str:
    """The name in a requirement, as the index has it."""
    match = re.match(r"[\w.-]+", requirement)
    assert match is not None
    return re.sub(r"[-_.]+", "-", match[0]).lower()
