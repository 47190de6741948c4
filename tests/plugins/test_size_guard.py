import pytest

from dragoman.plugins.size_guard import Settings, SizeGuard
from dragoman.policy.plugins import Reject
from tests.plugins.asked import request, response

plugin = SizeGuard(Settings(max_request=3, max_response=5), {})


@pytest.mark.parametrize(
    ("length", "body", "passes"),
    [
        (3, None, True),
        (4, None, False),
        (None, None, False),
        (None, b"abc", True),
        (None, b"abcd", False),
        (0, b"", True),
    ],
)
async def test_a_request_is_measured_by_what_it_says_or_by_itself(
    length: int | None, body: bytes | None, passes: bool
) -> None:
    said = await plugin.on_request(request(length=length, body=body))
    assert (said is None) is passes
    assert said is None or (said.status, said.code) == (413, "BODY_TOO_LARGE")


async def test_an_answer_is_measured_unless_it_is_an_event_stream() -> None:
    assert await plugin.on_response(response(length=5, body=None)) is None
    assert isinstance(await plugin.on_response(response(length=6, body=None)), Reject)
    assert isinstance(await plugin.on_response(response(length=None, body=None)), Reject)
    events = (("content-type", "text/event-stream"),)
    assert await plugin.on_response(response(length=None, body=None, headers=events)) is None


async def test_without_a_bound_everything_passes() -> None:
    idle = SizeGuard(Settings(), {})
    assert await idle.on_request(request(length=None, body=None)) is None
    assert await idle.on_response(response(length=10**9, body=None)) is None
    assert (idle.body_limit("x/y"), plugin.body_limit("x/y")) == (0, 5)
