import httpx2
import pytest

from tests.support.live import Live

BODY = {"model": "gpt-4", "messages": [{"role": "user", "content": "x" * 340}]}


def count(live: Live, body: object, key: str | None = None) -> httpx2.Response:
    return httpx2.post(f"{live.url}/v1/messages/count_tokens", json=body, headers=live.headers(key))


def test_any_model_has_an_estimate(live: Live) -> None:
    before = live.received
    response = count(live, BODY)
    assert response.status_code == 200
    assert response.json() == {"input_tokens": 104}
    assert response.headers["x-dragoman-loss"] == "input_tokens;defaulted"
    assert live.received == before


@pytest.mark.parametrize(
    ("body", "status", "kind"),
    [
        ({"messages": []}, 400, "invalid_request_error"),
        ({"model": "gpt-4"}, 400, "invalid_request_error"),
        ({**BODY, "model": "nope"}, 404, "not_found_error"),
    ],
)
def test_errors_are_of_this_family(live: Live, body: object, status: int, kind: str) -> None:
    response = count(live, body)
    assert (response.status_code, response.json()["type"], response.json()["error"]["type"]) == (status, "error", kind)


def test_it_takes_a_key_with_the_scope(live: Live) -> None:
    assert count(live, BODY, "wrong").status_code == 401
    assert count(live, BODY, live.issue(models=["other"])).status_code == 403


def count_input(live: Live, **members: object) -> httpx2.Response:
    return httpx2.post(f"{live.url}/v1/responses/input_tokens", json=members, headers=live.headers())


def test_input_of_any_model_has_an_estimate(live: Live) -> None:
    before = live.received
    response = count_input(live, model="gpt-4", input="x" * 340)
    assert response.json() == {"input_tokens": 104, "object": "response.input_tokens"}
    assert response.headers["x-dragoman-loss"] == "input_tokens;defaulted"
    assert live.received == before


def test_an_upstream_that_counts_input_is_asked(live: Live) -> None:
    response = count_input(live, model="mock-responses/gpt-4", input="one two three", instructions="be brief")
    assert response.status_code == 200, response.text
    assert response.json()["object"] == "response.input_tokens" and response.json()["input_tokens"] > 5
    assert response.headers["x-oagw-error-source"] == "upstream" and "x-dragoman-loss" not in response.headers
    entry = live.entries()[-1]
    assert entry.path.endswith("/responses/input_tokens") and '"store"' not in entry.body


@pytest.mark.parametrize("model", ["gpt-4", "mock-responses/gpt-4"])
def test_what_a_request_follows_on_counts_too(live: Live, model: str) -> None:
    body = {"model": model, "input": "word " * 300}
    first = httpx2.post(f"{live.url}/v1/responses", json=body, headers=live.headers()).json()
    alone = count_input(live, model=model, input="hi").json()["input_tokens"]
    whole = count_input(live, model=model, input="hi", previous_response_id=first["id"]).json()["input_tokens"]
    assert whole > alone + 300


@pytest.mark.parametrize(
    ("body", "status", "param"),
    [
        ({"input": "hi"}, 400, "model"),
        ({"model": "nope", "input": "hi"}, 404, "model"),
        ({"model": "gpt-4", "input": 1}, 400, "input"),
        ({"model": "gpt-4", "input": "hi", "previous_response_id": "resp_no"}, 404, "previous_response_id"),
    ],
)
def test_errors_of_input_are_openais(live: Live, body: dict[str, object], status: int, param: str) -> None:
    response = count_input(live, **body)
    assert (response.status_code, response.json()["error"]["param"]) == (status, param)
    assert httpx2.get(f"{live.url}/v1/responses/input_tokens", headers=live.headers()).status_code == 405
