"""Limits of models and of their upstreams, on the model surface."""

from collections.abc import Iterator
from typing import Any

import httpx2
import openai
import pytest

from tests.support.live import Live, running


def a_day(rate: int, **members: Any) -> dict[str, Any]:
    return {"sustained": {"rate": rate, "window": "day"}, **members}


def change(values: dict[str, Any], mock_url: str) -> None:
    base = f"{mock_url}/v1"
    values["upstreams"] |= {
        "limited": {"base_url": base, "rate_limit": a_day(2), "direct": True},
        "spare": {"base_url": base, "direct": True},
        "single": {"base_url": f"{mock_url}/scenario/stall-after:4/v1", "concurrency": {"max": 1}, "direct": True},
        "broken": {"base_url": f"{mock_url}/scenario/status:503/v1", "direct": True},
    }
    values["models"] |= {
        "capped": {"upstream": "spare", "model": "gpt-4", "rate_limit": a_day(2)},
        "falls-back": {"upstream": "limited", "model": "gpt-4", "fallback": ["spare/gpt-4"], "rate_limit": a_day(5)},
        "paid-once": {"upstream": "broken", "model": "gpt-4", "fallback": ["spare/gpt-4"], "rate_limit": a_day(2)},
        "busy": {"upstream": "single", "model": "gpt-4", "fallback": ["spare/gpt-4"]},
        "held": {"upstream": "single", "model": "gpt-4", "concurrency": {"max": 1}},
        "spoken": {"upstream": "spare", "model": "tts-1", "rate_limit": a_day(1)},
    }


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with running(tmp_path_factory.mktemp("limits"), change, timing="instant") as live:
        yield live


def ask(http: httpx2.Client, model: str, path: str = "/v1/chat/completions", **members: Any) -> httpx2.Response:
    body: dict[str, Any] = {"model": model, "max_tokens": 5, "messages": [{"role": "user", "content": "hi"}]}
    return http.post(path, json={**body, **members})


def test_a_model_has_a_limit_in_every_dialect(http: httpx2.Client) -> None:
    passed = ask(http, "capped")
    assert (passed.status_code, passed.headers["x-ratelimit-remaining"]) == (200, "1")
    passed = http.post("/v1/responses", json={"model": "capped", "input": "hi", "store": False, "stream": True})
    assert (passed.status_code, passed.headers["x-ratelimit-remaining"]) == (200, "0")
    refused = ask(http, "capped")
    assert refused.status_code == 429
    assert refused.json()["error"]["code"] == "rate_limit_exceeded"
    assert refused.json()["error"]["type"] == "rate_limit_error"
    assert int(refused.headers["retry-after"]) > 1000 and refused.headers["x-ratelimit-limit"] == "2"
    refused = ask(http, "capped", "/v1/messages")
    assert (refused.status_code, refused.json()["error"]["type"]) == (429, "rate_limit_error")


def test_the_official_sdk_raises_what_it_raises_for_any_limit(sdk: openai.OpenAI) -> None:
    with pytest.raises(openai.RateLimitError):
        for _ in range(4):
            sdk.chat.completions.create(model="capped", messages=[{"role": "user", "content": "hi"}])


def test_where_one_upstream_has_no_room_the_next_is_asked(live: Live, http: httpx2.Client) -> None:
    seen = [ask(http, "falls-back") for _ in range(6)]
    assert [response.status_code for response in seen] == [200] * 5 + [429]
    # While the upstream is the tightest it is shown; where it was not asked it is not.
    assert [response.headers["x-ratelimit-remaining"] for response in seen] == ["1", "0", "2", "1", "0", "0"]
    used = [live.booked(response.headers["x-request-id"]).settlement for response in seen[:5]]
    assert [row.upstream for row in used if row] == ["limited"] * 2 + ["spare"] * 3
    assert ask(http, "limited/gpt-4").status_code == 429


def test_a_call_pays_for_its_name_once_however_many_upstreams_it_takes(http: httpx2.Client) -> None:
    assert [ask(http, "paid-once").status_code for _ in range(3)] == [200, 200, 429]


def test_an_upstream_that_is_busy_is_passed_over_until_its_stream_has_ended(live: Live, http: httpx2.Client) -> None:
    with http.stream("POST", "/v1/chat/completions", json=_streamed("single/gpt-4")) as stream:
        lines = stream.iter_lines()
        assert next(lines)
        refused = ask(http, "single/gpt-4")
        assert (refused.status_code, refused.json()["error"]["code"]) == (503, "concurrency_limit_exceeded")
        assert refused.headers["retry-after"] == "1"
        assert ask(http, "busy").status_code == 200
    live.until(lambda: live.gateway.in_flight == 0, "the stream is gone")
    with http.stream("POST", "/v1/chat/completions", json=_streamed("single/gpt-4")) as stream:
        assert stream.status_code == 200
    live.until(lambda: live.gateway.in_flight == 0, "the stream is gone")


def test_a_name_holds_its_place_to_the_end_of_a_stream(live: Live, http: httpx2.Client) -> None:
    with http.stream("POST", "/v1/chat/completions", json=_streamed("held")) as stream:
        lines = stream.iter_lines()
        assert next(lines)
        assert ask(http, "held").status_code == 503
    live.until(lambda: live.gateway.in_flight == 0, "the stream is gone")
    assert not live.gateway._services.admission._gates


def _streamed(model: str) -> dict[str, Any]:
    return {"model": model, "stream": True, "messages": [{"role": "user", "content": "one two three"}]}


def test_what_is_passed_on_counts_too(http: httpx2.Client) -> None:
    body = {"model": "spoken", "input": "hi", "voice": "alloy"}
    passed = http.post("/v1/audio/speech", json=body)
    assert (passed.status_code, passed.headers["x-ratelimit-remaining"]) == (200, "0")
    assert http.post("/v1/audio/speech", json=body).status_code == 429


def test_a_model_without_limits_says_nothing_of_them(http: httpx2.Client) -> None:
    assert not [name for name in ask(http, "gpt-4").headers if name.startswith("x-ratelimit")]
