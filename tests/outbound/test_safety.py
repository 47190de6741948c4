"""What the API may not write: private addresses, plain HTTP, secrets that are not released, sharing."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.outbound.api import Api, made, problem
from tests.support.live import Live, running


def change(values: dict[str, Any], mock_url: str) -> None:
    values["outbound"] = {"secrets": ["env:OUTBOUND_*"]}


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """A gateway whose operator permits nothing but public addresses."""
    with running(tmp_path_factory.mktemp("strict"), change, timing="instant", environ={"OUTBOUND_KEY": "k1"}) as live:
        api = Api(live)
        with api.client:
            yield api


def create(api: Api, **members: Any) -> Any:
    return api.request("POST", "/upstreams", json={"endpoints": [{"host": "a.example.com"}], **members})


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "10.0.0.1", "169.254.169.254", "::1", "::ffff:127.0.0.1", "100.64.0.1", "0x7f.1",
             "2130706433", "fd00::1", "a@b", "a/b", "a b", "a#b", "exa\u00e4mple.com"]
)  # fmt: skip
def test_p26_1_no_private_or_ambiguous_address_can_be_written(strict: Api, host: str) -> None:
    assert problem(create(strict, endpoints=[{"host": host}], alias="x")) == (400, "invalid_request")


@pytest.mark.parametrize("host", ["localhost", "localtest"])
def test_p26_1_a_name_that_leads_to_a_private_address_is_not_called(strict: Api, host: str) -> None:
    port = strict.endpoint()["port"]
    made(create(strict, endpoints=[{"host": host, "port": port}], alias=f"to-{host}"))
    before = strict.live.received
    response = strict.proxy(f"/to-{host}/echo")
    assert problem(response)[0] == 502 and response.json()["code"] in ("egress_denied", "downstream_error")
    assert strict.live.received == before


@pytest.mark.parametrize("scheme", ["http", "ws"])
def test_n26_3_plain_http_needs_the_operators_leave(strict: Api, scheme: str) -> None:
    assert problem(create(strict, endpoints=[{"host": "a.example.com", "scheme": scheme}])) == (400, "invalid_request")


@pytest.mark.parametrize("reference", ["env:HOME", "file:/etc/passwd", "env:DRAGOMAN_ADMIN_KEY", "OUTBOUND_KEY", "k1"])
def test_a_secret_that_is_not_released_cannot_be_named(strict: Api, reference: str) -> None:
    response = create(strict, auth={"type": "bearer", "secret_ref": reference})
    assert problem(response) == (400, "invalid_request")
    assert response.json()["detail"] and reference not in response.json()["detail"]


@pytest.mark.parametrize(
    "members",
    [
        {"headers": {"request": {"set": {"x": "a\r\nb: c"}}}},
        {"headers": {"request": {"add": {"x\r\ny": "a"}}}},
        {"headers": {"response": {"set": {"x": "\x00"}}}},
        {"headers": {"request": {"set": {"Transfer-Encoding": "chunked"}}}},
    ],
)
def test_n26_2_no_header_rule_smuggles_a_line(strict: Api, members: dict[str, Any]) -> None:
    assert problem(create(strict, **members)) == (400, "invalid_request")


def test_p9_2_and_n9_7_a_released_secret_is_sent_and_a_missing_one_is_a_500(managed: Live, api: Api) -> None:
    key = {"type": "api_key", "header": "X-Key", "secret_ref": "env:OUTBOUND_KEY"}
    api.upstream("with-key", auth=key)
    assert ["x-key", "k1"] in [[n.lower(), v] for n, v in api.proxy("/with-key/echo").json()["headers"]]
    assert "k1" not in api.request("GET", "/upstreams?$filter=alias eq 'with-key'").text
    api.upstream("without-key", auth={**key, "secret_ref": "env:OUTBOUND_ABSENT"})
    assert problem(api.proxy("/without-key/echo")) == (500, "secret_not_found")


def test_n1_3_and_n5_2_what_a_key_may_not_call_does_not_exist_for_it(api: Api) -> None:
    api.upstream("secluded")
    scoped = api.live.headers(api.live.issue(aliases=["weather"]))
    refused = api.proxy("/secluded/echo", headers=scoped)
    unknown = api.proxy("/never-made/echo", headers=scoped)
    assert problem(refused) == problem(unknown) == (404, "route_not_found")
