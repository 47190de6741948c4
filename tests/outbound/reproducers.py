"""How each error of the table is provoked: what a caller has to do to meet it."""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx2
from websockets.sync.client import connect

from dragoman import errors
from dragoman.errors import ErrorKind
from dragoman.policy.resources import UPSTREAM_ID, upstream_id
from tests.outbound.scene import PAGE, Scene

Reproducer = Callable[[Scene], httpx2.Response | None]
"""The answer; None from those that have looked at it themselves, for it is none of HTTP's."""

MESSAGES = "/v1/messages"
RESPONSES = "/v1/responses"
UPSTREAMS = "/api/oagw/v1/upstreams"
EVIL = {"Origin": "https://evil.example.com"}
PREFLIGHT = {"Origin": PAGE, "Access-Control-Request-Method": "GET", "Access-Control-Request-Headers": "x-other"}


def calling(path: str, method: str = "GET", **options: Any) -> Reproducer:
    return lambda scene: scene.call(path, method, **options)


def asking(path: str, method: str = "GET", **options: Any) -> Reproducer:
    return lambda scene: scene.ask(path, method, **options)


def at_host(host: str) -> Reproducer:
    return calling("/pair/x", headers={"X-OAGW-Target-Host": host})


def agent(kind: str) -> Reproducer:
    return lambda scene: scene.model("agent/failing", kind)


def changed_since(scene: Scene) -> httpx2.Response:
    made = scene.api.upstream("changed", endpoints=[{"host": "api.example.com"}])
    return scene.api.request("DELETE", f"/upstreams/{made['id']}", headers={"If-Match": '"99"'})


def still_bound(scene: Scene) -> httpx2.Response:
    guard = scene.api.plugin("guard", "size_guard")
    scene.api.upstream("guarded", endpoints=[{"host": "api.example.com"}], plugins={"items": [{"id": guard["id"]}]})
    return scene.api.request("DELETE", f"/plugins/{guard['id']}")


def second_call(scene: Scene) -> httpx2.Response:
    assert scene.call("/limited/x").status_code == 200
    return scene.call("/limited/x")


def while_held(path: str) -> Reproducer:
    def reproduce(scene: Scene) -> httpx2.Response:
        with scene.held(path):
            return scene.call(path)

    return reproduce


def behind_a_full_line(scene: Scene) -> httpx2.Response:
    """One call is in, one waits, and there is no room for a third."""

    def waiting() -> float:
        metrics = scene.ask("/metrics", headers=scene.live.headers(scene.live.admin_key)).text
        return sum(float(line.split()[-1]) for line in metrics.splitlines() if line.startswith("oagw_queue_depth{"))

    with ThreadPoolExecutor(1) as others:
        with scene.held("/crowded/x"):
            waits = others.submit(scene.call, "/crowded/x")
            while waiting() < 1:
                assert not waits.done()
            refused = scene.call("/crowded/x")
            scene.door.open()
        assert waits.result(20).status_code == 200
    scene.door.close()
    return refused


def one_too_many(scene: Scene) -> httpx2.Response:
    with scene.held("/narrow/x", live=scene.unwell):
        return scene.call("/echo/x", live=scene.unwell)


def come_back(scene: Scene) -> httpx2.Response:
    return scene.call("/echo/x", headers={"Via": f"1.1 {scene.live.gateway._composer.via}"})


def open_breaker(scene: Scene) -> httpx2.Response:
    assert scene.call("/tripped/x").status_code == 502
    answer = scene.call("/tripped/x")
    assert answer.headers["x-circuit-state"] == "OPEN"
    return answer


def old_websocket(scene: Scene) -> None:
    live = scene.live
    url = f"ws://127.0.0.1:{live.port}{RESPONSES}"
    with connect(url, proxy=None, additional_headers=live.headers()) as client:
        event = json.loads(client.recv(timeout=20))
    assert (event["type"], event["status"]) == ("error", 400)
    assert event["error"]["code"] == errors.WEBSOCKET_CONNECTION_LIMIT_REACHED.code


REPRODUCERS: dict[ErrorKind, Reproducer] = {
    errors.INVALID_REQUEST: calling("/echo/a/%2e%2e/b"),
    errors.INVALID_JSON: asking("/v1/chat/completions", "POST", content=b'{"model":'),
    errors.BAD_HTTP: lambda scene: scene.raw("X-Request-ID: a\r\nX-Request-ID: b\r\n\r\n"),
    errors.UNSUPPORTED_PARAMETER: lambda scene: scene.model("anyone", n=2),
    errors.MISSING_TARGET_HOST: calling("/pair.localhost/x"),
    errors.INVALID_TARGET_HOST: at_host("a/b"),
    errors.UNKNOWN_TARGET_HOST: at_host("c.localhost"),
    errors.MISSING_API_KEY: calling("/echo/x", headers=None),
    errors.INVALID_API_KEY: calling("/echo/x", headers={"Authorization": "Bearer wrong"}),
    errors.AUTH_FAILED: calling("/denied/x"),
    errors.PERMISSION_DENIED: asking(UPSTREAMS),
    errors.CORS_ORIGIN_NOT_ALLOWED: calling("/paged/x", headers=EVIL),
    errors.CORS_METHOD_NOT_ALLOWED: calling("/paged/x", "DELETE", headers={"Origin": PAGE}),
    errors.CORS_HEADER_NOT_ALLOWED: calling("/paged/x", "OPTIONS", headers=PREFLIGHT),
    errors.NOT_FOUND: asking("/api/oagw/v1/nothing"),
    errors.MODEL_NOT_FOUND: lambda scene: scene.model("nobody", path=MESSAGES, max_tokens=9),
    errors.ROUTE_NOT_FOUND: calling("/nowhere/x"),
    errors.QUERY_NOT_ALLOWED: calling("/routed/one?b=1"),
    errors.PATH_SUFFIX_NOT_ALLOWED: calling("/routed/one/two"),
    errors.RESPONSE_NOT_FOUND: asking(f"{RESPONSES}/resp_none"),
    errors.PREVIOUS_RESPONSE_NOT_FOUND: (
        lambda scene: scene.model("gpt-4", path=RESPONSES, previous_response_id="resp_none")
    ),
    errors.CONVERSATION_NOT_FOUND: asking("/v1/conversations/conv_none"),
    errors.ITEM_NOT_FOUND: asking(
        RESPONSES, "POST", json={"model": "gpt-4", "input": [{"type": "item_reference", "id": "msg_none"}]}
    ),
    errors.JOB_NOT_FOUND: asking("/jobs/job_none"),
    errors.RESOURCE_NOT_FOUND: lambda scene: scene.api.request("GET", f"/upstreams/{UPSTREAM_ID}none"),
    errors.CONFLICT: lambda scene: scene.api.request(
        "POST", "/upstreams", json={"alias": "echo", "endpoints": [{"host": "api.example.com"}]}
    ),
    errors.READ_ONLY: lambda scene: scene.api.request("DELETE", f"/upstreams/{upstream_id('echo')}"),
    errors.AGENT_BUSY: agent("agent_busy"),
    errors.PRECONDITION_FAILED: changed_since,
    errors.PLUGIN_IN_USE: still_bound,
    errors.PLUGIN_REJECTED: calling("/talks/x", headers={"X-Say": "reject"}),
    errors.METHOD_NOT_ALLOWED: asking("/api/oagw/v1/status", "POST"),
    errors.BODY_TIMEOUT: lambda scene: scene.raw("Content-Length: 5\r\n\r\n"),
    errors.PAYLOAD_TOO_LARGE: calling("/echo/x", "POST", content=b"x" * 11),
    errors.HEAD_TIMEOUT: lambda scene: scene.raw("Accept: ", live=scene.unwell),
    errors.HEAD_TOO_LARGE: lambda scene: scene.raw(f"Accept: {'x' * 40_000}\r\n\r\n"),
    errors.RATE_LIMIT_EXCEEDED: second_call,
    errors.JOBS_FULL: agent("jobs_full"),
    errors.WEBSOCKET_CONNECTION_LIMIT_REACHED: old_websocket,
    errors.INTERNAL_ERROR: agent("anything else"),
    errors.SECRET_NOT_FOUND: calling("/lost/x"),
    errors.PLUGIN_FAILED: calling("/broken/x"),
    errors.PROTOCOL_ERROR: calling("/faulty/garbage"),
    errors.DOWNSTREAM_ERROR: calling("/gone/x"),
    errors.STREAM_ABORTED: calling("/faulty/cut"),
    errors.CREDENTIAL_REFUSED: agent("credential_refused"),
    errors.EGRESS_DENIED: calling("/inside/x"),
    errors.LINK_UNAVAILABLE: calling("/unlinked/x"),
    errors.PLUGIN_NOT_FOUND: calling("/unplugged/x"),
    errors.CIRCUIT_BREAKER_OPEN: open_breaker,
    errors.EXECUTION_FAILED: agent("execution_failed"),
    errors.UPSTREAM_DISABLED: calling("/off/x"),
    errors.OVERLOADED: one_too_many,
    errors.CONCURRENCY_LIMIT_EXCEEDED: while_held("/narrow/x"),
    errors.QUEUE_FULL: behind_a_full_line,
    errors.QUEUE_TIMEOUT: while_held("/impatient/x"),
    errors.STORE_UNAVAILABLE: lambda scene: scene.call("/limited/x", live=scene.unwell),
    errors.SHUTTING_DOWN: lambda scene: scene.ask("/readyz", live=scene.unwell),
    errors.CONNECTION_TIMEOUT: calling("/deaf/x"),
    errors.REQUEST_TIMEOUT: calling("/faulty/silent"),
    errors.IDLE_TIMEOUT: calling("/faulty/idle"),
    errors.LOOP_DETECTED: come_back,
}
