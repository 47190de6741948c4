"""The egress guard end to end: a listener on loopback that must see no connection."""

import socket
from collections.abc import Sequence
from ipaddress import ip_network

import pytest

from dragoman import errors
from dragoman.errors import ConfigError, GatewayError
from dragoman.policy.egress import Cidr
from dragoman.ports import UpstreamRequest
from dragoman.upstreams.dial import AddressRefused, Gate, Resolve, system_resolve
from dragoman.upstreams.http import HttpUpstream
from tests.upstreams.raw_server import answering, echo_ok, serve

CLOSING = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok"
GET = UpstreamRequest("GET", "/", [])
# 127.0.0.2 plays a public address, 127.0.0.1 a private one.
PUBLIC, PRIVATE = "127.0.0.2", "127.0.0.1"
ALLOW: tuple[Cidr, ...] = (ip_network("127.0.0.2/32"),)

LITERALS = (
    "127.0.0.1", "127.0.0.2", "127.1.2.3", "127.255.255.254", "0.0.0.0", "[::1]", "[::]", "[0:0:0:0:0:0:0:1]",
    "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::ffff:0.0.0.0]", "[0:0:0:0:0:ffff:7f00:1]", "[::127.0.0.1]",
    "[::7f00:1]", "[64:ff9b::127.0.0.1]", "[64:ff9b::7f00:1]", "[64:ff9b:1::7f00:1]", "[2002:7f00:1::]",
    "[2002:7f00:1::1]", "[2001:0:7f00:1::]", "[fe80::1]", "[fec0::1]", "[fc00::1]", "[fd00::1]", "[ff02::1]",
    "[100::1]", "[2001:db8::1]", "[3fff::1]", "[5f00::1]", "169.254.169.254", "[::ffff:169.254.169.254]",
    "[fd00:ec2::254]", "100.100.100.200", "168.63.129.16", "10.0.0.1", "172.16.0.1", "192.168.0.1", "100.64.0.1",
    "192.0.0.192", "192.0.2.1", "198.18.0.1", "224.0.0.1", "240.0.0.1", "255.255.255.255",
)  # fmt: skip
NAMES = ("localhost", "LOCALHOST")
ODD = (
    "2130706433", "017700000001", "0x7f000001", "0x7f.1", "127.1", "127.0.1", "0177.0.0.1", "127.0.0.01",
    "127.0.0.0x1", "0", "0x0", "00.0.0.0", "127.0.0.1.", "localhost.", "user@127.0.0.1", "good.example@127.0.0.1",
    "good.example:80@127.0.0.1", "127.0.0.1%00.good.example", "127.0.0.1\\.good.example", "127.0.0.1#.good.example",
    "127.0.0.1?.good.example", "127.0.0.1\t", "127.0.0.1\r\nX: y", " 127.0.0.1", "[::1%lo]", "[::1%25lo]",
    "[fe80::1%25eth0]", "[127.0.0.1]", "[::ffff:127.1]", "::1", "\uff11\uff12\uff17.0.0.1",
    "127\u30020\u30020\u30021", "\u2460\u2461\u2466.0.0.1", "loc\xadalhost", "l\xf6calhost", "%31%32%37.0.0.1", "",
    "..",
)  # fmt: skip


def answers(*addresses: str) -> Resolve:
    """A resolver that says what it is told, each list of addresses separated by blanks in its turn."""
    turns = [turn.split() for turn in addresses]

    async def resolve(host: str, port: int) -> Sequence[str]:
        return turns.pop(0) if len(turns) > 1 else turns[0]

    return resolve


async def denied(client: HttpUpstream) -> GatewayError:
    with pytest.raises(GatewayError) as caught:
        await client.open(GET)
    await client.close()
    assert caught.value.kind is errors.EGRESS_DENIED
    assert caught.value.__cause__ is caught.value.__context__ is None
    return caught.value


@pytest.mark.parametrize("host", [*LITERALS, *NAMES])
async def test_a_special_address_is_never_dialled_from_a_public_upstream(host: str) -> None:
    async with serve(echo_ok, host="0.0.0.0") as canary:
        error = await denied(HttpUpstream("mine", f"http://{host}:{canary.port}", via="g", network="public"))
        assert canary.connections == 0
    assert error.message.startswith("Upstream 'mine' leads to ")
    assert host.strip("[]").lower() not in error.message


@pytest.mark.parametrize("host", ODD)
async def test_an_odd_spelling_does_not_get_as_far_as_a_socket(host: str) -> None:
    async with serve(echo_ok, host="0.0.0.0") as canary:
        with pytest.raises(ConfigError):
            HttpUpstream("mine", f"http://{host}:{canary.port}", via="g", network="any")
        assert canary.connections == 0


@pytest.mark.parametrize("address", [literal.strip("[]") for literal in LITERALS])
async def test_a_name_that_leads_to_a_special_address_is_not_dialled(address: str) -> None:
    async with serve(echo_ok, host="0.0.0.0") as canary:
        url = f"http://evil.example:{canary.port}"
        error = await denied(HttpUpstream("mine", url, via="g", resolve=answers(address)))
        assert canary.connections == 0
    assert "evil.example" not in error.message


def test_the_forms_tried_are_many() -> None:
    assert len(set(LITERALS)) + len(NAMES) + len(set(ODD)) >= 60


@pytest.mark.parametrize(
    "mixed",
    [f"{PUBLIC} {PRIVATE}", f"{PRIVATE} {PUBLIC}", f"{PUBLIC} ::1", f"{PUBLIC} {PUBLIC} fe80::1%1", f"{PUBLIC} x"],
)
async def test_one_refused_address_refuses_the_whole_answer(mixed: str) -> None:
    async with serve(echo_ok, host="0.0.0.0") as canary:
        url = f"http://evil.example:{canary.port}"
        await denied(HttpUpstream("mine", url, via="g", network="public", allow_cidrs=ALLOW, resolve=answers(mixed)))
        assert canary.connections == 0


async def test_a_name_that_rebinds_gets_no_second_connection() -> None:
    async with (
        serve(answering(CLOSING), host=PUBLIC) as public,
        serve(echo_ok, host=PRIVATE, port=public.port) as private,
    ):
        client = HttpUpstream(
            "mine",
            f"http://evil.example:{public.port}",
            via="g",
            network="public",
            allow_cidrs=ALLOW,
            resolve=answers(PUBLIC, PRIVATE),
            dns_ttl=0,
        )
        reply = await client.open(GET)
        assert (await reply.read(), await reply.read()) == (b"ok", b"")
        reply.close()
        # The answer said so, and the next call has to dial, and to ask, again.
        await denied(client)
        assert (public.connections, private.connections) == (1, 0)


async def test_an_answer_is_kept_for_its_time_and_asked_for_once() -> None:
    asked = []

    async def resolve(host: str, port: int) -> Sequence[str]:
        asked.append((host, port))
        return [PRIVATE]

    async with serve(answering(CLOSING)) as server:
        client = HttpUpstream("mine", f"http://box.internal:{server.port}", via="g", resolve=resolve)
        for _ in range(3):
            (await client.open(GET)).close()
        await client.close()
        assert asked == [("box.internal", server.port)]
        assert server.connections == 3


async def test_a_redirect_to_a_private_address_is_not_followed() -> None:
    async with serve(echo_ok, host=PRIVATE) as canary:
        answer = f"HTTP/1.1 302 F\r\nLocation: http://{PRIVATE}:{canary.port}/\r\nContent-Length: 0\r\n\r\n"
        async with serve(answering(answer.encode()), host=PUBLIC) as public:
            url = f"http://{PUBLIC}:{public.port}"
            client = HttpUpstream("mine", url, via="g", network="public", allow_cidrs=ALLOW)
            reply = await client.open(GET)
            assert reply.status == 302
            reply.close()
            await client.close()
        assert canary.connections == 0


async def test_the_host_says_which_network_an_upstream_may_reach() -> None:
    async with serve(echo_ok) as server:
        for host in ("127.0.0.1", "localhost"):
            client = HttpUpstream("mine", f"http://{host}:{server.port}", via="g")
            (await client.open(GET)).close()
            await client.close()
        single = HttpUpstream("mine", f"http://vllm:{server.port}", via="g", resolve=answers(PRIVATE))
        (await single.open(GET)).close()
        await single.close()
        await denied(HttpUpstream("mine", f"http://vllm:{server.port}", via="g", resolve=answers("169.254.169.254")))
        await denied(HttpUpstream("mine", f"http://api.example:{server.port}", via="g", resolve=answers(PRIVATE)))
        assert server.connections == 3


async def test_the_second_address_is_tried_when_the_first_does_not_answer() -> None:
    async with serve(echo_ok, host="127.0.0.3") as server:
        url = f"http://box.internal:{server.port}"
        client = HttpUpstream("mine", url, via="g", resolve=answers("127.0.0.2 127.0.0.3"))
        (await client.open(GET)).close()
        await client.close()
        assert server.connections == 1


def test_the_gate_judges_the_address_of_the_socket_itself() -> None:
    gate = Gate("public", ALLOW)
    with pytest.raises(AddressRefused, match="loopback"):
        gate.make_socket((socket.AF_INET, socket.SOCK_STREAM, 0, "", (PRIVATE, 80)))
    with pytest.raises(AddressRefused, match="link-local"):
        gate.make_socket((socket.AF_INET6, socket.SOCK_STREAM, 0, "", ("fe80::1", 80, 0, 0)))
    gate.make_socket((socket.AF_INET, socket.SOCK_STREAM, 0, "", (PUBLIC, 80))).close()


async def test_the_systems_resolver_gives_addresses() -> None:
    assert "127.0.0.1" in await system_resolve("localhost", 80)


async def test_only_the_proxy_is_dialled_and_the_target_is_judged_as_written() -> None:
    async with serve(echo_ok) as proxy, serve(echo_ok) as canary:
        setting = {"via": "g", "proxy": proxy.url}
        client = HttpUpstream("mine", "http://api.example/v1", **setting)  # type: ignore[arg-type]
        reply = await client.open(UpstreamRequest("GET", "/a%2Fb?", []))
        reply.close()
        await client.close()
        assert proxy.requests[0].line == b"GET http://api.example/v1/a%2Fb? HTTP/1.1"
        assert proxy.requests[0].values(b"host") == [b"api.example"]
        with pytest.raises(ConfigError, match="loopback"):
            HttpUpstream("mine", f"http://127.0.0.1:{canary.port}", network="public", **setting)  # type: ignore[arg-type]
        assert canary.connections == 0
