"""When a change is in force, and what it leaves alone."""

import json
from pathlib import Path
from typing import Any

import httpx2

from tests.outbound.api import Api
from tests.outbound.conftest import change
from tests.support.live import Live, running


def pools(live: Live) -> dict[str, Any]:
    return dict(live.gateway.runtime.upstreams)


def test_a_change_keeps_the_connections_of_what_it_does_not_concern(managed: Live, api: Api) -> None:
    first, second = api.upstream("kept-a"), api.upstream("kept-b")
    before = pools(managed)
    api.replace("upstreams", second, tags=["changed"])
    api.route(first, "/echo")
    after = pools(managed)
    assert {name for name in before if before[name] is not after[name]} == {"alias:kept-b"}
    assert api.proxy("/kept-a/echo").status_code == api.proxy("/kept-b/echo").status_code == 200


def test_a_call_under_way_ends_as_it_began(tmp_path: Path) -> None:
    with running(tmp_path, change) as live:  # at its own pace: 0.1 s between events
        api = Api(live)
        with api.client:
            upstream = api.upstream("streaming", endpoints=[{**api.endpoint(), "path": "/stream-test"}])
            url = f"{live.url}/api/oagw/v1/proxy/streaming/events"
            with httpx2.stream("GET", url, headers=live.headers()) as response:
                assert response.status_code == 200
                lines = response.iter_lines()
                seen = [next(lines)]
                api.request("DELETE", f"/upstreams/{upstream['id']}")
                assert api.proxy("/streaming/events").status_code == 404
                seen += list(lines)
            assert "data: Final event" in seen


def test_a_reload_keeps_what_the_api_has_made(managed: Live, api: Api) -> None:
    api.upstream("reloaded")

    async def reload() -> list[str]:
        return managed.gateway.reload()

    managed.run(reload)
    assert api.proxy("/reloaded/echo").status_code == 200


def test_what_the_api_has_made_is_there_after_a_restart(tmp_path: Path) -> None:
    with running(tmp_path, change, timing="instant") as live:
        api = Api(live)
        with api.client:
            made = api.upstream("lasting", tags=["t"])
            api.route(made, "/echo")
    with running(tmp_path, change, timing="instant") as live:
        api = Api(live)
        with api.client:
            assert api.request("GET", f"/upstreams/{made['id']}").json() == made
            api.replace("upstreams", made, endpoints=[api.endpoint()])  # the mock is at another port now
            assert api.proxy("/lasting/echo").status_code == 200
            assert api.proxy("/lasting/other").status_code == 404


def test_a_permission_that_is_taken_back_holds_for_what_was_made_before(tmp_path: Path) -> None:
    with running(tmp_path, change, timing="instant") as live:
        api = Api(live)
        with api.client:
            api.upstream("permitted")

    def stricter(values: dict[str, Any], mock_url: str) -> None:
        change(values, mock_url)
        values["outbound"]["allow_http"] = False

    with running(tmp_path, stricter, timing="instant") as live:
        api = Api(live)
        with api.client:
            answer = api.proxy("/permitted/echo")
            assert (answer.status_code, json.loads(answer.text)["code"]) == (503, "link_unavailable")
