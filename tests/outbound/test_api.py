"""The management API as a whole: its published document, and who may call what."""

from typing import Any

import httpx2
import pytest

from dragoman.bridge import FRONT_DOORS
from dragoman.gateway.admin import ROUTES
from dragoman.gateway.routes import Entry, Table
from tests.outbound.api import Api

OPEN = {"health", "ready", "status", "version", "openapi"}
"""Kinds of routes that need no key."""
ADMIN = {"admin", "metrics", "resources", "plugins", "explain"}
ROLES = ("none", "wrong", "plain", "admin")


def rows() -> list[Any]:
    """Every route of the gateway with a path that it takes, and the method to try."""
    found = []
    for path, entry in Table(FRONT_DOORS).rows():
        if entry.kind != "admin":
            method = (entry.methods or ("GET",))[0]
            found.append(pytest.param(method, path.replace("/...", "/matrix"), entry, id=f"{method} {path}"))
    entry = Entry("admin", None)
    for method, path, _ in ROUTES:
        if path != "/admin/reload":
            found.append(pytest.param(method, path.replace("{id}", "matrix"), entry, id=f"{method} {path}"))
    return found


@pytest.mark.parametrize(("method", "path", "entry"), rows())
def test_every_route_asks_for_the_key_it_needs(api: Api, method: str, path: str, entry: Entry) -> None:
    live = api.live
    keys = {"wrong": "wrong", "plain": live.key, "admin": live.admin_key}
    statuses = {}
    for role in ROLES:
        headers = live.headers(keys[role]) if role in keys else {}
        statuses[role] = httpx2.request(method, f"{live.url}{path}", headers=headers, timeout=30).status_code
    answered = {role for role, status in statuses.items() if status not in (401, 403)}
    if entry.kind in OPEN:
        assert answered == set(ROLES), statuses
        return
    outbound = entry.kind in ("outbound", "outbound_status", "resolve")
    assert statuses["none"] == 401 and statuses["wrong"] == (403 if outbound else 401), statuses
    assert answered == ({"admin"} if entry.kind in ADMIN else {"plain", "admin"}), statuses
    assert entry.kind not in ADMIN or statuses["plain"] == 403


def test_the_document_is_published_and_has_every_path(api: Api) -> None:
    document = api.client.get("/openapi.json").json()
    assert document["openapi"].startswith("3.1")
    assert set(document["paths"]) == {
        "/api/oagw/v1/upstreams", "/api/oagw/v1/upstreams/{id}", "/api/oagw/v1/routes", "/api/oagw/v1/routes/{id}",
        "/api/oagw/v1/plugins", "/api/oagw/v1/plugins/{id}", "/api/oagw/v1/explain",
    }  # fmt: skip


def test_whatever_is_called_may_be_answered_that_it_is_no_http(api: Api) -> None:
    framed_twice = (
        f"DELETE /api/oagw/v1/routes/r HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {api.live.admin_key}\r\n"
        "Content-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n"
    )
    assert api.live.raw(framed_twice.encode()).startswith(b"HTTP/1.1 400 ")
    paths = api.client.get("/openapi.json").json()["paths"]
    operations = [
        operation["responses"] for path in paths.values() for operation in path.values() if "responses" in operation
    ]
    assert len(operations) > 10
    assert all("400" in responses for responses in operations)
