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
