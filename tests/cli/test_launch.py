import asyncio
import os
from pathlib import Path

import pytest

from dragoman.cli import launch
from dragoman.errors import ConfigError
from dragoman.gateway.settings import Settings


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "::1", "localhost"])
def test_what_only_this_machine_reaches_is_loopback(host: str) -> None:
    assert launch.is_loopback(host)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "", "10.0.0.1", "gate.internal", "127.1", "::ffff:10.0.0.1"])
def test_anything_else_may_be_reached_by_others(host: str) -> None:
    assert not launch.is_loopback(host)


def gateway(state: Path, *, fresh: bool = False, **environ: str) -> launch.KeyedGateway:
    return launch.KeyedGateway(Settings({"HOME": str(state), **environ}), None, fresh=fresh)


async def opened(gateway: launch.KeyedGateway) -> str | None:
    """Opens it, closes it, and gives the token that opening made."""
    await gateway.open()
    await asyncio.sleep(0)  # what it runs beside calls has begun
    await gateway.close()
    return gateway.token


async def test_a_key_is_made_when_none_can_be_used_or_a_fresh_one_is_wanted(tmp_path: Path) -> None:
    assert await opened(gateway(tmp_path, DRAGOMAN_ADMIN_KEY="a" * 16)) is None
    assert await opened(gateway(tmp_path))
    assert await opened(gateway(tmp_path)) is None
    assert await opened(gateway(tmp_path, fresh=True))


async def test_a_refused_start_leaves_nothing_open(tmp_path: Path) -> None:
    refused = gateway(tmp_path, DRAGOMAN_SERVER__HOST="0.0.0.0")
    with pytest.raises(ConfigError, match="no key yet"):
        await refused.open()
    # The store has been given up: another gateway may own it.
    assert await opened(gateway(tmp_path))


async def test_a_revoked_key_does_not_open_the_gateway_to_others(tmp_path: Path) -> None:
    first = gateway(tmp_path)
    await first.open()
    for key in await first.issuer.list():
        await first.issuer.revoke(key.id)
    await first.close()
    with pytest.raises(ConfigError, match="no key yet"):
        await gateway(tmp_path, DRAGOMAN_SERVER__HOST="0.0.0.0").open()


async def test_a_gateway_serves_for_the_length_of_a_block(tmp_path: Path) -> None:
    async with launch.serving(gateway(tmp_path), launch.bind("127.0.0.1", 0)) as (server, stopped):
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(b"GET /health HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
        assert b'"healthy"' in await reader.read()
        writer.close()
        await writer.wait_closed()
    assert stopped.done()


async def test_a_gateway_that_cannot_open_does_not_begin_to_serve(tmp_path: Path) -> None:
    refused = gateway(tmp_path, DRAGOMAN_SERVER__HOST="0.0.0.0")
    with pytest.raises(ConfigError, match="no key yet"):
        async with launch.serving(refused, launch.bind("127.0.0.1", 0)):
            raise AssertionError("it serves")


async def test_demo_settings_have_mock_upstreams_behind_them(tmp_path: Path) -> None:
    descriptors = len(os.listdir("/proc/self/fd"))
    async with launch.demo_settings(tmp_path, {"server": {"port": 1}}) as settings:
        config = settings.load().config
        assert config.server.port == 1 and list(config.upstreams) == ["mock-chat", "mock-responses", "mock-messages"]
        assert settings.state_dir == tmp_path / "dragoman"
    assert len(os.listdir("/proc/self/fd")) <= descriptors + 1
