import itertools
from typing import Any

import httpx2
import pytest

from tests.support.live import Live

ROUTES = [
    ("GET", "/admin/keys"), ("POST", "/admin/keys"), ("DELETE", "/admin/keys/x"), ("POST", "/admin/keys/x/rotate"),
    ("GET", "/admin/usage"), ("GET", "/admin/ledger"), ("GET", "/admin/routes"), ("GET", "/admin/upstreams"),
    ("POST", "/admin/reload"),
    ("GET", "/admin/nope"), ("GET", "/metrics"),
]  # fmt: skip


def call(live: Live, method: str, path: str, **options: Any) -> httpx2.Response:
    return httpx2.request(method, live.url + path, headers=live.headers(live.admin_key), **options)


@pytest.mark.parametrize(("route", "role"), list(itertools.product(ROUTES, ["none", "wrong", "ordinary"])))
def test_no_route_answers_without_an_admin_key(live: Live, route: tuple[str, str], role: str) -> None:
    headers = {"none": {}, "wrong": live.headers("x" * 20), "ordinary": live.headers()}[role]
    response = httpx2.request(route[0], live.url + route[1], headers=headers)
    assert response.status_code == {"none": 401, "wrong": 401, "ordinary": 403}[role]
    assert response.headers["content-type"] == "application/problem+json"
    assert response.headers["x-oagw-error-source"] == "gateway" and response.headers["x-request-id"]


def test_a_key_lives_from_creation_over_rotation_to_revocation(live: Live) -> None:
    made = call(live, "POST", "/admin/keys", json={"name": "ci", "models": ["gpt-*"], "expires_in": 3600})
    assert made.status_code == 201
    key, token = made.json()["key"], made.json()["token"]
    assert key["models"] == ["gpt-*"] and key["hint"] == token[-4:] and key["expires_at"] > key["created_at"]
    assert models(live, token) == 200

    listed = call(live, "GET", "/admin/keys")
    assert key["id"] in {entry["id"] for entry in listed.json()["keys"]}
    assert token not in listed.text

    rotated = call(live, "POST", f"/admin/keys/{key['id']}/rotate").json()
    assert rotated["key"]["models"] == ["gpt-*"] and rotated["key"]["expires_at"] == key["expires_at"]
    assert (models(live, token), models(live, rotated["token"])) == (401, 200)

    assert call(live, "DELETE", f"/admin/keys/{rotated['key']['id']}").status_code == 204
    assert models(live, rotated["token"]) == 401


def test_a_key_has_one_tenant_and_keeps_it(live: Live) -> None:
    unknown = call(live, "POST", "/admin/keys", json={"name": "x", "tenant": "nobody"})
    assert (unknown.status_code, unknown.json()["code"]) == (400, "invalid_request")
    made = call(live, "POST", "/admin/keys", json={"name": "x", "admin": True}).json()
    assert made["key"]["tenant"] == "default"
    assert call(live, "POST", f"/admin/keys/{made['key']['id']}/rotate").json()["key"]["tenant"] == "default"


@pytest.mark.parametrize("path", ["/admin/keys", "/admin/usage", "/admin/ledger", "/admin/routes", "/metrics"])
def test_what_concerns_every_tenant_takes_an_admin_key_of_the_root(live: Live, path: str) -> None:
    own = live.issue(tenant="shop", admin=True)
    answer = httpx2.get(live.url + path, headers=live.headers(own))
    assert (answer.status_code, answer.json()["code"]) == (403, "permission_denied")
    assert httpx2.get(live.url + path, headers=live.headers(live.issue(admin=True))).status_code == 200


def models(live: Live, token: str) -> int:
    return httpx2.get(f"{live.url}/v1/models", headers=live.headers(token)).status_code


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"{}", b'{"name":""}', b'{"name":"x","expires_in":0}', b'{"name":"x","extra":1}',
             b'{"name":"x","admin":"yes"}', b'{"name":' + b'"x"' * 1 + b',"models":[1]}'],
)  # fmt: skip
def test_a_bad_new_key_is_a_400(live: Live, body: bytes) -> None:
    response = call(live, "POST", "/admin/keys", content=body)
    assert response.status_code == 400
    assert response.json()["code"] == "invalid_request"


def test_an_oversized_body_is_refused(live: Live) -> None:
    assert call(live, "POST", "/admin/keys", content=b" " * 100_000).status_code == 413


@pytest.mark.parametrize(("method", "path"), [("DELETE", "/admin/keys/none"), ("POST", "/admin/keys/none/rotate")])
def test_a_key_that_is_not_there_is_a_404(live: Live, method: str, path: str) -> None:
    assert call(live, method, path).status_code == 404


def test_unknown_paths_and_methods_are_problems(live: Live) -> None:
    assert call(live, "GET", "/admin/nope").json()["code"] == "not_found"
    assert call(live, "PUT", "/admin/keys").json()["code"] == "method_not_allowed"


def test_usage_and_ledger_show_what_was_booked(live: Live) -> None:
    body = {"model": "gpt-4", "messages": [{"role": "user", "content": "a b"}]}
    httpx2.post(f"{live.url}/v1/chat/completions", json=body, headers=live.headers()).raise_for_status()
    row = live.rows(1)[0]
    shown = call(live, "GET", "/admin/ledger?limit=1").json()["rows"][0]
    assert shown["reservation"]["call_id"] == row.reservation.call_id and shown["state"] == "settled"
    total = call(live, "GET", f"/admin/usage?key={row.reservation.key_id}").json()["usage"]
    assert [(entry["name"], entry["calls"] >= 1) for entry in total if entry["name"] == "gpt-4"] == [("gpt-4", True)]
    for query in ("limit=0", "limit=x", "limit=1001"):
        assert call(live, "GET", f"/admin/ledger?{query}").status_code == 400


def test_routes_are_listed(live: Live) -> None:
    rows = call(live, "GET", "/admin/routes").json()["routes"]
    assert {"kind": "model", "name": "gpt-4", "targets": ["mock-chat/gpt-4"]} in rows
    assert "weather" in {row["name"] for row in rows if row["kind"] == "alias"}
