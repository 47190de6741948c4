"""What `import dragoman` gives, and what it costs."""

import pytest

import dragoman
from dragoman import client
from tests.test_house import HEAVY, imported

FOREIGN = (HEAVY | {"click", "prometheus_client", "httptools", "uvloop"}) - {
    "httpx2",
    "asyncio",
    "socket",
    "ssl",
    "subprocess",
}


def test_the_public_names_are_those_of_the_client() -> None:
    assert set(dragoman.__all__) == {*client.__all__, "__version__"}
    for name in client.__all__:
        assert getattr(dragoman, name) is getattr(client, name)
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
