import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from dragoman import errors
from dragoman.errors import ConfigError, GatewayError
from dragoman.policy.credentials import Credential, parse, reveal
from dragoman.ports import Headers, Reply, Timeouts, Upstream, UpstreamRequest
from dragoman.upstreams.http import HttpUpstream
from tests.upstreams.raw_server import CHUNKED, OK, Peer, Seen, Server, answering, echo_ok, serve

GET = UpstreamRequest("GET", "/", [])
DEADLINE = 10.0
SECRETS = {"env:KEY": "sk-canary-123", "env:USER": "aladdin"}


def upstream(server: Server, path: str = "", *, credential: str = "none", max_connections: int = 1000) -> HttpUpstream:
    return HttpUpstream(
        "mine",
        server.url + path,
        via="gw-1",
        credential=reveal(parse(credential), SECRETS.__getitem__),
        max_connections=max_connections,
    )


async def read_all(reply: Reply) -> bytes:
    body = b""
    while chunk := await reply.read():
        body += chunk
    return body


async def call(client: Upstream, request: UpstreamRequest = GET) -> tuple[int, Headers, bytes]:
    async with asyncio.timeout(DEADLINE):
        reply = await client.open(request)
        try:
            return reply.status, reply.headers, await read_all(reply)
        finally:
            reply.close()


async def sent(request: UpstreamRequest, *, path: str = "", credential: str = "none") -> Seen:
    """What a server sees of `request`."""
    async with serve(echo_ok) as server:
        client = upstream(server, path, credential=credential)
        assert (await call(client, request))[0] == 200
        await client.close()
        return server.requests[0]


async def received(answer: bytes, method: str = "GET") -> tuple[int, Headers, bytes]:
    """What comes of a server's `answer`."""
    async with serve(answering(answer)) as server:
        client = upstream(server)
        try:
            return await call(client, UpstreamRequest(method, "/", []))
        finally:
            await client.close()


async def refused(request: UpstreamRequest) -> GatewayError:
    """Why `request` is not sent."""
    async with serve(echo_ok) as server:
        client = upstream(server)
        with pytest.raises(GatewayError) as caught:
            await call(client, request)
        await client.close()
        assert server.connections == 0
        assert caught.value.kind is errors.INVALID_REQUEST
        return caught.value


# What goes out


async def test_nothing_is_added_but_host_and_via() -> None:
    seen = await sent(GET)
    assert seen.line == b"GET / HTTP/1.1"
    assert [name for name, _ in seen.headers] == [b"Host", b"via"]
    assert seen.values(b"via") == [b"1.1 gw-1"]


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH"])
async def test_a_body_of_bytes_adds_its_length_and_no_type(method: str) -> None:
    seen = await sent(UpstreamRequest(method, "/", [], b"hello"))
    assert [name for name, _ in seen.headers] == [b"Host", b"via", b"Content-Length"]
    assert (seen.body, seen.values(b"content-length")) == (b"hello", [b"5"])


@pytest.mark.parametrize(
    "target",
    [
        "/a%2Fb", "/%2e%2e/x", "/a/../b/./c", "//a//b", "/a?", "/?", "/a?b=c+d&e=%20", "/a;b=c?d;e", "/a?b?c", "/%zz",
        "/a%", "/%C3%A4", "/a:b@c", "/?a=1&a=2&&=", "/~!$&'()*+,=", '/"<>[]{}|\\^`', "/a//", "/%2F%2f",
    ],
)  # fmt: skip
@pytest.mark.parametrize("base", ["", "/v1", "/v1/", "/%2Fx//y"])
async def test_the_target_is_sent_byte_for_byte_below_the_base_path(base: str, target: str) -> None:
    seen = await sent(UpstreamRequest("GET", target, []), path=base)
    assert seen.target.decode() == base.rstrip("/") + target


@pytest.mark.parametrize(
    ("base", "target", "expected"),
    [("/v1", "", b"/v1"), ("/v1", "?a", b"/v1?a"), ("", "", b"/"), ("", "?a", b"/?a"), ("/", "", b"/")],
)
async def test_an_empty_target_is_the_base_path_itself(base: str, target: str, expected: bytes) -> None:
    assert (await sent(UpstreamRequest("GET", target, []), path=base)).target == expected


@pytest.mark.parametrize(
    "target", ["/a#b", "/a b", "/a\r\nX: y", "/a\n", "/\u00e4", "a", "http://h/", "*", "/\x00", "/\x7f"]
)
async def test_a_target_that_is_no_path_and_query_is_refused_before_anything_is_sent(target: str) -> None:
    await refused(UpstreamRequest("GET", target, []))


@pytest.mark.parametrize(
    "method", ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "QUERY", "M-SEARCH"]
)
async def test_any_method_is_sent_as_it_is(method: str) -> None:
    assert (await sent(UpstreamRequest(method, "/", []))).line == f"{method} / HTTP/1.1".encode()


@pytest.mark.parametrize("method", ["get", "Post", "CONNECT", "", "GE T", "GET\r\nX: y", "G\u00cbT"])
async def test_a_method_that_would_be_changed_is_refused(method: str) -> None:
    await refused(UpstreamRequest(method, "/", []))


async def test_headers_keep_their_order_and_repetitions() -> None:
    given = [
        (b"x-b", b"1"),
        (b"accept", b"a/b"),
        (b"x-b", b"2"),
        (b"user-agent", b"me"),
        (b"accept-encoding", b"br"),
        (b"x-b", b""),
    ]
    seen = await sent(UpstreamRequest("POST", "/", [*given, (b"content-type", b"x/y")], b"{}"))
    kept = [pair for pair in seen.headers if pair[0] not in (b"Host", b"via", b"Content-Length")]
    assert [pair for pair in kept if pair[0] == b"x-b"] == [pair for pair in given if pair[0] == b"x-b"]
    assert sorted(kept) == sorted([*given, (b"content-type", b"x/y")])


async def test_spellings_of_one_header_name_do_not_replace_each_other() -> None:
    seen = await sent(UpstreamRequest("GET", "/", [(b"X-A", b"1"), (b"x-a", b"2"), (b"Via", b"1.0 other")]))
    assert seen.values(b"x-a") == [b"1", b"2"]
    assert sorted(seen.values(b"via")) == [b"1.0 other", b"1.1 gw-1"]


async def test_header_values_are_sent_byte_for_byte() -> None:
    value = 'caf\u00e9 \u20ac \U0001f600\t(x); q="1"'.encode()
    assert (await sent(UpstreamRequest("GET", "/", [(b"x-v", value)]))).values(b"x-v") == [value]


@pytest.mark.parametrize(
    "value", [b"a\r\nX-Evil: 1", b"a\nb", b"a\rb", b"a\x00b", b"\x7f", b"\x1b[0m", b"caf\xe9", b"\xed\xa0\x80"]
)
async def test_a_header_value_that_cannot_be_sent_as_it_is_is_refused(value: bytes) -> None:
    error = await refused(UpstreamRequest("GET", "/", [(b"x-v", value)]))
    assert "Evil" not in error.message


@pytest.mark.parametrize("name", [b"", b"x y", b"x:", b"x\r\ny", b"x\x00", b"\xc3\xa9", b"x(y)"])
async def test_a_header_name_that_is_no_token_is_refused(name: bytes) -> None:
    await refused(UpstreamRequest("GET", "/", [(name, b"1")]))


async def test_headers_of_this_hop_end_here() -> None:
    ending = [
        b"host", b"connection", b"keep-alive", b"proxy-connection", b"proxy-authorization", b"te", b"trailer",
        b"upgrade", b"transfer-encoding", b"content-length", b"expect", b"x-dragoman-key", b"Host",
        b"TRANSFER-ENCODING",
    ]  # fmt: skip
    seen = await sent(UpstreamRequest("POST", "/", [*((name, b"chunked") for name in ending), (b"x-a", b"1")], b"hi"))
    assert [name for name, _ in seen.headers] == [b"Host", b"via", b"x-a", b"Content-Length"]
    assert seen.values(b"host")[0].startswith(b"127.0.0.1:")


async def test_the_proxy_settings_of_the_environment_are_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    async with serve(echo_ok) as trap:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "HTTPS_PROXY"):
            monkeypatch.setenv(name, trap.url)
        monkeypatch.setenv("NO_PROXY", "")
        assert (await sent(GET)).line == b"GET / HTTP/1.1"
        assert trap.connections == 0


async def test_the_netrc_file_is_ignored(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login me password canary\n")
    monkeypatch.setenv("NETRC", str(netrc))
    assert (await sent(GET)).values(b"authorization") == []


async def test_cookies_are_never_stored() -> None:
    answer = OK.replace(b"\r\n\r\n", b"\r\nSet-Cookie: a=b; Path=/\r\n\r\n")

    async def script(peer: Peer) -> None:
        for _ in range(2):
            await peer.request()
            await peer.send(answer)

    async with serve(script) as server:
        client = upstream(server)
        assert (b"set-cookie", b"a=b; Path=/") in (await call(client))[1]
        await call(client)
        await client.close()
        assert server.requests[1].values(b"cookie") == []


# Credentials


@pytest.mark.parametrize(
    ("credential", "name", "value"),
    [
        ("bearer env:KEY", b"authorization", b"Bearer sk-canary-123"),
        ("header X-Api-Key env:KEY", b"x-api-key", b"sk-canary-123"),
        ("basic env:USER env:KEY", b"authorization", b"Basic YWxhZGRpbjpzay1jYW5hcnktMTIz"),
    ],
)
async def test_our_credential_goes_in_and_the_callers_keys_do_not(credential: str, name: bytes, value: bytes) -> None:
    mine = [
        (b"authorization", b"Bearer mine"),
        (b"X-Api-Key", b"mine"),
        (b"api-key", b"mine"),
        (b"x-goog-api-key", b"mine"),
    ]
    seen = await sent(UpstreamRequest("GET", "/", mine), credential=credential)
    assert seen.values(name) == [value]
    assert b"mine" not in b"".join(item for _, item in seen.headers)


async def test_a_query_credential_is_appended_to_the_target() -> None:
    seen = await sent(UpstreamRequest("GET", "/a?b=c+d&key=mine", []), path="/v1", credential="query key env:KEY")
    assert seen.target == b"/v1/a?b=c+d&key=sk-canary-123"


async def test_with_caller_the_callers_own_key_passes_but_not_the_gateways() -> None:
    mine = [(b"authorization", b"Bearer mine"), (b"x-api-key", b"mine"), (b"x-dragoman-key", b"drg_1")]
    seen = await sent(UpstreamRequest("GET", "/", mine), credential="caller")
    assert (seen.values(b"authorization"), seen.values(b"x-api-key")) == ([b"Bearer mine"], [b"mine"])
    assert seen.values(b"x-dragoman-key") == []


async def test_with_none_no_key_passes() -> None:
    seen = await sent(UpstreamRequest("GET", "/", [(b"authorization", b"Bearer mine"), (b"x-api-key", b"mine")]))
    assert [name for name, _ in seen.headers] == [b"Host", b"via"]


async def test_an_echoed_credential_is_redacted_and_no_repr_shows_it() -> None:
    async with serve(echo_ok) as server:
        client = upstream(server, credential="bearer env:KEY")
        assert client.redact(b'{"error":"bad key sk-canary-123"}') == b'{"error":"bad key [redacted]"}'
        assert repr(client) == "HttpUpstream('mine')"


# What comes back


async def test_response_headers_are_raw_lower_case_and_in_order() -> None:
    head = b"HTTP/1.1 418 T\r\nX-B: 1\r\nSet-Cookie: a\r\nx-b:  2 \r\nSET-COOKIE: b\r\nX-\xc3\x89: no"
    status, headers, body = await received(
        head.replace(b"\r\nX-\xc3\x89: no", b"\r\nX-E: caf\xe9\r\nContent-Length: 0\r\n\r\n")
    )
    assert (status, body) == (418, b"")
    assert headers == [
        (b"x-b", b"1"),
        (b"set-cookie", b"a"),
        (b"x-b", b"2"),
        (b"set-cookie", b"b"),
        (b"x-e", b"caf\xe9"),
        (b"content-length", b"0"),
    ]


async def test_a_content_encoded_body_is_not_decoded() -> None:
    answer = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 9\r\n\r\nnot gzip!"
    assert (await received(answer))[2] == b"not gzip!"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_an_answer_like_any_other(status: int) -> None:
    async with serve(echo_ok) as trap:
        answer = f"HTTP/1.1 {status} Go\r\nLocation: {trap.url}/\r\nContent-Length: 2\r\n\r\ngo".encode()
        assert (await received(answer))[::2] == (status, b"go")
        assert trap.connections == 0


@pytest.mark.parametrize(
    ("answer", "method"),
    [
        (b"HTTP/1.1 204 No Content\r\n\r\n", "GET"),
        (b"HTTP/1.1 204 No Content\r\n\r\n", "POST"),
        (b"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", "GET"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", "HEAD"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "HEAD"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "GET"),
        (b"HTTP/1.1 200 OK\r\n\r\n", "GET"),
        (CHUNKED + b"0\r\n\r\n", "GET"),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nX: 1\r\n\r\nHTTP/1.1 204 N\r\n\r\n", "GET"),
    ],
)
async def test_an_answer_without_a_body_ends_at_once(answer: bytes, method: str) -> None:
    assert (await received(answer, method))[2] == b""


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nabcdef",
        CHUNKED + b"1\r\na\r\n5;ext=1\r\nbcdef\r\n0\r\nX-Trailer: 1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n\r\nabcdef",
        b"HTTP/1.0 200 OK\r\n\r\nabcdef",
    ],
)
async def test_every_framing_is_read_to_its_end(answer: bytes) -> None:
    assert (await received(answer))[2] == b"abcdef"


async def test_chunks_come_as_they_are_sent() -> None:
    step = asyncio.Event()

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(CHUNKED)
        for number in range(3):
            await step.wait()
            step.clear()
            await peer.send(b"2\r\n%d\n\r\n" % number)
        await step.wait()
        await peer.send(b"0\r\n\r\n")

    async with serve(script) as server:
        client = upstream(server)
        reply = await client.open(GET)
        for number in range(3):
            step.set()
            assert await reply.read() == b"%d\n" % number
        step.set()
        assert (await reply.read(), await reply.read()) == (b"", b"")
        reply.close()
        await client.close()


async def test_a_read_may_be_cancelled_and_called_again_without_loss() -> None:
    step = asyncio.Event()

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(CHUNKED)
        for number in range(100):
            await step.wait()
            step.clear()
            await peer.send(b"4\r\n%03d.\r\n" % number)
        await peer.gone()

    async with serve(script) as server, asyncio.timeout(DEADLINE):
        client = upstream(server)
        reply = await client.open(GET)
        body, cancelled = b"", 0
        for number in range(100):
            reading = asyncio.get_running_loop().create_task(reply.read())
            await asyncio.sleep(0)
            step.set()
            # The cancellation meets the chunk before, on and after its way to the reader.
            for _ in range(number % 10):
                await asyncio.sleep(0)
            reading.cancel()
            try:
                body += await reading
            except asyncio.CancelledError:
                cancelled += 1
                body += await reply.read()
        assert body == b"".join(b"%03d." % number for number in range(100))
        assert 0 < cancelled < 100
        reply.close()
        await client.close()


# Request bodies


async def parts(*items: bytes) -> AsyncIterator[bytes]:
    for item in items:
        yield item


async def test_a_streamed_body_is_chunked_without_a_length() -> None:
    seen = await sent(UpstreamRequest("POST", "/", [], parts(b"ab", b"", b"cde")))
    assert seen.values(b"transfer-encoding") == [b"chunked"]
    assert (seen.values(b"content-length"), seen.body) == ([], b"abcde")


async def test_a_streamed_body_of_announced_length_is_not_chunked() -> None:
    request = UpstreamRequest(
        "PUT", "/", [(b"content-length", b"5"), (b"transfer-encoding", b"chunked")], parts(b"ab", b"cde")
    )
    seen = await sent(request)
    assert seen.values(b"content-length") == [b"5"]
    assert (seen.values(b"transfer-encoding"), seen.body) == ([], b"abcde")


@pytest.mark.parametrize("lengths", [[b"x"], [b"-1"], [b"+1"], [b"1_0"], [b""], [b"1", b"1"], [b"1", b"2"], [b" 1"]])
async def test_a_streamed_body_of_unclear_length_is_refused(lengths: list[bytes]) -> None:
    await refused(UpstreamRequest("POST", "/", [(b"content-length", value) for value in lengths], parts(b"a")))


async def test_bytes_decide_the_length_whatever_the_headers_say() -> None:
    seen = await sent(UpstreamRequest("POST", "/", [(b"content-length", b"99")], b"abc"))
    assert (seen.values(b"content-length"), seen.body) == ([b"3"], b"abc")


@pytest.mark.parametrize("size", [1 << 20, (1 << 20) + 1, 5_000_001])
async def test_a_large_body_arrives_whole(size: int) -> None:
    body = bytes(range(256)) * (size // 256) + b"x" * (size % 256)
    seen = await sent(UpstreamRequest("POST", "/", [], body))
    assert seen.body == body
    assert seen.values(b"content-length") == [b"%d" % size]


# Pool and deadlines


async def test_a_finished_connection_is_used_again() -> None:
    async with serve(echo_ok) as server:
        client = upstream(server)
        for _ in range(5):
            await call(client)
        assert (server.connections, len(server.requests)) == (1, 5)
        await client.close()


async def test_connections_are_bounded_and_a_call_waits_for_one() -> None:
    release = asyncio.Event()
    arrived = asyncio.Semaphore(0)

    async def script(peer: Peer) -> None:
        while True:
            await peer.request()
            arrived.release()
            await release.wait()
            await peer.send(OK)

    async with serve(script) as server, asyncio.timeout(DEADLINE):
        client = upstream(server, max_connections=2)
        async with asyncio.TaskGroup() as group:
            for _ in range(6):
                group.create_task(call(client))
            for _ in range(2):
                await arrived.acquire()
            release.set()
        assert server.connections == 2
        assert len(server.requests) == 6
        await client.close()


async def test_a_call_that_gets_no_connection_in_time_is_told_that_we_are_overloaded() -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(CHUNKED)
        await peer.gone()

    async with serve(script) as server:
        client = HttpUpstream("mine", server.url, via="g", max_connections=1, timeouts=Timeouts(connect=0.05))
        reply = await client.open(GET)
        with pytest.raises(GatewayError) as caught:
            await client.open(GET)
        assert caught.value.kind is errors.OVERLOADED
        assert server.connections == 1
        reply.close()
        await client.close()


async def test_closing_ends_open_answers_and_waiting_calls() -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(CHUNKED)
        await peer.gone()

    async with serve(script) as server, asyncio.timeout(DEADLINE):
        client = upstream(server, max_connections=1)
        reply = await client.open(GET)
        waiting = [asyncio.get_running_loop().create_task(client.open(GET)) for _ in range(3)]
        await asyncio.sleep(0)
        await client.close()
        with pytest.raises(GatewayError) as caught:
            await reply.read()
        assert caught.value.kind is errors.STREAM_ABORTED
        for outcome in (*waiting, client.open(GET)):
            with pytest.raises(GatewayError) as caught:
                await outcome
            assert caught.value.kind is errors.LINK_UNAVAILABLE
        await client.close()


async def test_closing_does_not_wait_for_an_upstream_that_does_not_read() -> None:
    begun = asyncio.Event()

    async def script(peer: Peer) -> None:
        await peer.reader.readuntil(b"\r\n\r\n")
        begun.set()
        await asyncio.Event().wait()

    async with serve(script) as server, asyncio.timeout(DEADLINE):
        client = upstream(server)
        request = UpstreamRequest("POST", "/", [], b"x" * 30_000_000)
        opening = asyncio.get_running_loop().create_task(client.open(request))
        await begun.wait()
        await client.close()
        with pytest.raises(GatewayError) as caught:
            await opening
        assert caught.value.kind is errors.LINK_UNAVAILABLE


async def test_a_cancelled_call_is_cancelled_also_while_the_upstream_is_closed() -> None:
    async def script(peer: Peer) -> None:
        await peer.gone()

    async with serve(script) as server, asyncio.timeout(DEADLINE):
        client = upstream(server)
        opening = asyncio.get_running_loop().create_task(client.open(GET))
        await asyncio.sleep(0)
        opening.cancel()
        await client.close()
        with pytest.raises(asyncio.CancelledError):
            await opening


async def test_nothing_is_opened_before_the_first_call() -> None:
    async with serve(echo_ok) as server:
        client = upstream(server)
        await client.close()
        assert server.connections == 0


@pytest.mark.parametrize(
    ("base_url", "key"),
    [("http://0x7f.1/", "base_url"), ("ftp://h", "base_url"), ("http://u:canary@h/", "base_url")],
)
def test_a_base_url_that_cannot_stand_is_a_configuration_error(base_url: str, key: str) -> None:
    with pytest.raises(ConfigError) as caught:
        HttpUpstream("mine", base_url, via="g")
    assert caught.value.key == f"upstreams.mine.{key}"
    assert "canary" not in str(caught.value)


def test_other_settings_that_cannot_stand_are_configuration_errors(tmp_path: Path) -> None:
    junk = tmp_path / "junk.pem"
    junk.write_text("no certificate")
    for key, setting in (
        ("max_connections", {"max_connections": 0}),
        ("ca_bundle", {"ca_bundle": tmp_path / "missing.pem"}),
        ("ca_bundle", {"ca_bundle": junk}),
        ("proxy", {"proxy": "http://u:canary@h"}),
    ):
        with pytest.raises(ConfigError) as caught:
            HttpUpstream("mine", "http://h", via="g", **setting)
        assert caught.value.key == f"upstreams.mine.{key}"
    with pytest.raises(ValueError, match="Via"):
        HttpUpstream("mine", "http://h", via="a b")


def test_an_upstream_is_made_outside_of_any_event_loop() -> None:
    client: Upstream = HttpUpstream("mine", "http://h", via="g", credential=Credential())
    assert client.timeouts == Timeouts()
