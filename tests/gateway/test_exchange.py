"""Routing, fallback, scopes and credentials of model calls, through a whole gateway."""

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest

from dragoman.errors import ConfigError
from tests.support.live import Live, running

UPSTREAMS = {
    "good": "",
    "busy": "/scenario/status:429",
    "broken": "/scenario/status:500",
    "refusing": "/scenario/status:400",
    "cut-early": "/scenario/cut-after:1",
    "cut-late": "/scenario/cut-after:4",
    "html": "/scenario/html-502",
}
ROUTES = {
    "after-busy": ["busy", "good"],
    "after-broken": ["broken", "busy", "good"],
    "after-cut-early": ["cut-early", "good"],
    "after-cut-late": ["cut-late", "good"],
    "after-html": ["html", "good"],
    "after-refused": ["gone", "good"],
    "after-refusal": ["refusing", "good"],
    "all-busy": ["broken", "busy"],
}


def change(values: dict[str, Any], mock_url: str) -> None:
    for name, path in UPSTREAMS.items():
        values["upstreams"][name] = {"base_url": f"{mock_url}{path}/v1", "direct": True}
    values["upstreams"]["gone"] = {"base_url": "http://127.0.0.1:1/v1", "direct": True}
    values["upstreams"]["secret"] = {
        "base_url": f"{mock_url}/v1", "direct": True, "credential": "bearer env:UPSTREAM_KEY",
    }  # fmt: skip
    values["upstreams"]["own"] = {"base_url": f"{mock_url}/v1", "direct": True, "credential": "caller"}
    values["upstreams"]["quiet"] = {"base_url": f"{mock_url}/v1", "direct": True, "include_usage": False}
    for name, (first, *rest) in ROUTES.items():
        values["models"][name] = {"upstream": first, "model": "gpt-4", "fallback": [f"{other}/gpt-4" for other in rest]}
    values["upstreams"]["reject"] = {"base_url": f"{mock_url}/v1", "profile": "vllm", "direct": True}
    values["upstreams"]["wrap"] = {
        "base_url": f"{mock_url}/v1", "profile": "vllm", "quirks": {"custom_tools": "wrap"}, "direct": True,
    }  # fmt: skip
    values["models"]["lenient"] = {"upstream": "mock-responses", "model": "gpt-4", "allow_unknown": True}
    values["models"]["nice-*"] = "good"
    values["models"]["nice-x*"] = "busy"


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with running(
        tmp_path_factory.mktemp("exchange"), change, timing="instant", environ={"UPSTREAM_KEY": "sk-ours"}
    ) as live:
        yield live


def post(live: Live, model: str, *, headers: dict[str, str] | None = None, **fields: Any) -> httpx2.Response:
    body = {"model": model, "messages": [{"role": "user", "content": "a b c"}], **fields}
    return httpx2.post(f"{live.url}/v1/chat/completions", json=body, headers=headers or live.headers(), timeout=20)


def last_seen(live: Live) -> dict[str, Any]:
    entries = httpx2.get(f"{live.mock_url}/journal").json()
    return dict((entries["requests"] if isinstance(entries, dict) else entries)[-1])


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("model", ["after-busy", "after-broken", "after-cut-early", "after-html", "after-refused"])
def test_another_upstream_is_asked_until_content_comes(live: Live, model: str, stream: bool) -> None:
    response = post(live, model, stream=stream)
    assert response.status_code == 200
    assert "error" not in response.text
    assert f'"model":"{model}"' in response.text
    assert '"finish_reason":"stop"' in response.text


def test_after_content_no_other_upstream_is_asked(live: Live) -> None:
    text = post(live, "after-cut-late", stream=True).text
    assert text.count('"role":"assistant"') == 1
    assert '"code":"stream_aborted"' in text and text.endswith("data: [DONE]\n\n")


def test_a_fault_of_the_request_goes_to_no_other_upstream(live: Live) -> None:
    response = post(live, "after-refusal")
    assert response.status_code == 400
    assert response.headers["x-oagw-error-source"] == "upstream"


def test_the_last_upstream_speaks_for_all(live: Live) -> None:
    response = post(live, "all-busy")
    assert response.status_code == 429
    assert response.headers["x-oagw-error-source"] == "upstream"
    assert int(response.headers["retry-after"]) >= 0
    row = live.rows(1)[0]
    assert row.state == "failed"
    assert row.settlement is not None
    assert (row.settlement.upstream, row.settlement.status, row.settlement.error) == ("busy", 429, "upstream_429")


def test_the_longest_pattern_wins(live: Live) -> None:
    assert post(live, "nice-x").status_code == 429
    assert post(live, "nice-gpt").status_code == 404  # the mock knows no such model: its own words
    assert post(live, "nice-gpt").headers["x-oagw-error-source"] == "upstream"


def test_a_direct_name_goes_to_its_upstream_verbatim(live: Live) -> None:
    response = post(live, "good/gpt-4")
    assert response.json()["model"] == "good/gpt-4"
    assert json.loads(last_seen(live)["body"])["model"] == "gpt-4"


def test_an_unknown_model_is_a_404_with_suggestions(live: Live) -> None:
    response = post(live, "after-buzy")
    assert response.status_code == 404
    error = response.json()["error"]
    assert (error["code"], error["param"]) == ("model_not_found", "model")
    assert "after-busy" in error["message"]


@pytest.mark.parametrize(
    ("scope", "model", "status"),
    [
        (["gpt-4"], "gpt-4", 200),
        (["gpt-4"], "gpt-4o-mini", 403),
        (["after-busy"], "after-busy", 200),  # naming a public model grants what it stands for
        (["after-*"], "after-busy", 403),  # a pattern does not: what it resolves to is judged as well
        (["after-*", "gpt-4"], "after-busy", 200),
        (["after-*", "good/*"], "after-busy", 200),  # only the permitted targets are asked
        (["good/*"], "good/gpt-4", 200),
        (["good/*"], "busy/gpt-4", 403),
        ([], "gpt-4", 403),
    ],
)
def test_a_key_reaches_what_its_scope_says(live: Live, scope: list[str], model: str, status: int) -> None:
    headers = live.headers(live.issue(models=scope))
    assert post(live, model, headers=headers).status_code == status


def test_our_credential_goes_out_and_the_callers_does_not(live: Live) -> None:
    headers = {**live.headers(), "X-Api-Key": "caller's", "Cookie": "a=b", "X-Dragoman-Extra": "x", "OpenAI-Beta": "v2"}
    assert post(live, "secret/gpt-4", headers=headers).status_code == 200
    sent = {name.lower(): value for name, value in last_seen(live)["headers"]}
    assert sent["authorization"] == "Bearer sk-ours"
    assert sent["openai-beta"] == "v2"
    assert not {"x-api-key", "cookie", "x-dragoman-extra", "x-forwarded-for"} & set(sent)
    assert live.key not in json.dumps(last_seen(live))


def test_a_callers_own_credential_passes_where_configured_and_only_beside_the_gateway_key(live: Live) -> None:
    headers = {"X-Dragoman-Key": live.key, "Authorization": "Bearer callers-own"}
    assert post(live, "own/gpt-4", headers=headers).status_code == 200
    sent = {name.lower(): value for name, value in last_seen(live)["headers"]}
    assert sent["authorization"] == "Bearer callers-own"
    assert "x-dragoman-key" not in sent

    assert post(live, "own/gpt-4").status_code == 401
    assert post(live, "good/gpt-4", headers=headers).status_code == 200
    assert "callers-own" not in json.dumps(last_seen(live))


def test_usage_is_asked_for_and_kept_from_a_caller_who_did_not_ask(live: Live) -> None:
    text = post(live, "gpt-4", stream=True).text
    assert json.loads(last_seen(live)["body"])["stream_options"] == {"include_usage": True}
    assert '"usage":{' not in text
    row = live.rows(1)[0]
    assert row.settlement is not None and row.settlement.usage is not None
    assert row.settlement.usage.output_tokens > 0
    assert row.settlement.first_token_ms is not None


def test_usage_is_passed_to_a_caller_who_asked(live: Live) -> None:
    text = post(live, "gpt-4", stream=True, stream_options={"include_usage": True}).text
    assert text.count('"usage":{') == 1


def test_an_upstream_that_takes_no_stream_options_is_not_asked_for_usage(live: Live) -> None:
    post(live, "quiet/gpt-4", stream=True)
    assert "stream_options" not in json.loads(last_seen(live)["body"])
    row = live.rows(1)[0]
    assert row.settlement is not None and row.settlement.usage is None


def test_of_duplicate_members_the_one_that_was_judged_is_sent(live: Live) -> None:
    body = b'{"model":"nope","model":"gpt-4","messages":[],"messages":[{"role":"user","content":"x"}],"zz":{"a":1}}'
    response = httpx2.post(f"{live.url}/v1/chat/completions", content=body, headers=live.headers())
    assert response.status_code == 200
    sent = last_seen(live)["body"]
    assert sent.count('"model"') == 1 and sent.count('"messages"') == 1 and '"zz":{"a":1}' in sent


@pytest.mark.parametrize(
    ("body", "code", "param"),
    [
        (b"", "invalid_json", None),
        (b"{", "invalid_json", None),
        (b"[]", "invalid_json", None),
        (b"null", "invalid_json", None),
        (b'{"model":"gpt-4","messages":[]} x', "invalid_json", None),
        (b'{"model":"gpt-4","messages":["\xff"]}', "invalid_json", None),
        (b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}", "invalid_json", None),
        (b"{}", "invalid_request", "model"),
        (b'{"model":7,"messages":[]}', "invalid_request", "model"),
        (b'{"model":"","messages":[]}', "invalid_request", "model"),
        (b'{"model":null,"messages":[]}', "invalid_request", "model"),
        (b'{"model":"gpt-4"}', "invalid_request", "messages"),
        (b'{"model":"gpt-4","messages":"hi"}', "invalid_request", "messages"),
        (b'{"model":"gpt-4","messages":[],"stream":"yes"}', "invalid_request", "stream"),
        (b'{"model":"gpt-4","messages":[],"stream":true,"stream_options":3}', "invalid_request", "stream_options"),
    ],
)
def test_a_bad_body_is_a_400_that_names_what_is_wrong(live: Live, body: bytes, code: str, param: str | None) -> None:
    response = httpx2.post(f"{live.url}/v1/chat/completions", content=body, headers=live.headers())
    assert response.status_code == 400
    assert response.json()["error"]["code"] == code
    assert response.json()["error"]["param"] == param


CHUNK = 'data: {"id":"c","model":"m","choices":[{"index":0,"delta":{"content":"hi"}}]}\n\n'
ECHO = '{"error":{"message":"the key sk-ours is not good","type":"x","param":null,"code":null}}'


@pytest.mark.parametrize(
    ("stream", "answer"),
    [(False, ECHO), (True, f"data: {ECHO}\n\n"), (True, f"{CHUNK}data: {ECHO}\n\n")],
    ids=["in a 200", "before content", "after content"],
)
def test_a_credential_that_an_upstream_quotes_in_an_error_is_blanked_out(
    tmp_path: Path, stream: bool, answer: str
) -> None:
    kind = "text/event-stream" if stream else "application/json"
    with one_answer(f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nConnection: close\r\n\r\n{answer}".encode()) as url:

        def quoting(values: dict[str, Any], mock_url: str) -> None:
            upstream = {"base_url": url, "direct": True, "credential": "bearer env:UPSTREAM_KEY"}
            values["upstreams"]["quoting"] = upstream

        with running(tmp_path, quoting, environ={"UPSTREAM_KEY": "sk-ours"}) as live:
            text = post(live, "quoting/m", stream=stream).text
    assert "sk-ours" not in text
    assert "[redacted]" in text


@contextmanager
def one_answer(answer: bytes) -> Iterator[str]:
    """An upstream that gives one answer, whatever it is asked."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        connection, _ = listener.accept()
        with connection:
            received = b""
            while b"]}" not in received and b'"stream"' not in received:
                received += connection.recv(65536)
            connection.sendall(answer)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        thread.join(20)
        listener.close()


def test_a_pattern_hands_on_the_name_that_was_asked_for(tmp_path: Path) -> None:
    def fixed(values: dict[str, Any], mock_url: str) -> None:
        values["models"]["any-*"] = "mock-chat/gpt-4"

    with pytest.raises(ConfigError, match=r"models\.any-\*: a pattern hands on"), running(tmp_path, fixed):
        pass


@pytest.mark.parametrize("stream", [False, True])
def test_a_parameter_that_nobody_knows_is_refused_or_dropped_and_told_where_the_route_allows_that(
    live: Live, stream: bool
) -> None:
    odd: dict[str, Any] = {"x_odd": 1, "messages": [{"role": "user", "content": "a", "mood": "good"}], "stream": stream}
    refused = post(live, "mock-responses/gpt-4", **odd)
    assert (refused.status_code, refused.json()["error"]["param"]) == (400, "x_odd")
    dropped = post(live, "lenient", **odd)
    assert dropped.status_code == 200
    assert dropped.headers["x-dragoman-loss"] == "x_odd;dropped, messages[0].mood;dropped"
    assert "mood" not in json.dumps(last_seen(live)["body"])
    line = b'"losses":["x_odd;dropped","messages[0].mood;dropped"]'
    live.until(lambda: any(line in text for text in live.log), "a line that lists the losses")


def test_what_a_caller_calls_a_parameter_cannot_break_the_head(live: Live) -> None:
    names: dict[str, Any] = {"a\r\nx-evil: \u00fc": 1, "b" * 4000: 1}
    dropped = post(live, "lenient", **names)
    assert dropped.status_code == 200 and "x-evil" not in dropped.headers
    assert dropped.headers["x-dragoman-loss"] == f"a\\r\\nx-evil: \\xfc;dropped, {'b' * 128}...;dropped"


def test_an_upstream_may_differ_from_its_profile_in_single_quirks(live: Live) -> None:
    asked = {"input": "hi", "tools": [{"type": "custom", "name": "patch"}]}

    def ask(model: str) -> httpx2.Response:
        return httpx2.post(f"{live.url}/v1/responses", json={"model": model, **asked}, headers=live.headers())

    refused = ask("reject/gpt-4")
    assert (refused.status_code, refused.json()["error"]["param"]) == (400, "tools[0].type")
    assert "custom_tools = 'wrap'" in refused.json()["error"]["message"]
    wrapped = ask("wrap/gpt-4")
    assert wrapped.headers["x-dragoman-loss"] == "tools[0].type;mapped"
    (call,) = wrapped.json()["output"]
    assert (call["type"], call["name"]) == ("custom_tool_call", "patch")
