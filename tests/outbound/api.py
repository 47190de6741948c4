"""The management API as tests speak it."""

from typing import Any

import httpx2

from tests.support.live import Live

BASE = "/api/oagw/v1"


class Api:
    """Calls with the operator's key; `proxy` with a caller's."""

    def __init__(self, live: Live) -> None:
        self.live = live
        self.client = httpx2.Client(base_url=live.url + BASE, trust_env=False, timeout=30)
        self.admin = live.headers(live.admin_key)

    def request(self, method: str, path: str, **options: Any) -> httpx2.Response:
        headers = {**self.admin, **options.pop("headers", {})}
        return self.client.request(method, path, headers=headers, **options)

    def endpoint(self) -> dict[str, Any]:
        """The mock upstreams."""
        return {"scheme": "http", "host": "127.0.0.1", "port": int(self.live.mock_url.rpartition(":")[2])}

    def upstream(self, alias: str, **members: Any) -> dict[str, Any]:
        """A new upstream at the mock."""
        body = {"alias": alias, "endpoints": [self.endpoint()], **members}
        return made(self.request("POST", "/upstreams", json=body))

    def route(self, upstream: dict[str, Any], path: str = "/", *methods: str, **members: Any) -> dict[str, Any]:
        """A new route; `match` adds to what is matched."""
        match = {"methods": list(methods or ("GET",)), "path": path, **members.pop("match", {})}
        body = {"upstream_id": upstream["id"], "match": match, **members}
        return made(self.request("POST", "/routes", json=body))

    def plugin(self, kind: str, plugin: str, **members: Any) -> dict[str, Any]:
        """A plugin that is set up."""
        return made(self.request("POST", "/plugins", json={"type": kind, "plugin": plugin, **members}))

    def replace(self, kind: str, resource: dict[str, Any], **members: Any) -> dict[str, Any]:
        """What was read, written back with some members changed."""
        response = self.request("PUT", f"/{kind}/{resource['id']}", json={**resource, **members})
        assert response.status_code == 200, response.text
        return dict(response.json())

    def proxy(self, path: str, method: str = "GET", **options: Any) -> httpx2.Response:
        headers = {**self.live.headers(), **options.pop("headers", {})}
        return self.client.request(method, f"/proxy{path}", headers=headers, **options)


def made(response: httpx2.Response) -> dict[str, Any]:
    assert response.status_code == 201, response.text
    return dict(response.json())


def problem(response: httpx2.Response) -> tuple[int, str]:
    """Status and code of an error of the gateway's own."""
    assert response.headers["content-type"] == "application/problem+json", response.text
    assert response.headers["x-oagw-error-source"] == "gateway"
    body = response.json()
    assert body["status"] == response.status_code and body["source"] == "gateway"
    return response.status_code, body["code"]
