from typing import Any

import pytest
from msgspec.structs import replace

from dragoman.policy import plugin_verdicts as verdicts
from dragoman.policy.plugins import Request, Respond, Response

ASKED = Request(alias="a", method="GET", path="/a", query="b=c", headers=(("accept", "x"),), body=b"abc", length=3)
ANSWERED = Response(request=ASKED, status=200, headers=(("content-type", "x/y"),), body=b"abc", length=3)


@pytest.mark.parametrize(
    ("members", "length"),
    [({"path": "/b/c%20d", "query": ""}, 3), ({"path": ""}, 3), ({"headers": (("X-New", "1"),)}, 3),
     ({"body": b"abcd"}, 4), ({"body": b""}, 0), ({"body": None}, 3)],
)  # fmt: skip
def test_path_query_headers_and_body_of_a_call_may_change(members: dict[str, Any], length: int) -> None:
    taken = verdicts.rewritten(ASKED, replace(ASKED, **members))
    assert taken.length == length
    assert taken.body == (ASKED.body if members.get("body", ASKED.body) is None else members.get("body", ASKED.body))
    assert all(name == name.lower() for name, _ in taken.headers)


@pytest.mark.parametrize(
    "members",
    [{"method": "PUT"}, {"alias": "b"}, {"key_id": "k"}, {"tenant": "t"}, {"path": "b"}, {"path": "/a/../b"},
     {"path": "/a b"}, {"query": "a\nb"}, {"headers": (("host", "x"),)}, {"headers": (("x-api-key", "x"),)},
     {"headers": (("x y", "1"),)}, {"headers": (("x", "a\r\nb"),)}, {"headers": (("x", " a"),)}, {"headers": ("x",)},
     {"headers": ((1, 2),)}, {"headers": 3}, {"body": "abc"}, {"headers": (("x", "\u20ac"),)}],
)  # fmt: skip
def test_nothing_else_of_a_call_may(members: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        verdicts.rewritten(ASKED, replace(ASKED, **members))


def test_status_headers_and_body_of_an_answer_may_change() -> None:
    taken = verdicts.changed(ANSWERED, replace(ANSWERED, status=404, headers=(("etag", "1"),), body=b"ab"))
    assert (taken.status, taken.headers, taken.body, taken.length) == (404, (("etag", "1"),), b"ab", 2)


@pytest.mark.parametrize(
    "members",
    [{"status": 101}, {"status": 600}, {"status": "200"}, {"request": replace(ASKED, path="/z")}, {"body": "x"},
     {"headers": (("set-cookie", "a=b"),)}, {"headers": (("x-oagw-error-source", "upstream"),)},
     {"headers": (("x-ratelimit-limit", "1"),)}],
)  # fmt: skip
def test_nothing_else_of_an_answer_may(members: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        verdicts.changed(ANSWERED, replace(ANSWERED, **members))


def test_what_was_there_may_stay_whatever_it_is() -> None:
    given = replace(ANSWERED, headers=(("content-length", "3"), ("set-cookie", "a")))
    assert verdicts.changed(given, replace(given, status=201)).headers == given.headers


def test_an_answer_of_its_own_is_held_to_the_same() -> None:
    assert verdicts.own_answer(Respond(204, (("X-A", "1"),))) == (204, [(b"x-a", b"1")], b"")
    for said in (Respond(99), Respond(200, (("server", "x"),)), Respond(200, (), "text")):  # type: ignore[arg-type]
        with pytest.raises(ValueError, match=r"\w"):
            verdicts.own_answer(said)


def test_an_auth_plugin_may_write_credentials_and_no_more() -> None:
    assert verdicts.credentials((("Authorization", "Acme x"),)) == [(b"authorization", b"Acme x")]
    for said in ((("host", "x"),), (("via", "x"),), "x", None):
        with pytest.raises(ValueError, match=r"\w"):
            verdicts.credentials(said)
