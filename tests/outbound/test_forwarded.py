"""What is forwarded is what was judged: raw requests to an alias, whatever their path and framing."""

import itertools
import re
from typing import Final

import pytest

from tests.support.live import Live

PREFIX: Final = "/api/oagw/v1/proxy/openai"
PATHS: Final = {
    "plain": "/v1/echo", "encoded": "/v1/a%20b", "encoded-slash": "/v1/a%2Fb", "dots": "/v1/../secret",
    "encoded-dots": "/v1/%2e%2e/secret", "half-encoded-dots": "/v1/.%2e/secret", "dot": "/v1/./x",
    "double-slash": "/v1//x", "backslash": "/v1/%5c..%5cx", "nul": "/v1/%00", "line": "/v1/%0d%0aX-A:%20b",
    "semicolon": "/v1/x;a=b", "query": "/v1/x?a=1&a=2", "query-encoded": "/v1/x?u=http%3A%2F%2Fevil",
    "empty": "/v1/x?",
    "query-slash": "/v1/x?/../y", "at": "/v1/@evil.example/x", "absolute": "/http://evil.example/x",
    "utf8": "/v1/%C3%BC",
    "double-encoded": "/v1/%252e%252e/x", "trailing": "/v1/x/", "colon": "/v1/x:443/",
}  # fmt: skip
BODY: Final = b'{"n": 1}'
FRAMINGS: Final = {
    "none": (b"", b""),
    "length": (b"Content-Length: 8\r\n", BODY),
    "chunked": (b"Transfer-Encoding: chunked\r\n", b"8\r\n" + BODY + b"\r\n0\r\n\r\n"),
    "chunks": (b"Transfer-Encoding: chunked\r\n", b"3;x=y\r\n" + BODY[:3] + b"\r\n5\r\n" + BODY[3:] + b"\r\n0\r\n\r\n"),
    "both": (b"Content-Length: 8\r\nTransfer-Encoding: chunked\r\n", b"8\r\n" + BODY + b"\r\n0\r\n\r\n"),
    "two-lengths": (b"Content-Length: 8\r\nContent-Length: 9\r\n", BODY + b"x"),
    "signed": (b"Content-Length: +8\r\n", BODY),
    "obscured": (b"Transfer-Encoding : chunked\r\n", b"8\r\n" + BODY + b"\r\n0\r\n\r\n"),
    "smuggled": (b"Content-Length: 8\r\n", BODY + b"GET /api/oagw/v1/proxy/openai/stolen HTTP/1.1\r\n\r\n"),
}  # fmt: skip
REFUSED: Final = {"both", "two-lengths", "signed", "obscured"}
CASES: Final = list(itertools.product(PATHS, FRAMINGS))


def test_there_are_as_many_as_promised() -> None:
    assert len(CASES) >= 198


@pytest.mark.parametrize(("path", "framing"), CASES)
def test_a_request_is_refused_or_arrives_as_it_was_judged(live: Live, path: str, framing: str) -> None:
    before = live.received
    headers, body = FRAMINGS[framing]
    head = f"POST {PREFIX}{PATHS[path]} HTTP/1.1\r\nHost: gateway\r\nAuthorization: Bearer {live.key}\r\n".encode()
    answer = live.raw(head + b"Connection: close\r\n" + headers + b"\r\n" + body)
    status = int(answer.split(b" ", 2)[1])
    arrived = live.entries(before)

    if framing in REFUSED:
        assert (status, arrived) == (400, [])
        return
    assert re.search(rb"(?i)x-oagw-error-source: (gateway|upstream)", answer)
    for entry in arrived:
        sent = PATHS[path].partition("?")
        assert (entry.method, entry.body) == ("POST", "" if framing == "none" else BODY.decode())
        assert entry.path == f"/openai{sent[0]}"
        assert "stolen" not in entry.path
    assert len(arrived) == (0 if 400 <= status < 500 and b"x-oagw-error-source: gateway" in answer.lower() else 1)
    assert not arrived or ".." not in arrived[0].path.replace("%252e%252e", "")
