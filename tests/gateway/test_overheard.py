"""Usage that no upstream reports, estimated where the configuration wants it."""

import json
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from dragoman.config import Layer
from dragoman.errors import ConfigError
from dragoman.gateway.compose import Composer
from dragoman.gateway.settings import Settings
from dragoman.turn import Usage
from tests.seeds.canned import Canned, response
from tests.support import encoding
from tests.support.live import Live, running

SAID = {"index": 0, "message": {"role": "assistant", "content": "ab"}, "finish_reason": "stop"}
ANSWER = {"id": "c", "object": "chat.completion", "created": 1, "model": "m", "choices": [SAID]}
EVENTS = [
    {**ANSWER, "object": "chat.completion.chunk", "choices": [{"index": 0, "delta": {"content": "abab"}}]},
    {**ANSWER, "object": "chat.completion.chunk", "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]},
]
STREAM = b"".join(b"data: %s\n\n" % json.dumps(event).encode() for event in EVENTS) + b"data: [DONE]\n\n"
INPUT = 2 + 4
"""Tokens of "abab", and of the bounds of a message."""


@pytest.fixture(scope="module")
def silent() -> Iterator[Canned]:
    """An upstream that reports no usage."""
    bound = Canned(
        {
            "/whole/chat/completions": response(json.dumps(ANSWER).encode(), "Content-Type: application/json"),
            "/stream/chat/completions": response(STREAM, "Content-Type: text/event-stream"),
            "/torn/chat/completions": response(STREAM[: STREAM.index(b"\n\n") + 2], "Content-Type: text/event-stream"),
        }
    )
    with bound.socket:
        yield bound


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory, silent: Canned) -> Iterator[Live]:
    encoding.register()

    def change(values: dict[str, Any], mock_url: str) -> None:
        values["server"] |= {"encoding": encoding.NAME, "estimate_usage": True}
        values["upstreams"] |= {
            name: {"base_url": f"{silent.url}/{name}", "direct": True} for name in ("whole", "stream", "torn")
        }

    with running(tmp_path_factory.mktemp("overheard"), change, timing="instant") as gateway:
        gateway.run(silent.open)
        yield gateway
        gateway.run(silent.close)


def used(live: Live, http: httpx2.Client, upstream: str, path: str = "/v1/chat/completions", **more: object) -> Any:
    body = {"model": f"{upstream}/gpt-4", **more}
    if path == "/v1/responses":
        body["input"] = "abab"
    else:
        body["messages"] = [{"role": "user", "content": "abab"}]
    answer = http.post(path, json=body)
    assert answer.status_code == 200, answer.text
    row = live.booked(answer.headers["x-request-id"])
    assert row.settlement is not None
    return row.settlement.usage


@pytest.mark.parametrize(
    ("path", "more"), [("/v1/chat/completions", {}), ("/v1/responses", {}), ("/v1/messages", {"max_tokens": 9})]
)
def test_an_upstream_that_reports_nothing_is_estimated(
    live: Live, http: httpx2.Client, path: str, more: dict[str, object]
) -> None:
    assert used(live, http, "whole", path, **more) == Usage(INPUT, 1, estimated=True)
    assert used(live, http, "stream", path, stream=True, **more) == Usage(INPUT, 2, estimated=True)
    assert used(live, http, "torn", path, stream=True, **more) == Usage(INPUT, 2, estimated=True)


def test_the_log_says_that_it_is_an_estimate(live: Live, http: httpx2.Client) -> None:
    used(live, http, "whole")
    live.until(lambda: any(b'"estimated":true' in line for line in live.log), "a line of an estimated call")


def test_an_upstream_that_reports_is_believed(live: Live, http: httpx2.Client) -> None:
    for stream in (False, True):
        usage = used(live, http, "mock-chat", stream=stream)
        assert not usage.estimated and usage.input_tokens != INPUT


def test_the_caller_is_told_nothing_that_nobody_said(live: Live, http: httpx2.Client) -> None:
    body = {"model": "whole/m", "messages": [{"role": "user", "content": "abab"}]}
    assert http.post("/v1/chat/completions", json=body).json() == ANSWER | {"model": "whole/m"}
    said = http.post("/v1/responses", json={"model": "whole/m", "input": "abab"}).json()
    assert said["usage"] is None


def test_what_has_no_dialect_to_be_read_in_stays_unknown(live: Live, http: httpx2.Client) -> None:
    answer = http.post("/v1/embeddings", json={"model": "text-embedding-3-small", "input": "abab"})
    assert answer.status_code == 200
    row = live.booked(answer.headers["x-request-id"])
    assert row.settlement is not None and row.settlement.usage is not None and not row.settlement.usage.estimated


def test_tokens_are_counted_with_the_encoding(live: Live, http: httpx2.Client) -> None:
    body = {"model": "gpt-4", "messages": [{"role": "user", "content": "ab" * 100}]}
    assert http.post("/v1/messages/count_tokens", json=body).json() == {"input_tokens": 104}


@pytest.mark.parametrize(
    ("server", "key"),
    [
        ({"estimate_usage": True}, "server.estimate_usage"),
        ({"encoding": "klingon"}, "server.encoding"),
        ({"encoding": "klingon", "estimate_usage": True}, "server.encoding"),
    ],
)
def test_an_encoding_that_is_not_at_hand_keeps_a_gateway_from_starting(server: dict[str, Any], key: str) -> None:
    settings = Settings({}, base=Layer("test", {"server": server}))
    with pytest.raises(ConfigError) as caught:
        Composer(settings).build(settings.load().config)
    assert caught.value.key == key
