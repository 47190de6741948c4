import pytest

from dragoman.client.errors import BuildError
from dragoman.client.request import Request
from dragoman.client.retry import RetryPolicy
from dragoman.policy import aliases

PROXY = "/api/oagw/v1/proxy"


@pytest.mark.parametrize(
    ("path", "target"),
    [
        ("/users/octocat", "/users/octocat"),
        ("users/octocat", "/users/octocat"),
        ("", ""),
        ("/", "/"),
        ("/a//b/", "/a//b/"),
        ("/a b", "/a%20b"),
        ("/a%20b", "/a%20b"),
        ("/a%2Fb", "/a%2Fb"),
        ("/octo%63at", "/octo%63at"),
        ("/100%", "/100%25"),
        ("/100%zz", "/100%25zz"),
        ("/\u20ac", "/%E2%82%AC"),
        ("/a#b", "/a%23b"),
        ("/a\\b", "/a%5Cb"),
        ("//host/x", "//host/x"),
        ("http://host/x", "/http://host/x"),
        ("/a;b=c,d@e:f", "/a;b=c,d@e:f"),
        ("current?city=S\u00e3o Paulo", "/current?city=S%C3%A3o%20Paulo"),
        ("current?city=S%C3%A3o+Paulo&x", "/current?city=S%C3%A3o+Paulo&x"),
        ("?a=?", "?a=?"),
        ("/a?b#c", "/a?b%23c"),
    ],
)
def test_a_path_is_encoded_where_it_is_not_yet(path: str, target: str) -> None:
    assert Request.get(path).target("x") == f"{PROXY}/x{target}"
    name, rest = aliases.split(Request.get(path).target("x").partition("?")[0].encode())
    assert name == "x"
    aliases.check(rest, Request.get(path).target("x").partition("?")[2].encode())


def test_a_line_end_in_a_path_is_no_line_end_on_the_wire() -> None:
    assert Request.get("/a\r\nX-Evil: 1").target("x") == f"{PROXY}/x/a%0D%0AX-Evil:%201"


@pytest.mark.parametrize("path", ["..", "/a/../b", "/./a", "a/..", "/%2e%2E/x", "/a/%2e", "/.?x"])
def test_a_path_cannot_leave_its_alias(path: str) -> None:
    with pytest.raises(BuildError, match="would leave its alias"):
        Request.get(path)


@pytest.mark.parametrize("path", ["/...", "/a..b", "/.hidden", "/a/..b", "/?path=../x"])
def test_dots_within_a_name_are_names(path: str) -> None:
    assert Request.get(path).target("x")


def test_an_alias_is_one_segment_whatever_is_in_it() -> None:
    assert Request.get("/p").target("api.example.com:8443") == f"{PROXY}/api.example.com:8443/p"
    assert Request.get("/p").target("a/b c") == f"{PROXY}/a%2Fb%20c/p"
    for alias in ("", ".", "..", " "):
        with pytest.raises(BuildError, match="no alias"):
            Request.get("/p").target(alias)
    assert Request.get("/v1/models").target(None) == "/v1/models"


def test_query_fields_are_added_to_those_in_the_path() -> None:
    request = Request.get("/x?a=1").query({"b": "c d", "n": 2, "t": True}).query({"l": ["x", "y&"]})
    assert request.target("e") == f"{PROXY}/e/x?a=1&b=c+d&n=2&t=true&l=x&l=y%26"


def test_each_step_gives_a_copy() -> None:
    first = Request.post("/x")
    second = first.json({"a": [1, "\u20ac"]})
    assert (first.content, first.headers) == (None, ())
    assert second.content == b'{"a":[1,"\xe2\x82\xac"]}'
    assert second.headers == (("Content-Type", "application/json"),)


def test_bodies_name_their_type() -> None:
    assert Request.put("/x").form({"a": "b c", "d": ["1", "2"]}).content == b"a=b+c&d=1&d=2"
    assert Request.put("/x").form({}).headers == (("Content-Type", "application/x-www-form-urlencoded"),)
    assert Request.put("/x").body(b"raw").headers == ()
    assert Request.put("/x").body(b"raw", "image/png").headers == (("Content-Type", "image/png"),)
    with pytest.raises(BuildError, match="cannot be written as JSON"):
        Request.put("/x").json(object())


def test_only_a_body_that_is_there_can_be_sent_twice() -> None:
    assert Request.get("/x").repeatable
    assert Request.post("/x").body(b"x").repeatable
    assert not Request.post("/x").body(iter([b"x"])).repeatable


@pytest.mark.parametrize("value", ["a\r\nX-Evil: 1", "a\nb", "a\0b", " a", "a ", "\u20ac", "a\x7f"])
def test_a_header_cannot_smuggle_another(value: str) -> None:
    with pytest.raises(BuildError, match="X-Mine"):
        Request.get("/x").header("X-Mine", value)


@pytest.mark.parametrize("name", ["", "a b", "a:b", "a\r\nb", "\u00e9"])
def test_a_header_needs_a_name(name: str) -> None:
    with pytest.raises(BuildError, match="no name"):
        Request.get("/x").header(name, "v")


@pytest.mark.parametrize("name", ["Host", "content-length", "Transfer-Encoding", "Connection", "X-Dragoman-Key"])
def test_framing_and_the_key_are_not_the_callers_to_set(name: str) -> None:
    with pytest.raises(BuildError, match="own affair"):
        Request.get("/x").header(name, "v")


def test_a_method_is_a_token() -> None:
    assert Request("PROPFIND", "/x").method == "PROPFIND"
    for method in ("", "GET /", "G\r\nET"):
        with pytest.raises(BuildError, match="no method"):
            Request(method, "/x")
    made = [Request.get, Request.head, Request.options, Request.post, Request.put, Request.patch, Request.delete]
    assert [make("/x").method for make in made] == ["GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"]


def test_the_key_is_the_authorization_unless_the_request_has_one_for_the_upstream() -> None:
    plain = Request.get("/x").header("X-Mine", "1")
    assert plain.sent_headers("drg_k") == [("X-Mine", "1"), ("Authorization", "Bearer drg_k")]
    assert plain.sent_headers(None) == [("X-Mine", "1")]
    for name in ("authorization", "X-Api-Key"):
        own = Request.get("/x").header(name, "theirs")
        assert own.sent_headers("drg_k") == [(name, "theirs"), ("X-Dragoman-Key", "drg_k")]


def test_timeouts_that_are_given_are_changes_and_none_is_no_limit() -> None:
    request = Request.get("/x").timeout(idle=60).timeout(first_byte=None, idle=30)
    assert dict(request.timeouts) == {"idle": 30, "first_byte": None}


def test_a_policy_of_its_own_is_kept() -> None:
    policy = RetryPolicy(attempts=5)
    assert Request.get("/x").retrying(policy).retry is policy


def test_what_may_be_secret_is_not_shown() -> None:
    shown = repr(Request.post("/x").header("Authorization", "Bearer hidden").body(b"hidden"))
    assert shown == "<Request POST /x>"
