"""Requests that servers in a chain read differently: refused, or seen exactly as they were sent.

Every row is sent in one piece and byte by byte, with equal results.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.gateway.edge_server import App, Running, serving

H = b"Host: gateway\r\n"


@dataclass(frozen=True)
class Bad:
    """`raw` must be answered with `status`; `first` is the target of a good request that it follows."""

    raw: bytes
    status: int = 400
    first: bytes | None = None
    started: int = 0
    """Calls that begin before their body turns out to be broken."""


def head(*lines: bytes, start: bytes = b"GET / HTTP/1.1") -> bytes:
    return b"\r\n".join([start, *lines, b"", b""])


def host(value: bytes) -> bytes:
    return head(b"Host: " + value)


def body(*lines: bytes, rest: bytes = b"") -> bytes:
    return head(b"Host: gateway", *lines, start=b"POST /x HTTP/1.1") + rest


def chunked(rest: bytes) -> Bad:
    return Bad(body(b"Transfer-Encoding: chunked", rest=rest), started=1)


BAD: dict[str, Bad] = {
    # Content-Length
    "differing Content-Lengths": Bad(body(b"Content-Length: 3", b"Content-Length: 4", rest=b"abcd")),
    "equal Content-Lengths": Bad(body(b"Content-Length: 3", b"Content-Length: 3", rest=b"abc")),
    "Content-Length list": Bad(body(b"Content-Length: 3, 3", rest=b"abc")),
    "Content-Length with plus": Bad(body(b"Content-Length: +3", rest=b"abc")),
    "Content-Length negative": Bad(body(b"Content-Length: -3", rest=b"abc")),
    "Content-Length hexadecimal": Bad(body(b"Content-Length: 0x3", rest=b"abc")),
    "Content-Length with underscore": Bad(body(b"Content-Length: 1_0", rest=b"abcdefghij")),
    "Content-Length empty": Bad(body(b"Content-Length: ", rest=b"abc")),
    "Content-Length empty, then one": Bad(body(b"Content-Length:", b"Content-Length: 3", rest=b"abc")),
    "Content-Length of 2**64 + 3": Bad(body(b"Content-Length: 18446744073709551619", rest=b"abc")),
    "Content-Length with a space inside": Bad(body(b"Content-Length: 1 0", rest=b"abcdefghij")),
    "Content_Length": Bad(body(b"Content_Length: 3", rest=b"abc")),
    # Transfer-Encoding
    "Content-Length, then Transfer-Encoding": Bad(
        body(b"Content-Length: 5", b"Transfer-Encoding: chunked", rest=b"0\r\n\r\n")
    ),
    "Transfer-Encoding, then Content-Length": Bad(
        body(b"Transfer-Encoding: chunked", b"Content-Length: 5", rest=b"0\r\n\r\n")
    ),
    "Transfer-Encoding on HTTP/1.0": Bad(
        head(b"Host: gateway", b"Transfer-Encoding: chunked", start=b"POST / HTTP/1.0") + b"0\r\n\r\n"
    ),
    "chunked twice": Bad(body(b"Transfer-Encoding: chunked", b"Transfer-Encoding: chunked", rest=b"0\r\n\r\n")),
    "chunked twice in one field": Bad(body(b"Transfer-Encoding: chunked, chunked", rest=b"0\r\n\r\n")),
    "chunked not last": Bad(body(b"Transfer-Encoding: chunked, identity", rest=b"0\r\n\r\n")),
    "gzip, chunked": Bad(body(b"Transfer-Encoding: gzip, chunked", rest=b"0\r\n\r\n")),
    "identity": Bad(body(b"Transfer-Encoding: identity")),
    "xchunked": Bad(body(b"Transfer-Encoding: xchunked", rest=b"0\r\n\r\n")),
    "chunked in quotes": Bad(body(b'Transfer-Encoding: "chunked"', rest=b"0\r\n\r\n")),
    "chunked with a parameter": Bad(body(b"Transfer-Encoding: chunked;q=1", rest=b"0\r\n\r\n")),
    "chunked after a vertical tab": Bad(body(b"Transfer-Encoding: \x0bchunked", rest=b"0\r\n\r\n")),
    "chunked before a NUL": Bad(body(b"Transfer-Encoding: chunked\x00", rest=b"0\r\n\r\n")),
    "Transfer-Encoding empty": Bad(body(b"Transfer-Encoding: ")),
    "Transfer_Encoding": Bad(body(b"Transfer_Encoding: chunked", rest=b"0\r\n\r\n")),
    "TRANSFER_ENCODING beside Content-Length": Bad(
        body(b"Content-Length: 3", b"TRANSFER_ENCODING: chunked", rest=b"abc")
    ),
    # chunks
    "chunk size of 2**64 + 3": chunked(b"10000000000000003\r\nabc\r\n0\r\n\r\n"),
    "chunk size negative": chunked(b"-1\r\nabc\r\n0\r\n\r\n"),
    "chunk size with 0x": chunked(b"0x3\r\nabc\r\n0\r\n\r\n"),
    "chunk size with underscore": chunked(b"1_0\r\nabc\r\n0\r\n\r\n"),
    "chunk size with plus": chunked(b"+3\r\nabc\r\n0\r\n\r\n"),
    "chunk size before a space": chunked(b"3 \r\nabc\r\n0\r\n\r\n"),
    "chunk size empty": chunked(b"\r\nabc\r\n0\r\n\r\n"),
    "chunk size before a bare LF": chunked(b"3\nabc\r\n0\r\n\r\n"),
    "chunk size before a bare CR": chunked(b"3\rabc\r\n0\r\n\r\n"),
    "chunk longer than its size": chunked(b"3\r\nabcd\r\n0\r\n\r\n"),
    "chunk that ends in LF": chunked(b"3\r\nabc\n0\r\n\r\n"),
    "chunk extension with a bare LF": chunked(b"3;a=\nb\r\nabc\r\n0\r\n\r\n"),
    "trailer with a bare LF": chunked(b"0\r\nX-A: b\n\r\n"),
    # Host
    "no Host": Bad(head()),
    "two Hosts": Bad(head(b"Host: gateway", b"Host: other")),
    "two equal Hosts": Bad(head(b"Host: gateway", b"Host: gateway")),
    "two Hosts on HTTP/1.0": Bad(head(b"Host: a", b"Host: b", start=b"GET / HTTP/1.0")),
    "Host empty": Bad(host(b"")),
    "Host with userinfo": Bad(host(b"user@gateway")),
    "Host with userinfo and password": Bad(host(b"user:secret@gateway")),
    "Host list": Bad(host(b"gateway, other")),
    "Host with a space": Bad(host(b"gate way")),
    "Host with a path": Bad(host(b"gateway/path")),
    "Host with a query": Bad(host(b"gateway?a")),
    "Host with a fragment": Bad(host(b"gateway#a")),
    "Host with a backslash": Bad(host(b"gateway\\other")),
    "Host with two ports": Bad(host(b"gateway:80:80")),
    "Host with a port of letters": Bad(host(b"gateway:http")),
    "Host with a port of 65536": Bad(host(b"gateway:65536")),
    "Host with a negative port": Bad(host(b"gateway:-1")),
    "Host of a port alone": Bad(host(b":8080")),
    "Host in UTF-8": Bad(host("gäteway".encode())),
    "Host of an open bracket": Bad(host(b"[::1")),
    "Host of a false IPv6 address": Bad(host(b"[::1::2]")),
    "Host of an IPv6 address with a zone": Bad(host(b"[fe80::1%25eth0]")),
    "Host of a bare IPv6 address": Bad(host(b"::1")),
    "H_ost is no Host": Bad(head(b"H_ost: gateway")),
    # target
    "absolute target of another host": Bad(head(b"Host: gateway", start=b"GET http://other/ HTTP/1.1")),
    "absolute target of another port": Bad(head(b"Host: gateway", start=b"GET http://gateway:81/ HTTP/1.1")),
    "absolute target with userinfo": Bad(head(b"Host: gateway", start=b"GET http://user@gateway/ HTTP/1.1")),
    "absolute target without Host": Bad(head(start=b"GET http://gateway/ HTTP/1.1")),
    "absolute target without Host on HTTP/1.0": Bad(head(start=b"GET http://gateway/ HTTP/1.0")),
    "absolute target of another scheme": Bad(head(b"Host: gateway", start=b"GET ftp://gateway/ HTTP/1.1")),
    "authority target without CONNECT": Bad(head(b"Host: gateway", start=b"GET gateway:80 HTTP/1.1")),
    "CONNECT": Bad(head(b"Host: gateway:443", start=b"CONNECT gateway:443 HTTP/1.1") + b"\x16\x03", 405),
    "CONNECT with a path": Bad(head(b"Host: gateway", start=b"CONNECT /x HTTP/1.1"), 405),
    "OPTIONS *": Bad(head(b"Host: gateway", start=b"OPTIONS * HTTP/1.1")),
    "GET *": Bad(head(b"Host: gateway", start=b"GET * HTTP/1.1")),
    "target without a slash": Bad(head(b"Host: gateway", start=b"GET x HTTP/1.1")),
    "target with a fragment": Bad(head(b"Host: gateway", start=b"GET /a#b HTTP/1.1")),
    "target in UTF-8": Bad(head(b"Host: gateway", start="GET /ä HTTP/1.1".encode())),
    "query in UTF-8": Bad(head(b"Host: gateway", start="GET /?ä HTTP/1.1".encode())),
    "target with a tab": Bad(head(b"Host: gateway", start=b"GET /a\tb HTTP/1.1")),
    "target with a form feed": Bad(head(b"Host: gateway", start=b"GET /a\x0cb HTTP/1.1")),
    "target with a NUL": Bad(head(b"Host: gateway", start=b"GET /a\x00b HTTP/1.1")),
    "target with a DEL": Bad(head(b"Host: gateway", start=b"GET /a\x7fb HTTP/1.1")),
    "query with a control character": Bad(head(b"Host: gateway", start=b"GET /?a\x01b HTTP/1.1")),
    "target with a bare CR": Bad(head(b"Host: gateway", start=b"GET /a\rb HTTP/1.1")),
    "target with a space": Bad(head(b"Host: gateway", start=b"GET /a b HTTP/1.1")),
    # request line
    "HTTP/2 preface": Bad(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    "HTTP/2.0": Bad(head(b"Host: gateway", start=b"GET / HTTP/2.0")),
    "HTTP/1.10": Bad(head(b"Host: gateway", start=b"GET / HTTP/1.10")),
    "HTTP/1.2": Bad(head(b"Host: gateway", start=b"GET / HTTP/1.2")),
    "HTTP/0.9": Bad(b"GET /\r\n\r\n"),
    "http/1.1 in small letters": Bad(head(b"Host: gateway", start=b"GET / http/1.1")),
    "no version": Bad(head(b"Host: gateway", start=b"GET / ")),
    "method in small letters": Bad(head(b"Host: gateway", start=b"get / HTTP/1.1")),
    "method unknown": Bad(head(b"Host: gateway", start=b"GETS / HTTP/1.1")),
    "method of RTSP": Bad(head(b"Host: gateway", start=b"DESCRIBE / HTTP/1.1")),
    "TLS hello": Bad(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(32)),
    "not HTTP": Bad(b"hello\r\n\r\n"),
    # field lines
    "bare LF": Bad(b"GET / HTTP/1.1\nHost: gateway\n\n"),
    "bare LF in one field": Bad(b"GET / HTTP/1.1\r\nHost: gateway\r\nA: b\nC: d\r\n\r\n"),
    "bare CR in a value": Bad(head(b"Host: gateway", b"A: b\rC: d")),
    "obs-fold": Bad(head(b"Host: gateway", b"A: b\r\n c")),
    "obs-fold with a tab": Bad(head(b"Host: gateway", b"A: b\r\n\tc")),
    "field line before the first begins with a space": Bad(head(b" A: b", b"Host: gateway")),
    "space before the colon": Bad(head(b"Host : gateway")),
    "tab before the colon": Bad(head(b"Host\t: gateway")),
    "space inside a name": Bad(head(b"Host: gateway", b"X A: b")),
    "empty name": Bad(head(b"Host: gateway", b": b")),
    "no colon": Bad(head(b"Host: gateway", b"nonsense")),
    "NUL in a name": Bad(head(b"Host: gateway", b"A\x00: b")),
    "NUL in a value": Bad(head(b"Host: gateway", b"A: b\x00c")),
    "DEL in a value": Bad(head(b"Host: gateway", b"A: b\x7fc")),
    "8-bit name": Bad(head(b"Host: gateway", b"\xc3\xa4: b")),
    # twins, that a CGI-like hop would turn into the real thing
    "X_Forwarded_For": Bad(head(b"Host: gateway", b"X_Forwarded_For: 1.2.3.4")),
    "X-Forwarded_Proto": Bad(head(b"Host: gateway", b"X-Forwarded_Proto: https")),
    "Forwarded_": Bad(head(b"Host: gateway", b"Forwarded_: for=1.2.3.4")),
    "X_Real_IP": Bad(head(b"Host: gateway", b"X_Real_IP: 1.2.3.4")),
    "X_API_Key": Bad(head(b"Host: gateway", b"X_API_Key: secret")),
    "X_Request_ID": Bad(head(b"Host: gateway", b"X_Request_ID: x")),
    "X_OAGW_Error_Source": Bad(head(b"Host: gateway", b"X_OAGW_Error_Source: upstream")),
    "x_dragoman_key": Bad(head(b"Host: gateway", b"x_dragoman_key: x")),
    # expectation
    "Expect of something else": Bad(body(b"Content-Length: 3", b"Expect: 200-ok", rest=b"abc")),
    "Expect list": Bad(body(b"Content-Length: 3", b"Expect: 100-continue, 200-ok", rest=b"abc")),
    # after a good request
    "garbage after a request": Bad(head(b"Host: gateway", start=b"GET /1 HTTP/1.1") + b"garbage\r\n\r\n", first=b"/1"),
    "body after a GET": Bad(head(b"Host: gateway", start=b"GET /1 HTTP/1.1") + b'{"a":1}\r\n\r\n', first=b"/1"),
    "body one byte too long": Bad(body(b"Content-Length: 3", rest=b"abcX\r\n\r\n"), first=b"/x"),
    "bytes after the last chunk": Bad(
        body(b"Transfer-Encoding: chunked", rest=b"0\r\n\r\nX\r\n\r\n"), first=b"/x"
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Good:
    """`raw` is answered 200, and the application sees this."""

    raw: bytes
    method: str = "GET"
    target: bytes = b"/"
    headers: tuple[tuple[bytes, bytes], ...] = ((b"host", b"gateway"),)
    body: bytes = b""
    version: str = "1.1"


def seen_host(value: bytes) -> Good:
    return Good(host(value), headers=((b"host", value),))


POSTED = (b"host", b"gateway")
GOOD: dict[str, Good] = {
    "plain": Good(head(b"Host: gateway")),
    "empty lines first": Good(b"\r\n\r\n" + head(b"Host: gateway")),
    "HTTP/1.0": Good(head(b"Host: gateway", start=b"GET / HTTP/1.0"), version="1.0"),
    "HTTP/1.0 without Host": Good(head(start=b"GET / HTTP/1.0"), headers=(), version="1.0"),
    "Host with a port": seen_host(b"gateway:8088"),
    "Host of an IPv4 address": seen_host(b"127.0.0.1:8088"),
    "Host of an IPv6 address": seen_host(b"[::1]:8088"),
    "Host with an underscore": seen_host(b"my_service"),
    "Host in capitals": seen_host(b"GateWay.Example."),
    "absolute target": Good(
        head(b"Host: gateway", start=b"GET http://gateway/a?b HTTP/1.1"), target=b"/a?b"
    ),
    "absolute target in capitals": Good(
        head(b"Host: gateway", start=b"GET HTTP://GATEWAY/A HTTP/1.1"), target=b"/A"
    ),
    "absolute target without a path": Good(head(b"Host: gateway", start=b"GET http://gateway HTTP/1.1")),
    "absolute target with a query alone": Good(
        head(b"Host: gateway", start=b"GET http://gateway?a HTTP/1.1"), target=b"/?a"
    ),
    "two slashes": Good(head(b"Host: gateway", start=b"GET //other/a HTTP/1.1"), target=b"//other/a"),
    "dots and escapes": Good(
        head(b"Host: gateway", start=b"GET /a/../%2e%2e/b%2Fc HTTP/1.1"), target=b"/a/../%2e%2e/b%2Fc"
    ),
    "URL in a query": Good(
        head(b"Host: gateway", start=b"GET /?u=http://a@b/?c&d=%00 HTTP/1.1"), target=b"/?u=http://a@b/?c&d=%00"
    ),
    "odd but printable target": Good(
        head(b"Host: gateway", start=b'GET /{a}|"b"^`<c>\\ HTTP/1.1'), target=b'/{a}|"b"^`<c>\\'
    ),
    "Content-Length": Good(
        body(b"Content-Length: 3", rest=b"abc"), "POST", b"/x", (POSTED, (b"content-length", b"3")), b"abc"
    ),
    "Content-Length of zero": Good(
        body(b"Content-Length: 0"), "POST", b"/x", (POSTED, (b"content-length", b"0"))
    ),
    "chunked": Good(
        body(b"Transfer-Encoding: chunked", rest=b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"),
        "POST", b"/x", (POSTED, (b"transfer-encoding", b"chunked")), b"abcde",
    ),
    "Chunked in capitals, with an extension": Good(
        body(b"Transfer-Encoding: Chunked", rest=b"3;a=b\r\nabc\r\n0\r\n\r\n"),
        "POST", b"/x", (POSTED, (b"transfer-encoding", b"Chunked")), b"abc",
    ),
    "trailers are dropped": Good(
        body(b"Transfer-Encoding: chunked", rest=b"3\r\nabc\r\n0\r\nAuthorization: x\r\nHost: y\r\n\r\n"),
        "POST", b"/x", (POSTED, (b"transfer-encoding", b"chunked")), b"abc",
    ),
    "GET with a body": Good(
        head(b"Host: gateway", b"Content-Length: 3") + b"abc",
        headers=(POSTED, (b"content-length", b"3")), body=b"abc",
    ),
    "underscores in other names": Good(
        head(b"Host: gateway", b"my_header: 1"), headers=(POSTED, (b"my_header", b"1"))
    ),
    "8-bit value": Good(head(b"Host: gateway", b"A: \xe4"), headers=(POSTED, (b"a", b"\xe4"))),
    "empty value": Good(head(b"Host: gateway", b"A:"), headers=(POSTED, (b"a", b""))),
    "repeated field": Good(
        head(b"Host: gateway", b"A: 1", b"A: 2"), headers=(POSTED, (b"a", b"1"), (b"a", b"2"))
    ),
    "Expect on HTTP/1.0 is ignored": Good(
        head(b"Host: gateway", b"Content-Length: 3", b"Expect: other", start=b"POST / HTTP/1.0") + b"abc",
        "POST", b"/", (POSTED, (b"content-length", b"3"), (b"expect", b"other")), b"abc", "1.0",
    ),
    "upgrade to h2c is ignored": Good(
        head(b"Host: gateway", b"Connection: Upgrade, HTTP2-Settings", b"Upgrade: h2c", b"HTTP2-Settings: x"),
        headers=(POSTED, (b"connection", b"Upgrade, HTTP2-Settings"), (b"http2-settings", b"x")),
    ),
    "upgrade with a body keeps the body": Good(
        body(b"Connection: Upgrade", b"Upgrade: websocket", b"Content-Length: 3", rest=b"abc"),
        "POST", b"/x", (POSTED, (b"connection", b"Upgrade"), (b"content-length", b"3")), b"abc",
    ),
    "upgrade with a chunked body keeps the body": Good(
        body(b"Connection: Upgrade", b"Upgrade: h2c", b"Transfer-Encoding: chunked", rest=b"3\r\nabc\r\n0\r\n\r\n"),
        "POST", b"/x", (POSTED, (b"connection", b"Upgrade"), (b"transfer-encoding", b"chunked")), b"abc",
    ),
    "Upgrade without its connection option": Good(
        head(b"Host: gateway", b"Upgrade: websocket"), headers=(POSTED, (b"upgrade", b"websocket"))
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def app() -> App:
    return App()


@pytest.fixture(scope="module")
def server(app: App) -> Iterator[Running]:
    with serving(app) as running:
        yield running


def test_the_table_is_as_large_as_promised() -> None:
    assert len(BAD) >= 60


@pytest.mark.parametrize("bytewise", [False, True], ids=["whole", "bytewise"])
@pytest.mark.parametrize("name", BAD)
def test_a_malformed_request_is_refused_and_its_connection_closed(
    server: Running, app: App, name: str, bytewise: bool
) -> None:
    case = BAD[name]
    app.seen.clear()
    begun = app.begun
    with server.client() as client:
        client.send(case.raw, bytewise=bytewise)
        if case.first is not None:
            assert client.answer().status == 200
        answer = client.answer()
        assert client.rest() == b""
    assert answer.status == case.status
    assert answer.code == ("method_not_allowed" if case.status == 405 else "bad_http")
    assert answer.headers["connection"] == "close"
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["x-oagw-error-source"] == "gateway"
    assert answer.headers["x-request-id"].startswith("req-")
    assert "date" in answer.headers
    assert [seen.target for seen in app.seen] == [case.first] * (case.first is not None)
    assert app.begun - begun <= len(app.seen) + case.started


@pytest.mark.parametrize("name", BAD)
def test_a_malformed_request_is_refused_after_good_ones_as_well(server: Running, app: App, name: str) -> None:
    case = BAD[name]
    with server.client() as client:
        for request in (body(b"Content-Length: 3", rest=b"abc"), head(b"Host: gateway")):
            client.send(request)
            assert client.answer().status == 200
        app.seen.clear()
        client.send(case.raw)
        if case.first is not None:
            assert client.answer().status == 200
        assert client.answer().status == case.status
        assert client.rest() == b""
    assert [seen.target for seen in app.seen] == [case.first] * (case.first is not None)


@pytest.mark.parametrize("bytewise", [False, True], ids=["whole", "bytewise"])
@pytest.mark.parametrize("name", GOOD)
def test_the_application_sees_what_was_sent(server: Running, app: App, name: str, bytewise: bool) -> None:
    case = GOOD[name]
    app.seen.clear()
    with server.client() as client:
        client.send(case.raw, bytewise=bytewise)
        assert client.answer().status == 200
        if case.version == "1.1":  # the connection is in order: the next request is read from the right place
            client.send(head(b"Host: gateway", start=b"GET /next HTTP/1.1"))
            assert client.answer().status == 200
    first = app.seen[0]
    assert (first.method, first.target, first.body, first.http_version) == (
        case.method, case.target, case.body, case.version
    )  # fmt: skip
    assert first.headers == list(case.headers)
    assert [seen.target for seen in app.seen[1:]] == [b"/next"] * (case.version == "1.1")
