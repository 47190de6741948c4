import base64

import httpx2
import pytest

from dragoman.mocks.answer import Buffered
from dragoman.mocks.oauth import OAuth
from tests.mocks.client import body_of, header_of, request

GOOD = b"grant_type=client_credentials&client_id=a&client_secret=b&scope=read"


def basic(credentials: str) -> str:
    return "Basic " + base64.b64encode(credentials.encode()).decode()


def test_tokens_are_numbered() -> None:
    oauth = OAuth()
    first = oauth.answer(request("POST", "token", GOOD))
    assert body_of(first) == {
        "access_token": "mock-token-1",
        "token_type": "Bearer",
        "expires_in": 3600,
        "scope": "read",
    }
    assert header_of(first, "cache-control") == "no-store"
    assert body_of(oauth.answer(request("POST", "token", GOOD)))["access_token"] == "mock-token-2"
    oauth.reset()
    assert body_of(oauth.answer(request("POST", "token", GOOD)))["access_token"] == "mock-token-1"


def test_a_client_may_use_basic_authentication() -> None:
    form = b"grant_type=client_credentials"
    assert body_of(OAuth().answer(request("POST", "token", form, authorization=basic("id:s%3Acret"))))["access_token"]


@pytest.mark.parametrize(
    ("form", "authorization", "status", "error"),
    [
        (b"", "", 400, "unsupported_grant_type"),
        (b"grant_type=password", "", 400, "unsupported_grant_type"),
        (b"grant_type=client_credentials&client_id=a", "", 401, "invalid_client"),
        (b"grant_type=client_credentials", basic("id:"), 401, "invalid_client"),
        (b"grant_type=client_credentials", "Basic !!!", 401, "invalid_client"),
        (b"grant_type=client_credentials", "Basic /////w==", 401, "invalid_client"),
    ],
)
def test_errors_are_those_of_rfc_6749(form: bytes, authorization: str, status: int, error: str) -> None:
    answer = OAuth().answer(request("POST", "token", form, authorization=authorization))
    assert isinstance(answer, Buffered)
    assert (answer.status, body_of(answer)["error"]) == (status, error)


def test_only_a_post_to_the_token_path_is_answered() -> None:
    for method, path, status in (("GET", "token", 405), ("POST", "tokens", 404)):
        answer = OAuth().answer(request(method, path, GOOD))
        assert isinstance(answer, Buffered) and answer.status == status


async def test_the_first_caller_is_refused_and_the_next_one_is_not(http_client: httpx2.AsyncClient) -> None:
    first = await http_client.post("/echo-401-once", content=b"a")
    assert (first.status_code, first.headers["www-authenticate"]) == (401, "Bearer")
    second = await http_client.post("/echo-401-once", content=b"b")
    assert (second.status_code, second.json()["body"]) == (200, "b")
    assert (await http_client.post("/reset-counters")).status_code == 200
    assert (await http_client.get("/echo-401-once")).status_code == 401
