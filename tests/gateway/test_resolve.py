import httpx2
import pytest

from tests.support.live import Live

URL = "/api/oagw/v1/resolve"


def resolve(http: httpx2.Client, **asked: object) -> httpx2.Response:
    return http.post(URL, json=asked)


def test_a_call_is_resolved_and_not_made(live: Live, http: httpx2.Client) -> None:
    before = live.received
    answer = resolve(http, alias="GitHub.", path="/users/octo%63at?x=1", method="PUT")
    assert answer.status_code == 200
    assert answer.headers["x-oagw-error-source"] == "gateway"
    assert answer.json() == {
        "alias": "github", "upstream": "alias:github", "method": "PUT", "path": "/users/octo%63at?x=1",
    }  # fmt: skip
    assert live.received == before
    assert live.mock_url not in answer.text


def test_what_the_call_would_be_refused_for_is_refused(live: Live, http: httpx2.Client) -> None:
    for asked in (
        {"alias": "github", "path": "/../x"},
        {"alias": "github", "path": "/a b"},
        {},
        {"alias": 1},
        {"a": 1},
    ):
        answer = resolve(http, **asked)
        assert (answer.status_code, answer.json()["code"]) == (400, "invalid_request")
    answer = resolve(http, alias="nobody")
    assert (answer.status_code, answer.json()["code"]) == (404, "route_not_found")


@pytest.mark.parametrize(("key", "status"), [(None, 401), ("drg_wrong", 403), ("scoped", 404)])
def test_a_key_resolves_what_it_may_call(live: Live, anonymous: httpx2.Client, key: str | None, status: int) -> None:
    token = live.issue(aliases=["weather"]) if key == "scoped" else key
    headers = {} if token is None else live.headers(token)
    answer = anonymous.post(URL, json={"alias": "github"}, headers=headers)
    assert answer.status_code == status
    if key == "scoped":
        assert anonymous.post(URL, json={"alias": "weather"}, headers=headers).status_code == 200
