import ssl
import time
from collections.abc import Iterator
from email.utils import formatdate
from pathlib import Path
from typing import Any

import pytest
import trustme

from dragoman.cli import reachability
from dragoman.config import Config, Layer, parse
from dragoman.gateway.compose import Composer
from dragoman.gateway.settings import Settings
from dragoman.mocks.app import app
from dragoman.mocks.server import MockServer
from dragoman.ports import Checkup


async def look(
    upstream: dict[str, Any], table: str = "upstreams", deadline: float = 10.0, **environ: str
) -> dict[str, Checkup]:
    """The rows of one endpoint named `u`, by what they looked at, and that of the clock."""
    config = parse([Layer("test", {table: {"u": upstream}})]).config
    rows = await reachability.look_at_upstreams(config, Composer(Settings(environ)), deadline)
    return {row.name.removeprefix("alias ").removeprefix("u "): row for row in rows}


def failed(rows: dict[str, Checkup]) -> Checkup:
    (row,) = (row for row in rows.values() if not row.ok)
    assert row.fix
    return row


async def test_an_upstream_that_lets_us_in_is_well() -> None:
    async with MockServer(app(token="t")) as server:
        rows = await look({"base_url": f"{server.url}/v1", "credential": "bearer env:T"}, T="t")
    assert list(rows) == ["address", "connection", "auth", "models", "clock"]
    assert all(row.ok for row in rows.values()) and rows["models"].detail.endswith(" listed")


async def test_a_name_is_resolved_first() -> None:
    async with MockServer(app(), host="127.0.0.1") as server:
        rows = await look({"base_url": f"http://localhost:{server.port}/v1"})
    assert rows["dns"].ok and "127.0.0.1" in rows["dns"].detail


async def test_a_wrong_credential_is_found_and_not_shown() -> None:
    async with MockServer(app(token="t")) as server:
        rows = await look({"base_url": f"{server.url}/v1", "credential": "bearer env:T"}, T="wrong-secret")
    row = failed(rows)
    assert row.name == "u auth" and "401" in row.detail and "upstreams.u.credential" in row.fix
    assert "wrong-secret" not in str(rows)


async def test_a_secret_that_is_not_there_is_found() -> None:
    async with MockServer(app()) as server:
        for table in ("upstreams", "aliases"):
            row = failed(await look({"base_url": server.url, "credential": "bearer env:ABSENT"}, table))
            assert row.name.endswith("u credential") and "env:ABSENT" in row.detail


async def test_an_alias_is_followed_to_its_door() -> None:
    async with MockServer(app()) as server:
        rows = await look({"base_url": f"{server.url}/weather"}, "aliases")
    assert list(rows) == ["address", "connection", "clock"]


async def test_the_callers_own_credential_is_not_ours_to_try() -> None:
    async with MockServer(app(token="t")) as server:
        rows = await look({"base_url": f"{server.url}/v1", "credential": "caller"})
    assert list(rows) == ["address", "connection", "clock"]


@pytest.mark.parametrize(
    "path, ok, said",
    [
        ("/scenario/status:500/v1", False, "500"),
        ("/weather", True, "does not list"),
        ("/github/repos/octocat/x", False, "something else"),
        ("/scenario/drop/v1", False, "closed the connection"),
    ],
)
async def test_what_answers_oddly_is_judged(path: str, ok: bool, said: str) -> None:
    async with MockServer(app()) as server:
        row = (await look({"base_url": f"{server.url}{path}"}))["models"]
    assert row.ok is ok and said in row.detail


async def test_an_upstream_that_is_silent_is_given_up() -> None:
    async with MockServer(app()) as server:
        row = failed(await look({"base_url": f"{server.url}/scenario/stall/v1"}, deadline=0.2))
    assert row.name == "u models" and "within 0.2 s" in row.detail


async def test_a_closed_port_is_found() -> None:
    async with MockServer(app()) as server:
        port = server.port
    assert "refused" in failed(await look({"base_url": f"http://127.0.0.1:{port}"})).detail


async def test_a_name_that_nobody_knows_is_found() -> None:
    assert failed(await look({"base_url": "http://nowhere.invalid/v1"})).name == "u dns"


async def test_an_address_that_the_egress_rule_forbids_is_never_dialled() -> None:
    async with MockServer(app()) as server:
        for host in ("127.0.0.1", "localhost"):
            row = failed(await look({"base_url": f"http://{host}:{server.port}", "network": "public"}))
            assert "loopback" in row.detail and "127.0.0.1" in row.fix
        assert server.connections == 0


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[trustme.CA, Path]]:
    authority, path = trustme.CA(), tmp_path_factory.mktemp("ca") / "ca.pem"
    authority.cert_pem.write_to_path(str(path))
    yield authority, path


def serving(authority: trustme.CA, host: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(host).configure_cert(context)
    return context


async def test_tls_is_followed_with_the_authority_that_is_configured(authority: tuple[trustme.CA, Path]) -> None:
    async with MockServer(app(), tls=serving(authority[0], "127.0.0.1")) as server:
        rows = await look({"base_url": f"{server.url}/v1", "ca_bundle": str(authority[1])})
        assert rows["tls"].ok and rows["tls"].detail.startswith("TLSv1.") and rows["models"].ok
        row = failed(await look({"base_url": f"{server.url}/v1"}))
        assert row.name == "u tls" and "cannot be trusted" in row.detail and "ca_bundle" in row.fix


async def test_a_certificate_for_another_host_is_found(authority: tuple[trustme.CA, Path]) -> None:
    async with MockServer(app(), tls=serving(authority[0], "other.internal")) as server:
        row = failed(await look({"base_url": f"{server.url}/v1", "ca_bundle": str(authority[1])}))
    assert row.name == "u tls" and "mismatch" in row.detail


async def test_plain_http_behind_https_is_found() -> None:
    async with MockServer(app()) as server:
        row = failed(await look({"base_url": f"https://127.0.0.1:{server.port}/v1"}))
    assert row.name == "u tls" and "handshake" in row.detail


async def test_a_bundle_that_is_not_there_is_found() -> None:
    row = failed(await look({"base_url": "https://127.0.0.1:9/v1", "ca_bundle": "/no/such/file"}))
    assert row.name == "u tls" and "No such file" in row.detail


async def test_the_clock_is_compared_with_what_an_upstream_says() -> None:
    for offset, ok in ((0, True), (-3600, False), (3600, False)):
        date = formatdate(time.time() + offset, usegmt=True).encode()

        async def dated(scope: Any, receive: Any, send: Any, date: bytes = date) -> None:
            await send({"type": "http.response.start", "status": 200, "headers": [(b"date", date)]})
            await send({"type": "http.response.body", "body": b'{"data":[]}'})

        async with MockServer(dated) as server:
            assert (await look({"base_url": server.url}))["clock"].ok is ok


async def test_without_upstreams_only_the_clock_is_looked_at() -> None:
    rows = await reachability.look_at_upstreams(Config(), Composer(Settings({})))
    assert [(row.name, row.ok) for row in rows] == [("clock", True)]


async def test_counters_that_do_not_answer_are_found_and_no_password_is_told() -> None:
    store = {"store": {"counters": "redis://:s3cret@127.0.0.1:1/0"}}
    (row,) = await reachability.look_at_counters(parse([Layer("test", store)]).config)
    assert not row.ok and row.detail == "redis://127.0.0.1:1/0 does not answer" and row.fix
    assert await reachability.look_at_counters(parse([Layer("test", {})]).config) == []


async def test_counters_that_answer_are_well(redis_url: str) -> None:
    (row,) = await reachability.look_at_counters(parse([Layer("test", {"store": {"counters": redis_url}})]).config)
    assert row.ok and row.detail.endswith(" answers")
