import hashlib
from typing import Any

import pytest

from dragoman.mocks import request as module
from dragoman.mocks.chat_request import ChatRequest
from dragoman.mocks.request import BadJson, receive_request, segments
from tests.mocks.client import request


def receiver(*messages: dict[str, Any]) -> Any:
    queue = list(messages)

    async def receive() -> dict[str, Any]:
        return queue.pop(0)

    return receive


SCOPE: dict[str, Any] = {
    "type": "http",
    "method": "POST",
    "path": "/a b",
    "raw_path": b"/a%20b/c%2Fd",
    "query_string": b"x=1&x=2&empty=",
    "headers": [(b"Accept", b"*/*"), (b"x-twice", b"1"), (b"x-twice", b"2")],
}


async def test_a_request_is_read_in_pieces_with_its_length_and_hash() -> None:
    receive = receiver(
        {"type": "http.request", "body": b"ab", "more_body": True}, {"type": "http.request", "body": b"c"}
    )
    got = await receive_request(SCOPE, receive)
    assert (got.body, got.body_length, got.complete, got.oversized) == (b"abc", 3, True, False)
    assert got.body_sha256 == hashlib.sha256(b"abc").hexdigest()
    assert got.path == "/a%20b/c%2Fd"
    assert got.rest == ("a b", "c/d")
    assert got.headers == (("accept", "*/*"), ("x-twice", "1"), ("x-twice", "2"))
    assert (got.header("x-twice"), got.header("none")) == ("1", "")
    assert (got.parameter("x"), got.parameter("empty"), got.parameter("none")) == ("1", "", "")


async def test_a_body_over_the_bound_is_counted_and_hashed_but_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "KEPT_BODY", 4)
    receive = receiver(
        {"type": "http.request", "body": b"abc", "more_body": True},
        {"type": "http.request", "body": b"def", "more_body": True},
        {"type": "http.request", "body": b"g"},
    )
    got = await receive_request(SCOPE, receive)
    assert (got.body, got.body_length, got.oversized) == (b"abcd", 7, True)
    assert got.body_sha256 == hashlib.sha256(b"abcdefg").hexdigest()


async def test_a_client_that_leaves_in_its_body_makes_the_request_incomplete() -> None:
    receive = receiver({"type": "http.request", "body": b"a", "more_body": True}, {"type": "http.disconnect"})
    assert not (await receive_request(SCOPE, receive)).complete


@pytest.mark.parametrize(
    ("path", "expected"),
    [("/", ("",)), ("/v1/models", ("v1", "models")), ("/v1/models/", ("v1", "models")), ("//v1", ("", "v1"))],
)
def test_a_path_is_cut_at_its_slashes(path: str, expected: tuple[str, ...]) -> None:
    assert segments(path) == expected


@pytest.mark.parametrize("body", [b"", b"{", b'{"a": "\xff"}', b'{"a":' * 100_000, b'{"model": "\\ud800"}'])
def test_what_is_not_json_is_refused_in_one_way(body: bytes) -> None:
    for form in (ChatRequest, dict[str, object]):
        with pytest.raises(BadJson, match="the body is not valid JSON"):
            request("POST", "/", body).json(form)


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({"messages": [{"role": "user"}]}, "model"),
        ({"model": "x"}, "messages"),
        ({"model": 1, "messages": []}, "model"),
        ({"model": "", "messages": []}, "model"),
        ({"model": "x", "messages": [{"role": "user", "content": 5}]}, "messages[0].content"),
        ({"model": "x", "messages": [{"content": "a"}]}, "messages[0].role"),
        ([], None),
    ],
)
def test_a_json_body_of_another_form_names_the_member(body: object, path: str | None) -> None:
    with pytest.raises(BadJson) as caught:
        request("POST", "/", body).json(ChatRequest)
    assert caught.value.path == path
    assert path is None or f"'{path}'" in str(caught.value)
