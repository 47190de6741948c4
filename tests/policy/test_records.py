"""What an upstream is called that was given no alias, and what the API may write."""

from typing import Any

import pytest

from dragoman.errors import GatewayError
from dragoman.policy.records import OutboundConfig, check_record, derive, references
from dragoman.policy.resources import Auth, Endpoint, Upstream

LOCAL = OutboundConfig(allow_cidrs=("127.0.0.0/8",), allow_http=True, secrets=("env:OUTBOUND_*",))


@pytest.mark.parametrize(
    ("hosts", "port", "alias"),
    [
        (["API.example.com"], 0, "api.example.com"),
        (["api.example.com"], 443, "api.example.com"),
        (["api.example.com"], 8443, "api.example.com:8443"),
        (["localhost"], 0, "localhost"),
        (["a.example.com", "b.example.com"], 0, "example.com"),
        (["a.eu.example.com", "b.eu.example.com", "eu.example.com"], 1, "eu.example.com:1"),
        (["same.example.com", "SAME.example.com"], 0, "same.example.com"),
    ],
)
def test_an_alias_follows_from_the_hosts(hosts: list[str], port: int, alias: str) -> None:
    assert derive([Endpoint(host=host, port=port) for host in hosts]) == alias


@pytest.mark.parametrize(
    "hosts",
    [["93.184.215.14"], ["2001:4860::8"], ["a.com", "b.com"], ["a.co.uk", "b.co.uk"], ["xexample.com", "example.com"]],
)
def test_what_has_nothing_of_its_own_in_common_gives_no_alias(hosts: list[str]) -> None:
    with pytest.raises(GatewayError) as caught:
        derive([Endpoint(host=host) for host in hosts])
    assert caught.value.param == "alias"


def test_what_is_written_gets_its_alias() -> None:
    assert (
        check_record(Upstream(endpoints=(Endpoint(host="a.example.com"),)), OutboundConfig()).alias == "a.example.com"
    )
    given = Upstream(alias="Mine.", endpoints=(Endpoint(host="a.example.com"),))
    assert check_record(given, OutboundConfig()).alias == "mine"


@pytest.mark.parametrize(
    ("members", "param"),
    [
        ({"endpoints": (Endpoint(host="127.0.0.1", scheme="http"),), "alias": "x"}, "endpoints[0].scheme"),
        ({"endpoints": (Endpoint(host="127.0.0.1"),), "alias": "x"}, "endpoints[0].host"),
        ({"auth": Auth(type="bearer", secret_ref="env:OUTBOUND_KEY")}, "auth.secret_ref"),
        ({"auth": Auth(type="bearer")}, "auth.secret_ref"),
    ],
)
def test_what_the_operator_has_not_permitted_is_refused(members: dict[str, Any], param: str) -> None:
    with pytest.raises(GatewayError) as caught:
        check_record(Upstream(**{"endpoints": (Endpoint(host="a.example.com"),), **members}), OutboundConfig())
    assert caught.value.param == param


def test_what_the_operator_permits_may_be_written() -> None:
    auth = Auth(type="basic", username_ref="env:OUTBOUND_USER", password_ref="env:OUTBOUND_PASSWORD")
    assert [name for name, _ in references(auth)] == ["username_ref", "password_ref"]
    check_record(Upstream(alias="x", endpoints=(Endpoint(host="127.0.0.1", scheme="http"),), auth=auth), LOCAL)
