import json
from typing import Any

import httpx2
import pytest

from dragoman.gateway.convert import SLICE
from tests.support.live import Live

CHAT: dict[str, Any] = {
    "model": "gpt-4",
    "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "hi"}],
    "max_tokens": 100,
}


def convert(live: Live, body: Any, query: str = "") -> httpx2.Response:
    return httpx2.post(f"{live.url}/convert?{query}", json=body, headers=live.headers())


def test_a_chat_request_becomes_one_for_responses_by_default(live: Live) -> None:
    before = live.received
    response = convert(live, CHAT)
    assert response.status_code == 200
    said = response.json()
    assert said["model"] == "gpt-4" and said["max_output_tokens"] == 100 and "messages" not in said
    assert response.headers["x-oagw-error-source"] == "gateway"
    assert live.received == before  # no upstream was asked


@pytest.mark.parametrize("source", ["chat", "responses", "messages"])
@pytest.mark.parametrize("target", ["chat", "responses", "messages"])
def test_every_dialect_becomes_every_other(live: Live, source: str, target: str) -> None:
    given = convert(live, CHAT, f"from=chat&to={source}").json()
    back = convert(live, given, f"from={source}&to={target}").json()
    text = json.dumps(back)
    assert "Be brief." in text and "hi" in text and back["model"] == "gpt-4"


def test_losses_are_reported_with_a_note(live: Live) -> None:
    body = {**CHAT, "messages": [{"role": "user", "content": "hi"}]}
    del body["max_tokens"]
    plain = convert(live, body, "to=messages")
    assert plain.headers["x-dragoman-loss"] == "max_completion_tokens;defaulted"
    report = convert(live, body, "to=messages&report=1").json()
    assert report["losses"][0]["kind"] == "defaulted" and report["losses"][0]["note"]
    assert report["body"] == plain.json()


def test_an_answer_is_converted_too(live: Live) -> None:
    answer = httpx2.post(f"{live.url}/v1/chat/completions", json=CHAT, headers=live.headers()).json()
    said = convert(live, answer, "what=response&to=messages").json()
    assert said["type"] == "message" and said["content"][0]["text"] == answer["choices"][0]["message"]["content"]


@pytest.mark.parametrize("target", ["responses", "messages"])
def test_a_recorded_stream_becomes_what_a_caller_would_have_had(live: Live, target: str) -> None:
    url, headers = f"{live.url}/convert?what=stream", live.headers()
    text = " ".join(f"word{number}" for number in range(400))
    body = {"model": "gpt-4", "messages": [{"role": "user", "content": text}], "stream": True}
    body["stream_options"] = {"include_usage": True}
    recorded = httpx2.post(f"{live.url}/v1/chat/completions", json=body, headers=headers).content
    said = httpx2.post(f"{url}&to={target}", content=recorded, headers=headers)
    assert said.status_code == 200 and said.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert len(recorded) > 2 * SLICE
    back = httpx2.post(f"{url}&from={target}&to=chat", content=said.content, headers=headers).text
    assert spoken(back) == spoken(recorded.decode()) and text in spoken(back)


def spoken(stream: str) -> str:
    """What a Chat stream says."""
    chunks = [json.loads(line[6:]) for line in stream.splitlines() if line.startswith("data: {")]
    return "".join(choice["delta"].get("content") or "" for chunk in chunks for choice in chunk["choices"])


def test_a_stream_that_says_nothing_is_an_error_and_one_that_breaks_ends_in_one(live: Live) -> None:
    url, headers = f"{live.url}/convert?what=stream&to=messages", live.headers()
    begun = b'data: {"choices":[{"index":0,"delta":{"content":"Hi"}}]}\n\n'
    for body, code in (
        (b"", "stream_aborted"),
        (b"rubbish", "stream_aborted"),
        (b"data: rubbish\n\n", "protocol_error"),
    ):
        assert httpx2.post(url, content=body, headers=headers).json()["error"]["code"] == code
    broken = httpx2.post(url, content=begun, headers=headers)
    assert broken.status_code == 200 and "event: error" in broken.text
    assert httpx2.post(f"{url}&report=1", content=begun, headers=headers).json()["error"]["param"] == "report"


def test_the_state_of_seed_000_is_set(live: Live) -> None:
    assert convert(live, CHAT, "conversation_id=conv_1").json()["conversation"] == "conv_1"
    assert convert(live, CHAT, "previous_response_id=resp_1").json()["previous_response_id"] == "resp_1"
    assert convert(live, CHAT, "previous_response_id=resp_1&conversation_id=conv_1").status_code == 400


@pytest.mark.parametrize("query", ["from=klingon", "to=x", "what=x", "profile=x", "frobnicate=1"])
def test_a_wrong_query_is_named(live: Live, query: str) -> None:
    response = convert(live, CHAT, query)
    assert response.status_code == 400
    assert response.json()["error"]["param"] == query.partition("=")[0]


def test_what_cannot_be_said_is_refused_by_name(live: Live) -> None:
    response = convert(live, {**CHAT, "seed": 7})
    assert response.status_code == 400
    assert response.json()["error"] == {
        "message": response.json()["error"]["message"],
        "type": "invalid_request_error",
        "param": "seed",
        "code": "unsupported_parameter",
    }


def test_it_takes_a_key(live: Live) -> None:
    assert httpx2.post(f"{live.url}/convert", json=CHAT).status_code == 401


@pytest.mark.parametrize("member", ['"truncation":1e999', '"reasoning":{"mode":1e999}', '"metadata":1e999'])
def test_a_number_that_nothing_can_hold_is_a_400(live: Live, member: str) -> None:
    body = '{"model":"m","input":"hi",' + member + "}"
    response = httpx2.post(f"{live.url}/convert?from=responses&to=chat", content=body, headers=live.headers())
    assert response.status_code == 400
