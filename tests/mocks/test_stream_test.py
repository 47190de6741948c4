import httpx2

from dragoman.mocks import stream_test
from dragoman.mocks.answer import Buffered, Streamed
from tests.mocks.client import body_of, request


async def test_the_four_events_are_exact(http_client: httpx2.AsyncClient) -> None:
    answer = await http_client.get("/stream-test/events")
    assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert answer.headers["cache-control"] == "no-cache"
    assert answer.headers["x-accel-buffering"] == "no"
    assert answer.text == (
        "id: 1\nevent: message\ndata: First event\n\n"
        "id: 2\nevent: update\ndata: Second event\n\n"
        "id: 3\nevent: message\ndata: Third event with\ndata: multiple lines\n\n"
        "id: 4\nevent: complete\ndata: Final event\n\n"
    )


def test_its_own_pace_is_a_tenth_of_a_second() -> None:
    answer = stream_test.answer(request("GET", "events"))
    assert isinstance(answer, Streamed)
    assert answer.pace == 0.1
    assert answer.sample("x").encode() == b"event: message\ndata: x\n\n"


def test_another_path_is_not_found() -> None:
    answer = stream_test.answer(request("GET", "other"))
    assert isinstance(answer, Buffered)
    assert (answer.status, body_of(answer)) == (404, {"error": "Not found"})
