"""What goes wrong, as the official `openai` SDK raises it; its retries, and the gateway's fallback."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx2
import openai
import pytest
from openai.types.chat import ChatCompletionChunk, ChatCompletionMessageParam

from dragoman.errors import ConfigError
from tests.e2e.conftest import FAULTS
from tests.support.live import Live, running

MODEL = "gpt-4o-mini"
ECHO: list[ChatCompletionMessageParam] = [{"role": "user", "content": "one two"}]
STREAMED = "Streaming response to: one two "


@pytest.fixture(scope="module")
def live(faulty: Live) -> Live:
    return faulty


def refused(call: Callable[[], object], kind: type[openai.APIStatusError]) -> openai.APIStatusError:
    """The error of a call, which must be of that very kind and tell which request it was of."""
    with pytest.raises(kind) as caught:
        call()
    error = caught.value
    assert type(error) is kind
    assert error.request_id == error.response.headers["x-request-id"]
    assert error.response.headers["x-oagw-error-source"] in ("gateway", "upstream")
    return error


def both(sdk: openai.OpenAI, kind: type[openai.APIStatusError], **members: Any) -> list[openai.APIStatusError]:
    """The error of the same call, buffered and streamed."""
    request: dict[str, Any] = {"model": MODEL, "messages": ECHO, **members}
    return [
        refused(lambda: sdk.chat.completions.create(**request, stream=stream), kind)  # noqa: B023
        for stream in (False, True)
    ]


# Refused with a status


@pytest.mark.parametrize("key", ["drg_" + "x" * 49, "sk-of-someone-else", "KEY-with-a-typo"])
def test_a_wrong_key_is_an_authentication_error(live: Live, sdk: openai.OpenAI, key: str) -> None:
    before = live.received
    wrong = sdk.with_options(api_key=key.replace("KEY", live.key[:-1]))
    for error in both(wrong, openai.AuthenticationError):
        assert (error.status_code, error.code, error.type) == (401, "invalid_api_key", "authentication_error")
        assert error.response.headers["www-authenticate"] == "Bearer"
        assert key not in str(error.body)
    assert refused(wrong.models.list, openai.AuthenticationError).code == "invalid_api_key"
    assert live.received == before


def test_a_missing_key_is_an_authentication_error(live: Live, sdk: openai.OpenAI) -> None:
    without: Any = {"Authorization": openai.Omit()}
    for error in both(sdk, openai.AuthenticationError, extra_headers=without):
        assert error.code == "missing_api_key"
        assert "Authorization: Bearer" in error.message


def test_a_revoked_key_is_refused_at_once(live: Live, sdk: openai.OpenAI) -> None:
    async def make() -> tuple[str, str]:
        key, token = await live.gateway.issuer.create("to be revoked")
        return key.id, token

    key_id, token = live.run(make)
    client = sdk.with_options(api_key=token)
    assert client.chat.completions.create(model=MODEL, messages=ECHO).choices
    response = httpx2.delete(f"{live.url}/admin/keys/{key_id}", headers=live.headers(live.admin_key), trust_env=False)
    assert response.status_code == 204
    for error in both(client, openai.AuthenticationError):
        assert error.code == "invalid_api_key"


def test_a_key_without_the_model_in_its_scope_is_denied(live: Live, sdk: openai.OpenAI) -> None:
    before = live.received
    scoped = sdk.with_options(api_key=live.issue(models=("gpt-3*", "house-*")))
    for model in (MODEL, f"mock-chat/{MODEL}", "house-model", "unheard-of"):
        for error in both(scoped, openai.PermissionDeniedError, model=model):
            assert (error.status_code, error.code, error.param) == (403, "permission_denied", "model")
    assert live.received == before


def test_a_model_that_there_is_not_comes_with_suggestions(sdk: openai.OpenAI) -> None:
    for error in both(sdk, openai.NotFoundError, model="gpt-4o-mni"):
        assert (error.code, error.param) == ("model_not_found", "model")
        assert "'gpt-4o-mini'" in error.message
    unknown = refused(lambda: sdk.models.retrieve("gpt-4o-mni"), openai.NotFoundError)
    assert "'gpt-4o-mini'" in unknown.message


def test_suggestions_never_name_what_a_key_may_not_use(live: Live, sdk: openai.OpenAI) -> None:
    scoped = sdk.with_options(api_key=live.issue(models=("gpt-4o-mni", "gpt-4")))
    for error in both(scoped, openai.NotFoundError, model="gpt-4o-mni"):
        assert "gpt-4o-mini" not in error.message


def test_a_path_that_there_is_not(sdk: openai.OpenAI) -> None:
    error = refused(lambda: sdk.fine_tuning.jobs.list(), openai.NotFoundError)
    assert error.code == "not_found"


def test_a_bad_request_names_its_fault(live: Live, sdk: openai.OpenAI) -> None:
    def post(body: object) -> object:
        return sdk.post("/chat/completions", body=body, cast_to=object)

    for body, param in (
        ({"model": MODEL}, "messages"),
        ({"messages": ECHO}, "model"),
        ({"model": MODEL, "messages": "text"}, "messages"),
        ({"model": MODEL, "messages": ECHO, "stream": "yes"}, "stream"),
        ({"model": MODEL, "messages": ECHO, "stream": True, "stream_options": []}, "stream_options"),
        ({"model": MODEL, "messages": ECHO, "temperature": "hot"}, "temperature"),
        ({"model": MODEL, "messages": ECHO, "max_tokens": 0}, "max_tokens"),
    ):
        error = refused(lambda: post(body), openai.BadRequestError)  # noqa: B023
        assert (error.param, error.type) == (param, "invalid_request_error")
    others: list[object] = [[], "text", 1]
    for other in others:
        assert refused(lambda: post(other), openai.BadRequestError).code == "invalid_json"  # noqa: B023


def test_a_body_that_is_no_json_is_a_bad_request(http: httpx2.Client) -> None:
    for body in (
        b"",
        b"{",
        b'{"model": "gpt-4", "messages": [}',
        b"\xff\xfe",
        b'{"model":"gpt-4\xff"}',
        b"[" * 100_000,
    ):
        response = http.post("/v1/chat/completions", content=body)
        assert response.status_code == 400
        assert response.json()["error"]["code"] == "invalid_json"


def test_an_upstreams_rate_limit_is_one_here(sdk: openai.OpenAI) -> None:
    for error in both(sdk, openai.RateLimitError, messages=[{"role": "user", "content": "trigger error"}]):
        assert (error.status_code, error.code, error.type) == (429, "rate_limit_exceeded", "rate_limit_error")
        assert error.response.headers["retry-after"] == "1"
        assert error.response.headers["x-oagw-error-source"] == "upstream"


@pytest.mark.parametrize(
    ("upstream", "status", "code"),
    [
        ("resets", 502, "downstream_error"),
        ("drops", 502, "downstream_error"),
        ("dead", 502, "downstream_error"),
        ("fails", 500, "server_error"),
    ],
)
def test_an_upstream_that_fails_is_a_server_error(
    live: Live, sdk: openai.OpenAI, upstream: str, status: int, code: str
) -> None:
    for error in both(sdk, openai.InternalServerError, model=f"{upstream}/gpt-4"):
        assert error.status_code == status
        source = error.response.headers["x-oagw-error-source"]
        assert source == ("gateway" if status == 502 else "upstream")
        if status == 502:
            assert (error.code, error.type) == (code, "server_error")
            assert int(error.response.headers["retry-after"]) > 0
        assert live.mock_url.rpartition(":")[2] not in error.message
        assert live.booked(error.response.headers["x-request-id"]).state == "failed"


# Streams that break


@pytest.mark.parametrize("upstream", ["cut", "torn", "breaks"])
def test_a_stream_that_breaks_is_an_error_after_what_came(live: Live, sdk: openai.OpenAI, upstream: str) -> None:
    text = ""
    raw = sdk.chat.completions.with_raw_response.create(model=f"{upstream}/gpt-4", messages=ECHO, stream=True)
    with pytest.raises(openai.APIError) as caught:
        for chunk in raw.parse():
            text += chunk.choices[0].delta.content or ""
    assert text == "Streaming response to: "
    expected = "server_error" if upstream == "breaks" else "stream_aborted"
    assert (type(caught.value), caught.value.code) == (openai.APIError, expected)
    assert caught.value.message
    row = live.booked(raw.headers["x-request-id"])
    assert row.settlement is not None
    assert (row.state, row.settlement.status, row.settlement.error) == ("failed", 200, "stream_aborted")


@pytest.mark.parametrize("upstream", ["cut", "torn", "breaks"])
def test_the_stream_helper_raises_on_a_stream_that_breaks(sdk: openai.OpenAI, upstream: str) -> None:
    with (
        pytest.raises(openai.APIError),
        sdk.chat.completions.stream(model=f"{upstream}/gpt-4", messages=ECHO) as stream,
    ):
        stream.get_final_completion()


@pytest.mark.parametrize("upstream", ["cut", "torn", "breaks"])
async def test_the_async_client_raises_on_a_stream_that_breaks(async_sdk: openai.AsyncOpenAI, upstream: str) -> None:
    chunks: list[ChatCompletionChunk] = []
    stream = await async_sdk.chat.completions.create(model=f"{upstream}/gpt-4", messages=ECHO, stream=True)
    with pytest.raises(openai.APIError):
        async for chunk in stream:
            chunks.append(chunk)
    assert len(chunks) == 4
    with pytest.raises(openai.APIError):
        async with async_sdk.chat.completions.stream(model=f"{upstream}/gpt-4", messages=ECHO) as helper:
            await helper.get_final_completion()


def test_a_stream_that_ends_before_its_content_is_a_plain_error(sdk: openai.OpenAI) -> None:
    for error in both(sdk, openai.InternalServerError, model="empty/gpt-4"):
        assert error.code == "stream_aborted"


# Retries of the SDK, and fallback of the gateway


@pytest.mark.parametrize("spec", ["status:500", "status:429", "status:503"])
def test_the_sdk_retries_a_fault_that_passes(live: Live, sdk: openai.OpenAI, spec: str) -> None:
    live.mock.queue.add(spec)
    before = live.received
    stream = spec == "status:500"
    answer: Any = sdk.with_options(max_retries=2).chat.completions.create(model=MODEL, messages=ECHO, stream=stream)
    text = (
        "".join(chunk.choices[0].delta.content or "" for chunk in answer)
        if stream
        else answer.choices[0].message.content
    )
    assert "one two" in text
    assert live.received == before + 2


def test_the_sdk_does_not_retry_what_it_got_wrong_itself(live: Live, sdk: openai.OpenAI) -> None:
    before = live.received
    with pytest.raises(openai.BadRequestError):
        sdk.with_options(max_retries=2).chat.completions.create(model=MODEL, messages=ECHO, temperature=9)
    assert live.received == before + 1


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("upstream", ["resets", "drops", "dead", "fails", "busy", "empty"])
def test_another_upstream_answers_for_one_that_says_nothing(
    live: Live, sdk: openai.OpenAI, upstream: str, stream: bool
) -> None:
    before, name = live.received, f"after-{upstream}"
    raw = sdk.chat.completions.with_raw_response.create(model=name, messages=ECHO, stream=stream)
    answer: Any = raw.parse()
    if stream:
        chunks = list(answer)
        assert {chunk.model for chunk in chunks} == {name}
        assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == STREAMED
    else:
        assert answer.model == name
        assert "one two" in answer.choices[0].message.content
    row = live.booked(raw.headers["x-request-id"])
    assert row.settlement is not None
    assert (row.state, row.settlement.upstream, row.settlement.model) == ("settled", "mock-chat", MODEL)
    asked = [(entry.scenario, '"gpt-4"' in entry.body) for entry in live.entries(before)]
    assert asked == [*[(spec, True) for spec in [FAULTS.get(upstream)] if spec], ("", False)]


@pytest.mark.parametrize("upstream", ["cut", "torn", "breaks"])
def test_no_other_upstream_goes_on_with_what_one_has_begun(live: Live, sdk: openai.OpenAI, upstream: str) -> None:
    before, text = live.received, ""
    with pytest.raises(openai.APIError):
        for chunk in sdk.chat.completions.create(model=f"after-{upstream}", messages=ECHO, stream=True):
            text += chunk.choices[0].delta.content or ""
    assert text == "Streaming response to: "
    assert live.received == before + 1


def test_a_fault_of_the_request_goes_to_no_other_upstream(live: Live, sdk: openai.OpenAI) -> None:
    before = live.received
    assert len(both(sdk, openai.BadRequestError, model="two-good-ones", temperature=9)) == 2
    assert [entry.body.count('"gpt-4"') for entry in live.entries(before)] == [0, 0]


def test_a_callers_own_credential_never_crosses_a_fallback(tmp_path: Path) -> None:
    """It is meant for the upstream that was asked first; a configuration that would share it may as well not start."""

    def change(values: dict[str, Any], mock_url: str) -> None:
        for name, base in (("first", f"{mock_url}/scenario/status:500/v1"), ("second", f"{mock_url}/v1")):
            values["upstreams"][name] = {"base_url": base, "credential": "caller"}
        values["models"]["shared"] = {"upstream": "first", "model": "gpt-4", "fallback": ["second/gpt-4"]}

    try:
        with running(tmp_path, change, timing="instant") as live:
            headers = {"X-Dragoman-Key": live.key, "Authorization": "Bearer the-callers-own"}
            with httpx2.Client(base_url=live.url, headers=headers, trust_env=False) as client:
                client.post("/v1/chat/completions", json={"model": "shared", "messages": ECHO})
            seen = [(entry.scenario, "the-callers-own" in str(entry.headers)) for entry in live.entries()]
            assert seen[0] == ("status:500", True)
            assert ("", True) not in seen
    except ConfigError as error:
        assert error.key.startswith("models.shared")
