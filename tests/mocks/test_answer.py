import json

from dragoman.mocks.answer import (
    OPENAI_WORDING,
    Frame,
    Refused,
    Streamed,
    error_body,
    json_answer,
    not_allowed,
    openai_error,
    plain_error,
    text_answer,
    with_headers,
)
from tests.mocks.client import body_of, header_of


def test_a_frame_is_written_with_any_of_the_three_line_ends() -> None:
    frame = Frame("one\ntwo", "message", "3")
    assert frame.encode() == b"id: 3\nevent: message\ndata: one\ndata: two\n\n"
    assert frame.encode("\r\n") == b"id: 3\r\nevent: message\r\ndata: one\r\ndata: two\r\n\r\n"
    assert frame.encode("\r") == b"id: 3\revent: message\rdata: one\rdata: two\r\r"
    assert Frame("x").encode() == b"data: x\n\n"


def test_an_error_has_all_four_members_and_retry_after_where_a_repeat_can_help() -> None:
    limited = openai_error(429, "Slow down")
    assert body_of(limited) == {
        "error": {"message": "Slow down", "type": "rate_limit_error", "param": None, "code": "rate_limit_exceeded"}
    }
    assert header_of(limited, "retry-after") == "1"
    assert header_of(openai_error(503, "x"), "retry-after") == "1"
    bad = openai_error(400, "No", "model", "invalid_value")
    assert header_of(bad, "retry-after") is None
    assert body_of(bad)["error"]["param"] == "model"
    assert json.loads(json.dumps(error_body(502, "x")))["error"]["type"] == "server_error"


def test_small_errors_are_a_plain_member() -> None:
    assert body_of(plain_error(404, "Not found")) == {"error": "Not found"}


def test_a_405_names_what_is_allowed() -> None:
    answer = not_allowed("GET", "POST")
    assert header_of(answer, "allow") == "GET, POST"


def test_openai_s_words_for_what_a_scenario_does() -> None:
    assert OPENAI_WORDING.refusal(429, "x").status == 429
    (frame,) = OPENAI_WORDING.events(3, "Broken.")
    assert json.loads(frame.data)["error"]["code"] == "server_error"
    assert OPENAI_WORDING.body("Broken.").decode() == frame.data


def test_a_refusal_carries_its_answer() -> None:
    answer = openai_error(400, "No")
    assert Refused(answer).answer is answer


def test_headers_can_be_added_to_either_kind_of_answer() -> None:
    assert header_of(with_headers(text_answer("hi"), ("x-a", "1")), "x-a") == "1"
    stream = with_headers(Streamed((), 0.1, Frame), ("x-a", "1"))
    assert header_of(stream, "x-a") == "1"
    assert header_of(stream, "cache-control") == "no-cache"
    assert header_of(json_answer({}), "content-type") == "application/json"
