"""Credentials that go out: scenarios 9.1 to 9.10."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.support.live import Live, running

SECRETS = {"ID": "canary-client", "SECRET": "canary-s3cret", "USER": "aladdin", "PASSWORD": "canary-sesame"}
BASIC = "Basic YWxhZGRpbjpjYW5hcnktc2VzYW1l"


def oauth(mock_url: str, **members: Any) -> dict[str, Any]:
    return {
        "type": "oauth2", "token_endpoint": f"{mock_url}/oauth2/token",
        "client_id_ref": "env:ID", "client_secret_ref": "env:SECRET", **members,
    }  # fmt: skip


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    state = tmp_path_factory.mktemp("credentials")
    (state / "secret").write_text("canary-from-a-file")

    def change(values: dict[str, Any], mock_url: str) -> None:
        echo = f"{mock_url}/echo"
        file = f"file:{state}/secret"
        kinds = {
            "noop": {"type": "none"},
            "header": {"type": "api_key", "header": "X-Key", "prefix": "Key ", "secret_ref": "env:SECRET"},
            "query": {"type": "api_key", "query": "key", "secret_ref": "env:SECRET"},
            "basic": {"type": "basic", "username_ref": "env:USER", "password_ref": "env:PASSWORD"},
            "bearer": {"type": "bearer", "secret_ref": "env:SECRET"},
            "form": oauth(mock_url, scopes=["form"]),
            "inbasic": oauth(mock_url, client_auth="basic", scopes=["basic"]),
            "many": oauth(mock_url, scopes=["many"]),
            "other": oauth(mock_url, scopes=["other"]),
            "denied": oauth(mock_url, token_endpoint=f"{mock_url}/status/401"),
            "down": oauth(mock_url, token_endpoint=f"{mock_url}/status/503"),
            "unlisted": oauth(mock_url, token_endpoint="", issuer_url=f"{mock_url}/status/404"),
            "vanishing": oauth(mock_url, client_secret_ref=file, scopes=["vanishing"]),
        }
        for name, auth in kinds.items():
            values["aliases"][name] = {"base_url": echo, "auth": auth}
        for name in ("header", "query", "basic", "form"):
            values["aliases"][f"{name}-error"] = {"base_url": f"{mock_url}/status/400/echo", "auth": kinds[name]}
        values["aliases"]["unlucky"] = {"base_url": echo, "auth": kinds["down"], "breaker": {"failures": 1}}
        values["aliases"]["healed"] = {"base_url": f"{mock_url}/echo-401-once", "auth": oauth(mock_url, scopes=["h"])}
        values["upstreams"]["mock-oauth"] = {**values["upstreams"]["mock-chat"], "auth": oauth(mock_url, scopes=["m"])}
        values["models"]["through-oauth"] = "mock-oauth/gpt-4o-mini"

    with running(state, change, timing="instant", environ=SECRETS) as live:
        yield live


def call(live: Live, path: str, **headers: str) -> httpx2.Response:
    return httpx2.get(f"{live.url}/api/oagw/v1/proxy/{path}", headers={**live.headers(), **headers}, timeout=20)


def sent(live: Live, path: str, **headers: str) -> dict[str, list[str]]:
    """The headers that reached the upstream."""
    answer = call(live, path, **headers)
    assert answer.status_code == 200, answer.text
    found: dict[str, list[str]] = {}
    for name, value in answer.json()["headers"]:
        found.setdefault(name.lower(), []).append(value)
    return found


def grants(live: Live, scope: str) -> int:
    """How many tokens were asked for with `scope`."""
    return sum(entry.path == "/oauth2/token" and f"scope={scope}" in entry.body for entry in live.entries())


def test_p9_1_without_a_credential_nothing_is_added(live: Live) -> None:
    assert "authorization" not in sent(live, "noop/x")


def test_p9_2_an_api_key_goes_into_a_header_behind_its_prefix(live: Live) -> None:
    assert sent(live, "header/x", **{"X-Key": "the callers"})["x-key"] == ["Key canary-s3cret"]


def test_p9_2_an_api_key_goes_into_the_query(live: Live) -> None:
    assert call(live, "query/x?key=callers&a=1").json()["query"] == "a=1&key=canary-s3cret"


def test_p9_3_basic(live: Live) -> None:
    assert sent(live, "basic/x")["authorization"] == [BASIC]


def test_p9_4_bearer(live: Live) -> None:
    assert sent(live, "bearer/x")["authorization"] == ["Bearer canary-s3cret"]


@pytest.mark.parametrize(("alias", "scope"), [("form", "form"), ("inbasic", "basic")])
def test_p9_5_and_p9_6_a_token_is_fetched_once_and_kept(live: Live, alias: str, scope: str) -> None:
    first, second = (sent(live, f"{alias}/x")["authorization"] for _ in range(2))
    assert first == second and first[0].startswith("Bearer mock-token-")
    assert grants(live, scope) == 1


def test_p9_5_a_model_call_takes_a_token_too(live: Live) -> None:
    body = {"model": "through-oauth", "messages": [{"role": "user", "content": "hello"}]}
    answer = httpx2.post(f"{live.url}/v1/chat/completions", json=body, headers=live.headers(), timeout=20)
    assert answer.status_code == 200, answer.text
    assert grants(live, "m") == 1


def test_p9_5_fifty_calls_at_once_share_one_fetch(live: Live) -> None:
    with httpx2.Client(base_url=live.url, headers=live.headers(), timeout=20) as client:
        with ThreadPoolExecutor(50) as callers:
            answers = list(callers.map(client.get, ["/api/oagw/v1/proxy/many/x"] * 50))
    assert {answer.status_code for answer in answers} == {200}
    assert grants(live, "many") == 1


def test_n9_7_a_refused_secret_is_a_401_and_a_failing_endpoint_can_be_repeated(live: Live) -> None:
    for alias in ("denied", "unlisted"):
        refused = call(live, f"{alias}/x")
        assert refused.status_code == 401
        assert refused.headers["x-oagw-error-source"] == "gateway"
        problem = refused.json()
        assert (problem["code"], problem["retriable"], problem["source"]) == ("auth_failed", False, "gateway")
        assert problem["type"] == "gts.cf.core.errors.err.v1~cf.oagw.auth.failed.v1"
    down = call(live, "down/x")
    assert (down.status_code, down.json()["retriable"], down.headers["retry-after"]) == (502, True, "5")


def test_a_token_endpoint_that_fails_is_not_held_against_the_upstream(live: Live) -> None:
    assert [call(live, "unlucky/x").json()["code"] for _ in range(3)] == ["downstream_error"] * 3


def test_n9_7_a_missing_secret_is_a_500(live: Live) -> None:
    path = Path(live.gateway.config.aliases["vanishing"].auth.client_secret_ref.removeprefix("file:"))
    path.unlink()
    missing = call(live, "vanishing/x")
    assert missing.status_code == 500
    assert missing.json()["type"] == "gts.cf.core.errors.err.v1~cf.oagw.secret.not_found.v1"
    path.write_text("canary-from-a-file")
    assert call(live, "vanishing/x").status_code == 200  # a failure is not kept


def test_n9_10_a_token_is_kept_for_its_own_grant_alone(live: Live) -> None:
    assert sent(live, "many/x")["authorization"] != sent(live, "other/x")["authorization"]


def test_n9_10_a_token_that_the_upstream_refuses_is_not_used_again(live: Live) -> None:
    assert call(live, "healed/x").status_code == 401
    assert grants(live, "h") == 1
    assert call(live, "healed/x").status_code == 200
    assert grants(live, "h") == 2


def test_n9_10_a_token_outlives_a_reload_of_the_same_grant(live: Live) -> None:
    before = sent(live, "form/x")["authorization"]

    async def reload() -> None:
        live.gateway.reload()

    live.run(reload)
    assert sent(live, "form/x")["authorization"] == before


def test_no_secret_and_no_token_is_in_the_log_or_the_metrics(live: Live) -> None:
    for alias in ("header", "query", "basic", "form", "denied"):
        call(live, f"{alias}/x")
    metrics = httpx2.get(f"{live.url}/metrics", headers=live.headers(live.admin_key), timeout=20).content
    live.until(lambda: any(b'"denied"' in line for line in live.log), "the log is written")
    seen = b"".join(live.log) + metrics
    for secret in (*SECRETS.values(), "mock-token-", "canary-from-a-file"):
        if secret != SECRETS["USER"]:
            assert secret.encode() not in seen


@pytest.mark.parametrize("alias", ["header", "query", "basic", "form"])
def test_an_echoed_credential_is_blanked_out_of_an_error_and_left_in_a_success(live: Live, alias: str) -> None:
    error = call(live, f"{alias}-error")
    assert (error.status_code, error.headers["x-oagw-error-source"]) == (400, "upstream")
    assert "[redacted]" in error.text
    secrets = ("canary-s3cret", BASIC.removeprefix("Basic "), "mock-token-")
    assert not any(secret in error.text for secret in secrets)
    assert any(secret in call(live, f"{alias}/x").text for secret in secrets)
