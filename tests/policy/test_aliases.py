from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dragoman import errors
from dragoman.errors import GatewayError
from dragoman.policy.aliases import PREFIX, Alias, Made, check, check_made, compile_alias, split, target
from dragoman.policy.resources import (
    Cors,
    Endpoint,
    HeaderRules,
    Headers,
    Match,
    Method,
    RouteRules,
    Rules,
)
from dragoman.policy.resources import Timeouts as Timeouts_
from dragoman.policy.routing import Timeouts

HOST = Endpoint(host="api.example.com")


def alias(base_path: bytes = b"", *routes: RouteRules, rules: Rules | None = None) -> Alias:
    endpoint = Endpoint(host="api.example.com", path=base_path.decode())
    numbered = [(f"r{number}", route) for number, route in enumerate(routes)]
    made = Made("github", "u", (endpoint,), rules or Rules(), numbered)
    check_made(made)
    return compile_alias(made, "alias:github", Timeouts())


def route(path: str = "/", *methods: Method, **members: Any) -> RouteRules:
    return RouteRules(match=Match(methods=methods or ("GET",), path=path), **members)


def test_an_alias_without_routes_takes_every_call_and_one_with_routes_those() -> None:
    assert alias().route("PROPFIND", "/x?y") is None
    taken = alias(b"", route("/a")).route("GET", "/a/b?c")
    assert taken is not None and taken.id == "r0"


def test_an_alias_that_is_switched_off_takes_no_call() -> None:
    with pytest.raises(GatewayError) as caught:
        alias(b"", route("/a"), rules=Rules(enabled=False)).route("GET", "/nowhere")
    assert caught.value.kind is errors.UPSTREAM_DISABLED


@pytest.mark.parametrize(
    ("members", "param"),
    [
        ({"endpoints": (HOST, Endpoint(host="b", path="/v2"))}, "endpoints[1]"),
        ({"endpoints": (Endpoint(host="user@host"),)}, "endpoints[0].host"),
        ({"endpoints": (Endpoint(host="0x7f.1"),)}, "endpoints[0].host"),
        ({"endpoints": (Endpoint(host="a/b"),)}, "endpoints[0].host"),
        ({"endpoints": (Endpoint(host="a:1"),)}, "endpoints[0].host"),
        ({"endpoints": (Endpoint(host="a", path="b"),)}, "endpoints[0]"),
        ({"endpoints": (Endpoint(host="a", path="/b?c"),)}, "endpoints[0]"),
        ({"rules": Rules(headers=Headers(request=HeaderRules(set={"host": "x"})))}, "headers.request.set"),
        ({"rules": Rules(cors=Cors(origins=("*",), credentials=True))}, "cors.origins"),
        ({"routes": [("r", route()), ("s", route(timeouts=Timeouts_(connect=1)))]}, "routes[1].timeouts.connect"),
        ({"routes": [("r", route("/a/", "GET", "PUT")), ("s", route("//a", "PUT"))]}, "routes[1].match"),
    ],
)
def test_what_cannot_be_said_together_is_named(members: dict[str, Any], param: str) -> None:
    with pytest.raises(GatewayError) as caught:
        check_made(Made(**{"name": "x", "id": "u", "endpoints": (HOST,), "rules": Rules(), **members}))
    assert caught.value.param == param


def test_routes_of_one_path_may_differ_in_priority_or_method() -> None:
    alias(b"", route("/a"), route("/a", priority=1), route("/a", "PUT"))


def refused(path: bytes, query: bytes = b"") -> str:
    with pytest.raises(GatewayError) as caught:
        check(path, query)
    assert caught.value.kind is errors.INVALID_REQUEST
    return caught.value.message


@pytest.mark.parametrize(
    ("rest", "name", "path"),
    [
        (b"github/user", "github", b"/user"),
        (b"github", "github", b""),
        (b"github/", "github", b"/"),
        (b"github//user", "github", b"//user"),
        (b"git%68ub/us%65r", "github", b"/us%65r"),
        (b"", "", b""),
        (b"/user", "", b"/user"),
        (b"git%2fhub/user", "git/hub", b"/user"),
        (b"%ff/user", "\ufffd", b"/user"),
        # Names of hosts are case-insensitive, and so are aliases; a final dot says nothing (RFC 1034, 3.1).
        (b"GitHub/User", "github", b"/User"),
        (b"github./user", "github", b"/user"),
        (b"github../user", "github.", b"/user"),
    ],
)
def test_a_path_is_split_into_alias_and_rest(rest: bytes, name: str, path: bytes) -> None:
    assert split(PREFIX + rest) == (name, path)


@pytest.mark.parametrize(
    ("base", "path", "query", "expected"),
    [
        (b"", b"/user", b"", "/user"),
        (b"", b"", b"", ""),
        (b"", b"/", b"", "/"),
        (b"", b"/user", b"a=1&b=%20&c", "/user?a=1&b=%20&c"),
        (b"", b"", b"a=1", "?a=1"),
        (b"/v1", b"/chat/completions", b"", "/chat/completions"),
        (b"/v1", b"/v1/models", b"", "/models"),
        (b"/v1", b"/v1", b"", ""),
        (b"/v1", b"/v1/", b"", "/"),
        (b"/v1", b"/v1", b"limit=1", "?limit=1"),
        (b"/v1", b"/v1beta/models", b"", "/v1beta/models"),
        (b"/v1", b"/v1/v1/models", b"", "/v1/models"),
        (b"/v1", b"/V1/models", b"", "/V1/models"),
        (b"/a/b", b"/a/b/c", b"", "/c"),
        (b"/a/b", b"/a/c", b"", "/a/c"),
        (b"", b"/a%2Fb/%C3%A4", b"", "/a%2Fb/%C3%A4"),
        (b"", b"//evil.example/x", b"", "//evil.example/x"),
        (b"/v1", b"/v1//evil.example/x", b"", "//evil.example/x"),
    ],
)
def test_the_target_is_the_path_below_the_base(base: bytes, path: bytes, query: bytes, expected: str) -> None:
    assert target(alias(base), path, query) == expected


@pytest.mark.parametrize(
    ("path", "query"),
    [
        (b"/v1/models/gpt-4.1:latest", b""),
        (b"/repos/o/r/contents/.github/x..y/...", b""),
        (b"/a;b=c/d,e=f/@me/~x/!$&'()*+|-_", b""),
        (b"/%41%25/a%2Eb/%20", b""),
        (b"/100%25/%2525", b""),
        (b"/search", b"q=a+b&filter[x]={y}|^`&path=../../etc&u=http://a.example/?x#"[:-1]),
        (b"/search", b"q=%00%0d%0a%2e%2e%2f"),
        ("/ä".encode().replace("ä".encode(), b"%C3%A4"), b""),
        (b"/latin/%C0%C1%E9", b""),
    ],
)
def test_what_is_harmless_passes(path: bytes, query: bytes) -> None:
    check(path, query)
    assert target(alias(), path, query).encode() == path + (b"?" + query if query else b"")


TRAVERSALS = [
    b"..",
    b".",
    b"%2e%2e",
    b"%2E.",
    b".%2e",
    b"%2e",
    b"%252e%252e",
    b"%25252e%25252e",
    b"%252E.",
    b"..%2f",
    b"..%5c",
    b"..%252f..%252fetc",
    b"x%2f..%2fy",
    b"x%2F%2e%2e%2Fy",
    b"x%5c..%5cy",
    b"x%255c..%255cy",
    b"..;",
    b"..;a=b",
    b"..%3b",
    b"..%3ba=b",
    b".;x",
    b"%2e%2e%20",
    b"%20..",
    b"..%09",
    b"%c0%ae%c0%ae",
    b"%C0%AE.",
    b"%25c0%25ae%25c0%25ae",
    b"%e0%80%ae%e0%80%ae",
    b"x%c0%af..%c0%afy",
    b"x%c1%9c..%c1%9cy",
    b"x%e0%80%af..",
]


@pytest.mark.parametrize("segment", TRAVERSALS)
def test_no_spelling_of_a_dot_segment_gets_below_the_base(segment: bytes) -> None:
    for around in (b"/%s", b"/a/%s", b"/%s/b", b"/a/%s/b", b"//%s//", b"/a%%2f%s", b"%s"):
        assert "'.' or '..'" in refused(around % segment)


@pytest.mark.parametrize("path", [b"/a%00", b"/%0d%0aHost:x", b"/%250a", b"/a%25250db", b"/..%00/", b"/%2500"])
def test_no_control_character_is_smuggled_in_the_path(path: bytes) -> None:
    assert "control characters" in refused(path) or "'.' or '..'" in refused(path)


@pytest.mark.parametrize(
    "path",
    [
        b"/a b", b"/a\tb", b"/a\r\nb", b"/a\0", b"/a#b", b"/a?b", b'/"', b"/<x>", b"/a\\b", b"/%", b"/%4", b"/%zz",
        b"/%u002e", b"/\xc3\xa4", b"/[x]", b"/a\n",
    ],
)  # fmt: skip
def test_a_path_with_a_character_that_must_be_encoded_is_refused(path: bytes) -> None:
    assert "path" in refused(path)


@pytest.mark.parametrize(
    "query", [b"a b", b"a\nb", b"a=\0", b"a#b", b'a="', b"a=<", b"a\\", b"%", b"a=%f", b"\xff", b"a\n"]
)
def test_a_query_with_a_character_that_must_be_encoded_is_refused(query: bytes) -> None:
    assert "query" in refused(b"/x", query)


def test_a_deeply_encoded_path_is_judged_in_bounded_work() -> None:
    # Each round of decoding undoes one level; what is hidden below all rounds stays encoded for everybody.
    check(b"/%" + b"25" * 10_000 + b"2e", b"")


@settings(deadline=None)
@given(st.binary(max_size=40).map(lambda raw: b"/" + raw), st.binary(max_size=10))
def test_whatever_passes_stays_below_the_base(path: bytes, query: bytes) -> None:
    try:
        found = target(alias(b"/base"), path, query)
    except GatewayError as error:
        assert error.kind is errors.INVALID_REQUEST
        return
    assert found.isascii() and found.isprintable() and " " not in found
    assert not {".", ".."} & set(found.partition("?")[0].split("/"))
