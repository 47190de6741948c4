import asyncio

import pytest

from dragoman import errors
from dragoman.errors import GatewayError
from dragoman.policy.auth import ClientCredentials, Token
from dragoman.policy.credentials import Credential
from dragoman.ports import Upstream
from dragoman.upstreams.http import HttpUpstream
from dragoman.upstreams.oauth import MAX_ANSWER, TokenFetch
from tests.upstreams.raw_server import Peer, Server, answering, serve

DEADLINE = 10.0
SECRETS = {"env:ID": "me", "env:SECRET": "s3cret"}
GRANTED = b'{"access_token":"tok","token_type":"Bearer","expires_in":60}'


def connect(url: str) -> Upstream:
    return HttpUpstream("t", url, via="gw-1", credential=Credential("caller", dropped=frozenset()))


async def fetch(grant: ClientCredentials) -> Token:
    async with asyncio.timeout(DEADLINE):
        return await TokenFetch(grant, SECRETS.__getitem__, connect)()


def http(body: bytes, status: bytes = b"200 OK") -> bytes:
    return b"HTTP/1.1 %b\r\nContent-Length: %d\r\n\r\n%b" % (status, len(body), body)


def grant(server: Server, **members: object) -> ClientCredentials:
    return ClientCredentials(f"{server.url}/token", "", "env:ID", "env:SECRET", **members)  # type: ignore[arg-type]


@pytest.mark.parametrize("client_auth", ["form", "basic"])
async def test_the_client_is_sent_in_either_way(client_auth: str) -> None:
    async with serve(answering(http(GRANTED))) as server:
        assert await fetch(grant(server, client_auth=client_auth)) == Token("tok", 30.0)
    (seen,) = server.requests
    assert seen.line == b"POST /token HTTP/1.1"
    assert (b"client_secret=s3cret" in seen.body) is (client_auth == "form")
    assert bool(seen.values(b"authorization")) is (client_auth == "basic")


async def test_an_issuer_is_asked_where_first() -> None:
    async def script(peer: Peer) -> None:
        seen = await peer.request()
        document = b'{"issuer":"%b","token_endpoint":"%b/t"}' % (url, url)
        peer.writer.write(http(document if seen.target.startswith(b"/.well-known/") else GRANTED))
        await peer.writer.drain()

    async with serve(script) as server:
        url = server.url.encode()
        assert await fetch(ClientCredentials("", server.url, "env:ID", "env:SECRET")) == Token("tok", 30.0)
    assert [seen.line for seen in server.requests] == [
        b"GET /.well-known/openid-configuration HTTP/1.1", b"POST /t HTTP/1.1",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (http(b'{"error":"invalid_client"}', b"401 No"), errors.AUTH_FAILED),
        (b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n", errors.AUTH_FAILED),
        (http(b" " * (MAX_ANSWER + 1)), errors.AUTH_FAILED),
        (http(b"", b"500 Oops"), errors.DOWNSTREAM_ERROR),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{", errors.STREAM_ABORTED),
        (b"nonsense\r\n\r\n", errors.PROTOCOL_ERROR),
    ],
)
async def test_what_goes_wrong_is_told_apart(answer: bytes, kind: errors.ErrorKind) -> None:
    async with serve(answering(answer)) as server:
        with pytest.raises(GatewayError) as failed:
            await fetch(grant(server))
    assert failed.value.kind is kind
    assert "s3cret" not in failed.value.message


async def test_a_discovered_endpoint_is_held_to_the_network_of_its_issuer() -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        peer.writer.write(http(b'{"issuer":"%b","token_endpoint":"http://169.254.169.254/t"}' % server.url.encode()))
        await peer.writer.drain()

    async with serve(script) as server:
        private = lambda url: HttpUpstream("t", url, via="gw-1", network="private")  # noqa: E731
        with pytest.raises(GatewayError) as refused:
            async with asyncio.timeout(DEADLINE):
                issuer = ClientCredentials("", server.url, "env:ID", "env:SECRET")
                await TokenFetch(issuer, SECRETS.__getitem__, private)()
    assert refused.value.kind is errors.EGRESS_DENIED
