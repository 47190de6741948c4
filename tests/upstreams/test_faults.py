import asyncio
import socket
import ssl
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import trustme

from dragoman import errors
from dragoman.errors import ErrorKind, GatewayError
from dragoman.policy.credentials import parse, reveal
from dragoman.ports import Timeouts, UpstreamRequest
from dragoman.upstreams.http import HttpUpstream
from tests.upstreams.raw_server import OK, Peer, Script, answering, echo_ok, serve

GET = UpstreamRequest("GET", "/secret-path?token=canary", [])
DEADLINE = 10.0


async def failure(client: HttpUpstream) -> GatewayError:
    """What a caller is told; it must show where nothing is and be free of anything foreign."""
    with pytest.raises(GatewayError) as caught:
        async with asyncio.timeout(DEADLINE):
            await client.open(GET)
    await client.close()
    error = caught.value
    assert error.__cause__ is error.__context__ is None
    assert error.message.startswith("Upstream 'mine' ")
    for hidden in ("127.0.0.1", "localhost", "example", "http://", "canary", "secret-path", "aiohttp"):
        assert hidden not in error.message
    return error


async def failure_of(script: Script) -> GatewayError:
    async with serve(script) as server:
        credential = reveal(parse("query key env:K"), lambda _: "canary")
        return await failure(HttpUpstream("mine", server.url, via="g", credential=credential))


def unused_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


async def reset(peer: Peer) -> None:
    await peer.request()
    peer.reset()


async def leave(peer: Peer) -> None:
    await peer.request()


async def leave_at_once(peer: Peer) -> None:
    peer.reset()


async def test_a_refused_connection_is_said_so() -> None:
    error = await failure(HttpUpstream("mine", f"http://127.0.0.1:{unused_port()}", via="g"))
    assert (error.kind, error.message) == (errors.DOWNSTREAM_ERROR, "Upstream 'mine' refused the connection.")


@pytest.mark.parametrize("script", [reset, leave, leave_at_once, answering(b"HTTP/1.1 200 OK\r\nContent-Le")])
async def test_an_end_before_the_head_is_a_downstream_error(script: Script) -> None:
    error = await failure_of(script)
    assert error.kind is errors.DOWNSTREAM_ERROR
    assert "before it answered" in error.message


@pytest.mark.parametrize(
    "answer",
    [
        b"hello world",
        b"\x16\x03\x01\x00\x05hello",
        b"220 smtp.example ESMTP\r\n",
        b"HTTP/1.1 abc OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX Y: a\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX : a\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n: a\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: a\rb\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: a\x00b\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1x\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nabc",
        b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
        b"HTTP/1.1 000 Zero\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 " + b"x" * 100_000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"x" * 100_000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"x" * 100_000 + b": a\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X: a\r\n" * 200 + b"\r\n",
    ],
)
async def test_a_head_that_is_invalid_or_too_large_is_a_protocol_error(answer: bytes) -> None:
    assert (await failure_of(answering(answer))).kind is errors.PROTOCOL_ERROR


async def test_a_head_without_an_end_is_not_collected_for_ever() -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(b"HTTP/1.1 200 OK\r\n")
        for number in range(100_000):
            await peer.send(b"x-%d: %s\r\n" % (number, b"x" * 1000))

    assert (await failure_of(script)).kind is errors.PROTOCOL_ERROR


async def test_a_name_that_does_not_resolve_is_said_so() -> None:
    async def unknown(host: str, port: int) -> Sequence[str]:
        raise socket.gaierror(socket.EAI_NONAME, f"Name {host} is not known")

    async def empty(host: str, port: int) -> Sequence[str]:
        return []

    for resolve in (unknown, empty):
        error = await failure(HttpUpstream("mine", "http://api.example", via="g", resolve=resolve))
        assert error.kind is errors.DOWNSTREAM_ERROR
        assert "does not resolve" in error.message


async def test_a_resolver_that_never_answers_ends_with_the_connect_deadline() -> None:
    async def silent(host: str, port: int) -> Sequence[str]:
        await asyncio.Event().wait()
        return []

    client = HttpUpstream("mine", "http://api.example", via="g", resolve=silent, timeouts=Timeouts(connect=0.05))
    assert (await failure(client)).kind is errors.CONNECTION_TIMEOUT


async def test_a_server_that_does_not_accept_ends_with_the_connect_deadline() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        fillers = [socket.socket() for _ in range(4)]
        try:
            for filler in fillers:
                filler.setblocking(False)
                filler.connect_ex(listener.getsockname())
            url = f"http://127.0.0.1:{listener.getsockname()[1]}"
            error = await failure(HttpUpstream("mine", url, via="g", timeouts=Timeouts(connect=0.2)))
        finally:
            for filler in fillers:
                filler.close()
    assert error.kind is errors.CONNECTION_TIMEOUT


async def test_only_the_connect_deadline_is_enforced_here() -> None:
    release = asyncio.Event()

    async def script(peer: Peer) -> None:
        await peer.request()
        await release.wait()
        await peer.send(OK)

    async with serve(script) as server:
        timeouts = Timeouts(connect=0.05, first_byte=0.05, idle=0.05, total=0.05)
        client = HttpUpstream("mine", server.url, via="g", timeouts=timeouts)
        opening = asyncio.get_running_loop().create_task(client.open(GET))
        done, _ = await asyncio.wait([opening], timeout=0.3)
        assert not done
        release.set()
        reply = await opening
        assert await reply.read() == b"ok"
        reply.close()
        await client.close()


# TLS


@pytest.fixture
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def bundle(authority: trustme.CA, tmp_path: Path) -> Path:
    path = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(path)
    return path


def server_context(certificate: trustme.LeafCert) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    return context


async def test_a_certificate_of_our_authority_is_trusted(authority: trustme.CA, bundle: Path) -> None:
    tls = server_context(authority.issue_cert("localhost", "127.0.0.1"))
    async with serve(echo_ok, tls=tls) as server:
        for host in ("localhost", "127.0.0.1"):
            client = HttpUpstream("mine", f"https://{host}:{server.port}", via="g", ca_bundle=bundle)
            reply = await client.open(GET)
            assert await reply.read() == b"ok"
            reply.close()
            await client.close()


async def test_a_certificate_of_an_unknown_authority_is_not_trusted(authority: trustme.CA, bundle: Path) -> None:
    tls = server_context(trustme.CA().issue_cert("localhost"))
    async with serve(echo_ok, tls=tls) as server:
        for trusted in (bundle, None):
            error = await failure(HttpUpstream("mine", f"https://localhost:{server.port}", via="g", ca_bundle=trusted))
            assert error.kind is errors.DOWNSTREAM_ERROR
            assert "certificate that cannot be trusted: " in error.message
        assert server.requests == []


async def test_an_expired_certificate_is_not_trusted(authority: trustme.CA, bundle: Path) -> None:
    yesterday = datetime.now(UTC) - timedelta(days=1)
    tls = server_context(authority.issue_cert("localhost", not_before=yesterday, not_after=yesterday))
    async with serve(echo_ok, tls=tls) as server:
        error = await failure(HttpUpstream("mine", f"https://localhost:{server.port}", via="g", ca_bundle=bundle))
    assert error.message.endswith("a TLS certificate that cannot be trusted: certificate has expired.")


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
async def test_a_certificate_for_another_host_is_said_so_without_naming_it(
    authority: trustme.CA, bundle: Path, host: str
) -> None:
    tls = server_context(authority.issue_cert("other.test"))
    async with serve(echo_ok, tls=tls) as server:
        error = await failure(HttpUpstream("mine", f"https://{host}:{server.port}", via="g", ca_bundle=bundle))
    assert error.message == "Upstream 'mine' has a TLS certificate for another host."


async def test_a_server_without_tls_is_said_so() -> None:
    async def script(peer: Peer) -> None:
        await peer.send(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await peer.gone()

    async with serve(script) as server:
        error = await failure(HttpUpstream("mine", f"https://localhost:{server.port}", via="g"))
    assert error.kind is errors.DOWNSTREAM_ERROR
    assert "TLS handshake: " in error.message


@pytest.mark.parametrize(
    ("script", "kind"), [(leave_at_once, errors.DOWNSTREAM_ERROR), (Peer.gone, errors.CONNECTION_TIMEOUT)]
)
async def test_a_handshake_that_does_not_come_about_ends(script: Script, kind: ErrorKind) -> None:
    async with serve(script) as server:
        url = f"https://localhost:{server.port}"
        assert (await failure(HttpUpstream("mine", url, via="g", timeouts=Timeouts(connect=0.2)))).kind is kind


# Proxies


async def tunnel(peer: Peer) -> None:
    """A proxy that knows CONNECT and leads everything to the port that is asked for, on loopback."""
    seen = await peer.request()
    reader, writer = await asyncio.open_connection("127.0.0.1", int(seen.target.rsplit(b":")[-1]))
    await peer.send(b"HTTP/1.1 200 Connection established\r\n\r\n")

    async def copy(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        try:
            while data := await source.read(65536):
                sink.write(data)
                await sink.drain()
        finally:
            sink.close()

    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(copy(peer.reader, writer))
            group.create_task(copy(reader, peer.writer))
    except* ConnectionError:
        pass


async def test_https_goes_through_a_tunnel_and_the_proxy_sees_no_secret(authority: trustme.CA, bundle: Path) -> None:
    tls = server_context(authority.issue_cert("api.test"))
    async with serve(echo_ok, tls=tls) as server, serve(tunnel) as proxy:
        client = HttpUpstream(
            "mine",
            f"https://api.test:{server.port}",
            via="g",
            ca_bundle=bundle,
            proxy=proxy.url,
            credential=reveal(parse("bearer env:K"), lambda _: "canary"),
        )
        reply = await client.open(GET)
        assert await reply.read() == b"ok"
        reply.close()
        await client.close()
        assert server.requests[0].target == b"/secret-path?token=canary"
        assert server.requests[0].values(b"authorization") == [b"Bearer canary"]
        assert proxy.requests[0].line == f"CONNECT api.test:{server.port} HTTP/1.1".encode()
        assert b"canary" not in b"".join(value for _, value in proxy.requests[0].headers)


async def test_a_proxy_that_refuses_is_said_so() -> None:
    async with serve(answering(b"HTTP/1.1 407 No\r\nContent-Length: 0\r\n\r\n")) as proxy:
        error = await failure(HttpUpstream("mine", "https://api.example", via="g", proxy=proxy.url))
        assert error.message == "Upstream 'mine' could not be reached: its proxy answered 407."
    error = await failure(HttpUpstream("mine", "https://api.example", via="g", proxy=proxy.url))
    assert error.message == "Upstream 'mine' could not be reached: its proxy does not accept connections."
