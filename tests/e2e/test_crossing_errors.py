"""What goes wrong at an upstream of any dialect, as the callers of each dialect get to see it.

Before the first byte it is a plain HTTP error, after it a typed event in the stream; the official SDKs raise on both.
"""

from collections.abc import Iterator
from contextlib import closing
from itertools import product
from typing import Any, Final

import anthropic
import openai
import pytest

from tests.e2e.callers import Callers
from tests.support.live import Live, running

DIALECTS: Final = ("chat", "responses", "messages")
MODELS: Final = {"chat": "gpt-4", "responses": "gpt-4", "messages": "claude-sonnet-4-5"}
PROFILES: Final = {"chat": "openai", "responses": "openai", "messages": "anthropic"}
STATUSES: Final[dict[int, tuple[type[openai.APIStatusError], type[anthropic.APIStatusError]]]] = {
    400: (openai.BadRequestError, anthropic.BadRequestError),
    404: (openai.NotFoundError, anthropic.NotFoundError),
    413: (openai.APIStatusError, anthropic.ContentTooLargeError),
    422: (openai.UnprocessableEntityError, anthropic.UnprocessableEntityError),
    429: (openai.RateLimitError, anthropic.RateLimitError),
    500: (openai.InternalServerError, anthropic.InternalServerError),
    503: (openai.InternalServerError, anthropic.ServiceUnavailableError),
    529: (openai.InternalServerError, anthropic.OverloadedError),
}
WAITS: Final = {"chat": (429, 503), "responses": (429, 503), "messages": (429, 503, 529)}
"""When an upstream says after how long to try again."""
BREAKS: Final = ("error-event:8", "cut-after:8", "cut-mid-event:8", "reset-after:8")
LONG: Final = "one two three four five six seven eight nine ten"


def faulty(values: dict[str, Any], mock_url: str) -> None:
    """An upstream for each fault in each dialect, named after both."""
    faults = [f"status:{status}" for status in STATUSES] + list(BREAKS)
    for dialect, fault in product(DIALECTS, faults):
        values["upstreams"][name(dialect, fault)] = {
            "base_url": f"{mock_url}/scenario/instant,{fault}/only/{dialect}/v1",
            "breaker": False,
            "dialects": [dialect],
            "profile": PROFILES[dialect],
            "direct": True,
        }


def name(dialect: str, fault: str) -> str:
    return f"{dialect}-{fault.replace(':', '-')}"


def model(dialect: str, fault: str) -> str:
    return f"{name(dialect, fault)}/{MODELS[dialect]}"


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with running(tmp_path_factory.mktemp("errors"), faulty) as live:
        yield live


@pytest.fixture(scope="module")
def callers(live: Live) -> Iterator[Callers]:
    with closing(Callers(live.url, live.key)) as callers:
        yield callers


CROSSINGS = [pytest.param(*one, id="-over-".join(one)) for one in product(DIALECTS, DIALECTS)]
EVERY = pytest.mark.parametrize(("front", "back"), CROSSINGS)


@EVERY
@pytest.mark.parametrize("status", STATUSES)
@pytest.mark.parametrize("streams", [False, True], ids=["buffered", "streamed"])
def test_before_the_first_byte_it_is_the_status(
    callers: Callers, front: str, back: str, status: int, streams: bool
) -> None:
    ours = callers.caller(front, model(back, f"status:{status}"), streams=streams)
    with pytest.raises((openai.APIStatusError, anthropic.APIStatusError)) as raised:
        ours.ask(ours.opening(LONG))
    error = raised.value
    assert type(error) is STATUSES[status][front == "messages"]
    assert f"Mock scenario: status {status}." in error.message
    assert error.status_code == status
    assert error.response.headers["x-oagw-error-source"] == "upstream"
    assert ("retry-after" in error.response.headers) == (status in WAITS[back])


@EVERY
@pytest.mark.parametrize("fault", BREAKS)
def test_after_the_first_byte_the_stream_raises(callers: Callers, front: str, back: str, fault: str) -> None:
    ours = callers.caller(front, model(back, fault), streams=True)
    said: list[str] = []
    with pytest.raises((openai.APIError, anthropic.APIError)) as raised:
        said.extend(ours.pieces(ours.opening(LONG)))
    assert "".join(said).startswith("Streaming response to: ")
    if fault.startswith("error-event"):
        assert "the model broke off" in str(raised.value)
    with pytest.raises((openai.APIError, anthropic.APIError)):
        ours.ask(ours.opening(LONG))


@EVERY
@pytest.mark.parametrize("fault", BREAKS)
def test_a_buffered_answer_that_breaks_off_is_an_error(callers: Callers, front: str, back: str, fault: str) -> None:
    ours = callers.caller(front, model(back, fault), streams=False)
    if (front, back, fault) == ("responses", "responses", "error-event:8"):
        failed = callers.openai.responses.create(model=model(back, fault), input=LONG)
        assert failed.status == "failed" and failed.error is not None  # an object that says so, and passes
        return
    with pytest.raises((openai.InternalServerError, anthropic.InternalServerError)) as raised:
        ours.ask(ours.opening(LONG))
    assert isinstance(raised.value, openai.APIStatusError | anthropic.APIStatusError)
    assert raised.value.status_code == 502
