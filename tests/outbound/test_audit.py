"""What is seen of calls by alias: scenarios 22.1 to 22.5, metrics, and 23.1 to 23.3, the audit log."""

import json
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest
from structlog.testing import capture_logs

from tests.support.live import Live, running

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
CANARY = "canary-4711"


def change(values: dict[str, Any], mock_url: str) -> None:
    routes = [{"match": {"methods": ["GET", "POST"], "path": "/v1/items"}}]
    values["aliases"]["routed"] = {
        "base_url": f"{mock_url}/echo", "routes": routes, "credential": "query key env:UPSTREAM_KEY",
    }  # fmt: skip
    values["aliases"]["failing"] = {"base_url": f"{mock_url}/status/503"}
    values["aliases"]["missing"] = {"base_url": f"{mock_url}/status/404"}
    values["aliases"]["down"] = {"base_url": "http://127.0.0.1:1"}


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    environ = {"UPSTREAM_KEY": f"{CANARY}-upstream"}
    with running(tmp_path_factory.mktemp("audit"), change, timing="instant", environ=environ) as live:
        yield live


def call(live: Live, path: str, method: str = "GET", **options: Any) -> httpx2.Response:
    headers = {**live.headers(), **options.pop("headers", {})}
    return httpx2.request(method, f"{live.url}/api/oagw/v1/proxy/{path}", headers=headers, timeout=20, **options)


def line_of(live: Live, answer: httpx2.Response) -> dict[str, Any]:
    """The one line that the log has of a call."""
    request_id = answer.headers["x-request-id"]
    found: list[dict[str, Any]] = []

    def written() -> bool:
        lines = [json.loads(line) for line in b"".join(live.log).splitlines() if request_id.encode() in line]
        found[:] = lines
        return bool(lines)

    live.until(written, "the call is logged")
    (line,) = found
    return line


def metrics(live: Live) -> list[str]:
    answer = httpx2.get(f"{live.url}/metrics", headers=live.headers(live.admin_key), timeout=20)
    return answer.text.splitlines()


def counted(live: Live, start: str) -> float:
    return sum(float(line.rpartition(" ")[2]) for line in metrics(live) if line.startswith(start))


def test_23_1_a_call_is_one_line_of_the_audit_log(live: Live) -> None:
    answer = call(
        live, "routed/v1/items/7", "POST", content=b"x" * 10, headers={"traceparent": f"00-{TRACE}-00f067aa0ba902b7-01"}
    )
    assert answer.status_code == 200
    line = line_of(live, answer)
    assert line.pop("timestamp").endswith("Z")
    assert line.pop("duration_ms") > 0
    principal = line.pop("principal_id")
    assert principal.startswith("key_")
    assert line == {
        "logger": "audit", "level": "info", "event": "call", "request_id": answer.headers["x-request-id"],
        "trace_id": TRACE, "tenant_id": "default", "family": "proxy", "name": "routed",
        "upstream": "alias:routed", "host": "127.0.0.1",
        "path": "/api/oagw/v1/proxy/routed/v1/items/7", "route": "/v1/items", "method": "POST", "status": 200,
        "source": "upstream", "request_size": 10, "response_size": len(answer.content), "key_id": principal,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("path", "level", "error_type"),
    [
        ("missing", "warning", "upstream_404"),
        ("failing", "error", "upstream_503"),
        ("down/x", "error", "downstream.error"),
        ("nowhere/x", "warning", "route.not_found"),
    ],
)
def test_23_1_what_failed_is_told_by_level_and_type(live: Live, path: str, level: str, error_type: str) -> None:
    line = line_of(live, call(live, path))
    assert (line["logger"], line["level"], line["error_type"]) == ("audit", level, error_type)
    assert bool(line.get("error_message")) is not error_type.startswith("upstream_")


def test_23_1_a_caller_without_a_key_is_in_the_audit_log(live: Live) -> None:
    line = line_of(live, httpx2.get(f"{live.url}/api/oagw/v1/proxy/routed/v1/items", timeout=20))
    assert (line["level"], line["status"], line["error_type"]) == ("error", 401, "auth.failed")
    assert "principal_id" not in line and "tenant_id" not in line


def test_23_2_no_query_header_body_or_secret_is_in_the_audit_log(live: Live) -> None:
    answer = call(
        live, f"routed/v1/items?token={CANARY}", "POST", content=CANARY.encode(),
        headers={"X-Custom": CANARY, "User-Agent": CANARY, "Cookie": CANARY},
    )  # fmt: skip
    assert answer.status_code == 200
    line_of(live, answer)
    refused = call(live, "routed/v1/items/x", headers={"X-OAGW-Target-Host": f"{CANARY}/x"})
    assert CANARY in refused.json()["detail"] and "'...'" in line_of(live, refused)["error_message"]
    log = b"".join(live.log)
    assert CANARY.encode() not in log and live.key.encode() not in log


def test_23_3_changes_are_in_the_audit_log_with_who_made_them(live: Live) -> None:
    admin = live.headers(live.admin_key)

    def ask(method: str, path: str, **options: Any) -> httpx2.Response:
        return httpx2.request(method, f"{live.url}/admin{path}", headers=admin, timeout=20, **options)

    with capture_logs() as log:
        made = ask("POST", "/keys", json={"name": "audited"}).json()
        rotated = ask("POST", f"/keys/{made['key']['id']}/rotate").json()
        ask("DELETE", f"/keys/{rotated['key']['id']}")
        ask("POST", "/reload")
        assert ask("DELETE", "/keys/key_none").status_code == 404
    changes = [entry for entry in log if entry["event"] in ("key created", "key rotated", "key revoked",
                                                            "configuration reloaded")]  # fmt: skip
    assert [entry["event"] for entry in changes] == [
        "key created", "key rotated", "key revoked", "configuration reloaded",
    ]  # fmt: skip
    assert {entry["principal_id"] for entry in changes} == {"env-admin"}
    assert changes[1]["new_key_id"] == changes[2]["key_id"] == rotated["key"]["id"]
    assert made["token"] not in str(log) and rotated["token"] not in str(log)


def test_22_1_metrics_take_an_admin_key(live: Live) -> None:
    assert httpx2.get(f"{live.url}/metrics", timeout=20).status_code == 401
    assert httpx2.get(f"{live.url}/metrics", headers=live.headers(), timeout=20).status_code == 403
    assert httpx2.get(f"{live.url}/metrics", headers=live.headers(live.admin_key), timeout=20).status_code == 200


def test_22_2_a_call_is_counted_by_host_route_method_and_group_of_statuses(live: Live) -> None:
    labels = 'host="127.0.0.1",method="GET",path="/v1/items",status_class="2xx"'
    before = counted(live, f"oagw_requests_total{{{labels}}}")
    answer = call(live, "routed/v1/items/with/a/path/of/its/own")
    line_of(live, answer)
    assert counted(live, f"oagw_requests_total{{{labels}}}") == before + 1
    assert counted(live, 'oagw_request_duration_seconds_count{host="127.0.0.1",path="/v1/items",phase="upstream"}') >= 1
    assert not any("its/own" in line for line in metrics(live))
    assert counted(live, "oagw_requests_in_flight") == 0


def test_22_3_errors_of_the_gateway_are_counted_by_type(live: Live) -> None:
    before = counted(live, 'oagw_errors_total{error_type="downstream.error"}')
    line_of(live, call(live, "down/x"))
    assert counted(live, 'oagw_errors_total{error_type="downstream.error"}') == before + 1


def test_22_4_no_label_says_who_called(live: Live) -> None:
    line = line_of(live, call(live, "routed/v1/items"))
    ours = [line for line in metrics(live) if line.startswith("oagw_")]
    assert ours
    assert not any(word in entry for entry in ours for word in ("tenant", "key_", line["principal_id"]))


def test_22_5_statuses_are_grouped(live: Live) -> None:
    line_of(live, call(live, "missing"))
    line_of(live, call(live, "failing"))
    groups = {line.partition('status_class="')[2][:3] for line in metrics(live) if line.startswith("oagw_requests_t")}
    assert {"2xx", "4xx", "5xx"} >= groups >= {"4xx", "5xx"}
