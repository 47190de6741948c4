"""Every error of the table, each provoked over a socket: scenarios 24.1 to 24.5."""

import json
from collections.abc import Iterator

import httpx2
import pytest

from dragoman import errors
from dragoman.errors import PROBLEM_TYPE, TABLE, ErrorKind
from tests.outbound.reproducers import REPRODUCERS
from tests.outbound.scene import PROXY, Scene
from tests.outbound.scene import scene as opened

OF_THEIR_OWN = {errors.PLUGIN_REJECTED: 418}
"""Statuses that a plugin has chosen."""


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    with opened(tmp_path_factory.mktemp("errors")) as found:
        yield found


def check(answer: httpx2.Response, kind: ErrorKind) -> None:
    """24.1, 24.2 and 24.3: in the form of its family, who says so, and when to come back."""
    path = answer.request.url.path
    at_alias = kind.outbound_status if path.startswith(PROXY) else None
    status = OF_THEIR_OWN.get(kind) or at_alias or kind.status
    assert answer.status_code == status, answer.text
    assert answer.headers["x-oagw-error-source"] == "gateway"
    assert ("retry-after" in answer.headers) is kind.retriable
    assert not kind.retriable or int(answer.headers["retry-after"]) > 0
    assert ("www-authenticate" in answer.headers) is (status == 401)
    if path.startswith("/v1/"):
        check_envelope(answer, kind, messages=path.startswith("/v1/messages"))
    else:
        check_problem(answer, kind)


def check_problem(answer: httpx2.Response, kind: ErrorKind) -> None:
    problem = answer.json()
    assert problem["code"] == kind.code, problem
    assert answer.headers["content-type"] == "application/problem+json"
    assert problem["status"] == answer.status_code
    assert problem["source"] == "gateway"
    assert problem["type"] == PROBLEM_TYPE.format(slug=kind.slug)
    assert problem["title"] == kind.title
    assert problem["detail"] == problem["error"] != ""
    assert problem["request_id"] == answer.headers["x-request-id"]
    assert problem["retriable"] is kind.retriable
    assert problem.get("retry_after_seconds") == (int(answer.headers["retry-after"]) if kind.retriable else None)


def check_envelope(answer: httpx2.Response, kind: ErrorKind, *, messages: bool) -> None:
    body = answer.json()
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["x-request-id"]
    assert ("type" in body) is messages
    error = body["error"]
    assert error["message"]
    if messages:
        assert (body["type"], error["details"]["error_code"]) == ("error", kind.code)
    else:
        assert (error["type"], error["code"]) == (kind.type, kind.code)


@pytest.mark.parametrize("kind", TABLE, ids=lambda kind: kind.code)
def test_24_1_24_3_and_24_5_each_error_can_be_provoked(scene: Scene, kind: ErrorKind) -> None:
    assert kind in REPRODUCERS, "a row of errors.py that nobody shows how to meet: tests/outbound/reproducers.py"
    answer = REPRODUCERS[kind](scene)
    if answer is not None:
        check(answer, kind)


def test_24_5_what_is_for_other_methods_says_for_which(scene: Scene) -> None:
    answer = REPRODUCERS[errors.METHOD_NOT_ALLOWED](scene)
    assert answer is not None and answer.headers["allow"] == "GET, HEAD"


def test_24_2_an_upstreams_own_error_says_that_it_is_one(scene: Scene) -> None:
    answer = scene.call("/refusing")
    assert (answer.status_code, answer.headers["x-oagw-error-source"]) == (503, "upstream")
    assert answer.headers["content-type"] == "application/json"
    assert scene.call("/echo/x").headers["x-oagw-error-source"] == "upstream"


def test_24_4_a_stream_that_breaks_off_says_so_in_band_and_does_not_look_complete(scene: Scene) -> None:
    live, received = scene.live, b""
    with httpx2.stream("GET", f"{live.url}{PROXY}/faulty/events", headers=live.headers(), timeout=20) as answer:
        assert (answer.status_code, answer.headers["x-oagw-error-source"]) == (200, "upstream")
        with pytest.raises(httpx2.RemoteProtocolError):
            for part in answer.iter_raw():
                received += part
    content, _, error = received.partition(b"event: error\ndata: ")
    assert content == b"data: a\n\n"
    problem = json.loads(error)
    assert (problem["code"], problem["source"], problem["retriable"]) == ("stream_aborted", "gateway", False)
