from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.policy.egress import (
    Cidr,
    Network,
    check_host,
    default_network,
    is_address,
    split_base_url,
    verdict,
)

PUBLIC = (
    "1.1.1.1", "8.8.8.8", "100.63.255.255", "100.128.0.0", "128.0.0.1", "169.253.255.255", "172.15.255.255",
    "172.32.0.0", "192.0.1.0", "192.88.98.255", "192.167.255.255", "198.17.255.255", "198.20.0.0", "223.255.255.255",
    "2606:4700:4700::1111", "2a00:1450::1", "2001:200::1", "2620:4f:8000::1", "::ffff:8.8.8.8", "::ffff:808:808",
)  # fmt: skip

# address, permitted by `private`, permitted by `any`, words of the reason
REFUSED = (
    ("127.0.0.1", True, True, "loopback"),
    ("127.255.255.254", True, True, "loopback"),
    ("10.0.0.1", True, True, "private"),
    ("10.255.255.255", True, True, "private"),
    ("172.16.0.1", True, True, "private"),
    ("172.31.255.255", True, True, "private"),
    ("192.168.0.1", True, True, "private"),
    ("192.168.255.255", True, True, "private"),
    ("100.64.0.1", True, True, "carrier-grade"),
    ("100.127.255.255", True, True, "carrier-grade"),
    ("::1", True, True, "loopback"),
    ("fc00::1", True, True, "unique local"),
    ("fdff:ffff::1", True, True, "unique local"),
    ("::ffff:127.0.0.1", True, True, "loopback"),
    ("::ffff:7f00:1", True, True, "loopback"),
    ("::ffff:10.0.0.1", True, True, "private"),
    ("::ffff:192.168.1.1", True, True, "private"),
    ("::ffff:100.64.0.1", True, True, "carrier-grade"),
    ("0:0:0:0:0:ffff:7f00:0001", True, True, "loopback"),
    ("169.254.169.254", False, True, "link-local"),
    ("169.254.0.1", False, True, "link-local"),
    ("::ffff:169.254.169.254", False, True, "link-local"),
    ("::ffff:a9fe:a9fe", False, True, "link-local"),
    ("100.100.100.200", False, True, "metadata"),
    ("168.63.129.16", False, True, "metadata"),
    ("::ffff:100.100.100.200", False, True, "metadata"),
    ("fd00:ec2::254", False, True, "metadata"),
    ("fd20:ce::254", False, True, "metadata"),
    ("192.0.0.1", False, True, "IETF"),
    ("192.0.0.192", False, True, "IETF"),
    ("0.1.2.3", False, True, "this network"),
    ("192.0.2.1", False, True, "documentation"),
    ("198.51.100.1", False, True, "documentation"),
    ("203.0.113.1", False, True, "documentation"),
    ("198.18.0.1", False, True, "benchmarking"),
    ("198.19.255.255", False, True, "benchmarking"),
    ("192.88.99.1", False, True, "6to4"),
    ("240.0.0.1", False, True, "reserved"),
    ("255.255.255.254", False, True, "reserved"),
    ("2002:7f00:1::", False, True, "6to4"),
    ("2002:808:808::1", False, True, "6to4"),
    ("2001::1", False, True, "Teredo"),
    ("2001:0:7f00:1::", False, True, "Teredo"),
    ("2001:10::1", False, True, "ORCHID"),
    ("2001:2f:ffff::1", False, True, "ORCHID"),
    ("2001:2::1", False, True, "IETF"),
    ("2001:1ff::1", False, True, "IETF"),
    ("2001:db8::1", False, True, "documentation"),
    ("3fff::1", False, True, "documentation"),
    ("64:ff9b::7f00:1", False, True, "NAT64"),
    ("64:ff9b::8.8.8.8", False, True, "NAT64"),
    ("64:ff9b:1::1", False, True, "NAT64"),
    ("::127.0.0.1", False, True, "IPv4-compatible"),
    ("::8.8.8.8", False, True, "IPv4-compatible"),
    ("fe80::1", False, True, "link-local"),
    ("febf::1", False, True, "link-local"),
    ("fec0::1", False, True, "site-local"),
    ("100::1", False, True, "discard"),
    ("5f00::1", False, True, "segment routing"),
    ("4000::1", False, True, "not a global unicast"),
    ("64:ff9b:2::1", False, True, "not a global unicast"),
    ("::ffff:0:127.0.0.1", False, True, "not a global unicast"),
    ("0.0.0.0", False, False, "unspecified"),
    ("::", False, False, "unspecified"),
    ("::ffff:0.0.0.0", False, False, "unspecified"),
    ("255.255.255.255", False, False, "broadcast"),
    ("224.0.0.1", False, False, "multicast"),
    ("239.255.255.255", False, False, "multicast"),
    ("::ffff:224.0.0.1", False, False, "multicast"),
    ("ff02::1", False, False, "multicast"),
    ("ff0e::1", False, False, "multicast"),
    ("fe80::1%eth0", False, False, "zone id"),
    ("::1%lo", False, False, "zone id"),
    ("2606:4700::1%1", False, False, "zone id"),
    ("localhost", False, False, "not an IP address"),
    ("127.1", False, False, "not an IP address"),
    ("0x7f000001", False, False, "not an IP address"),
    ("2130706433", False, False, "not an IP address"),
    ("0177.0.0.1", False, False, "not an IP address"),
    ("127.0.0.1 ", False, False, "not an IP address"),
    ("", False, False, "not an IP address"),
)


@pytest.mark.parametrize("address", PUBLIC)
@pytest.mark.parametrize("network", ["public", "private", "any"])
def test_global_unicast_may_be_dialled_from_every_network(address: str, network: Network) -> None:
    assert verdict(address, network) is None


@pytest.mark.parametrize(("address", "private", "anything", "reason"), REFUSED)
def test_special_addresses_are_never_public(address: str, private: bool, anything: bool, reason: str) -> None:
    assert reason in (verdict(address, "public") or "")
    assert (verdict(address, "private") is None) is private
    assert (verdict(address, "any") is None) is anything


def test_the_table_of_refused_forms_is_long_enough() -> None:
    assert len({row[0] for row in REFUSED}) == len(REFUSED) >= 60


def test_no_reason_quotes_the_address() -> None:
    for address, *_ in REFUSED:
        assert not address or address not in (verdict(address, "public") or "")


@pytest.mark.parametrize(
    ("address", "cidr"),
    [
        ("127.0.0.1", "127.0.0.0/8"),
        ("169.254.169.254", "169.254.169.254/32"),
        ("224.0.0.1", "224.0.0.1/32"),
        ("::ffff:10.1.2.3", "10.0.0.0/8"),
        ("::ffff:10.1.2.3", "::ffff:0:0/96"),
        ("64:ff9b::808:808", "64:ff9b::/96"),
    ],
)
def test_an_allowed_range_wins_over_every_refusal(address: str, cidr: str) -> None:
    allow: list[Cidr] = [ip_network("192.0.2.0/24"), ip_network(cidr)]
    assert verdict(address, "public", allow) is None
    assert verdict(address, "public", allow[:1]) is not None


def test_an_allowed_range_permits_neither_a_zone_id_nor_a_name() -> None:
    everything: list[Cidr] = [ip_network("0.0.0.0/0"), ip_network("::/0")]
    assert verdict("fe80::1%eth0", "any", everything) is not None
    assert verdict("localhost", "any", everything) is not None


@given(st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6)))
def test_whatever_is_permitted_as_public_is_global_unicast(address: IPv4Address | IPv6Address) -> None:
    if verdict(str(address), "public") is None:
        plain = getattr(address, "ipv4_mapped", None) or address
        assert plain.is_global
        assert not plain.is_multicast


@given(st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6)))
def test_a_wider_network_refuses_nothing_that_a_narrower_one_permits(address: IPv4Address | IPv6Address) -> None:
    verdicts = [verdict(str(address), network) is None for network in ("public", "private", "any")]
    assert verdicts == sorted(verdicts)


@given(st.ip_addresses(v=4), st.sampled_from(["public", "private", "any"]))
def test_a_mapped_address_is_judged_as_the_address_inside(address: IPv4Address, network: Network) -> None:
    assert verdict(f"::ffff:{address}", network) == verdict(str(address), network)


GOOD_HOSTS = (
    "api.openai.com", "localhost", "vllm", "a-b.example", "xn--bcher-kva.example", "my_service", "_dmarc.example",
    "10.0.0.5", "127.0.0.1", "::1", "fe80::1", "2606:4700::1111", "a" * 63 + ".example", "1password.com",
    "0x7f.example", "3com", "x.1a", ".".join(["a" * 63] * 3 + ["b" * 61]),
)  # fmt: skip

BAD_HOSTS = (
    # inet_aton spellings of 127.0.0.1 and its neighbours: decimal, octal, hex, short and mixed
    "2130706433", "017700000001", "0x7f000001", "0x7F000001", "0X7F000001", "127.1", "127.0.1", "0x7f.1", "0177.1",
    "0x7f.0.0.1", "0177.0.0.1", "127.0.0.01", "127.0.0.001", "0127.0.0.1", "127.0.0x0.1", "127.0.0.0x1", "0", "0x0",
    "00000177.0.0.1", "127.0.0.256", "256.256.256.256", "1.2.3", "1.2.3.4.5", "3232235521", "0xA9FEA9FE", "2852039166",
    "0251.0376.0251.0376", "169.254.43518", "0x", "1.0x", "4294967296", "a.b.0x7f",
    # trailing and doubled dots
    "localhost.", "127.0.0.1.", "example.com..", ".example.com", "a..b", ".",
    # userinfo, ports, paths, queries and brackets
    "user@127.0.0.1", "good.example@127.0.0.1", "good.example:80@127.0.0.1", "a/b", "a?b", "a#b", "a\\b", "[::1]",
    "::1]", "127.0.0.1:80", "a%2eb", "%31%32%37.0.0.1", "127%2e0%2e0%2e1",
    # zone ids and malformed IPv6
    "fe80::1%eth0", "fe80::1%25eth0", "::1%lo", "::1::", ":", ":::", "1:2:3:4:5:6:7:8:9", "::ffff:127.1",
    "::ffff:0x7f.0.0.1", "::g",
    # control characters, blanks and what is not ASCII
    "", " ", " localhost", "localhost ", "local\thost", "local\nhost", "local\r\nhost", "local\x00host", "\x7f",
    "b\u00fccher.example", "\uff11\uff12\uff17.0.0.1", "127\u30020\u30020\u30021", "\u2460\u2461\u2466.0.0.1",
    "loc\u00adalhost", "local\u200bhost", "\u0661\u0662\u0667.0.0.1",
    # what DNS has no room for
    "a" * 64, "a" * 64 + ".example", ".".join(["a" * 63] * 4), "-a.example", "a-.example", "a.-b", "a!b", "a*", "*",
)  # fmt: skip


@pytest.mark.parametrize("host", GOOD_HOSTS)
def test_a_plain_host_may_be_configured(host: str) -> None:
    assert check_host(host) is None


@pytest.mark.parametrize("host", BAD_HOSTS)
def test_a_host_that_two_parsers_may_read_differently_is_refused(host: str) -> None:
    fault = check_host(host)
    assert fault is not None
    assert len(host) < 3 or host not in fault


@given(st.text(max_size=40))
def test_a_host_that_passes_is_an_address_or_no_number_to_anyone(host: str) -> None:
    if check_host(host) is None:
        assert host.isascii()
        assert host.isprintable()
        last = host.rsplit(".", 1)[-1]
        assert is_address(host) or not (
            last.isdigit() or last.lower().startswith("0x") and not last[2:].strip("0123456789abcdefABCDEF")
        )


@pytest.mark.parametrize(
    ("host", "network"),
    [
        ("api.openai.com", "public"),
        ("8.8.8.8", "public"),
        ("2606:4700::1", "public"),
        ("169.254.169.254", "public"),
        ("fe80::1", "public"),
        ("0.0.0.0", "public"),
        ("localhost.example", "public"),
        ("internal.example", "public"),
        ("svc", "private"),
        ("localhost", "private"),
        ("LOCALHOST", "private"),
        ("app.localhost", "private"),
        ("vllm", "private"),
        ("vllm.default.svc", "private"),
        ("vllm.default.svc.cluster.local", "private"),
        ("Box.Local", "private"),
        ("db.internal", "private"),
        ("127.0.0.1", "private"),
        ("10.0.0.5", "private"),
        ("100.64.0.1", "private"),
        ("::1", "private"),
        ("fd12::1", "private"),
        ("::ffff:10.0.0.1", "private"),
    ],
)
def test_the_network_follows_from_the_host_where_nothing_is_said(host: str, network: Network) -> None:
    assert default_network(host) == network


@pytest.mark.parametrize(
    ("url", "parts"),
    [
        ("http://localhost", ("http", "localhost", 80, "")),
        ("https://api.openai.com/v1", ("https", "api.openai.com", 443, "/v1")),
        ("HTTPS://API.OpenAI.com/V1/", ("https", "api.openai.com", 443, "/V1")),
        ("http://10.0.0.5:8000/a/b", ("http", "10.0.0.5", 8000, "/a/b")),
        ("http://[::1]:8080/x", ("http", "::1", 8080, "/x")),
        ("https://h.example/%2Fa//b/../c;d=e@f:g", ("https", "h.example", 443, "/%2Fa//b/../c;d=e@f:g")),
    ],
)
def test_a_base_url_is_taken_apart(url: str, parts: tuple[str, str, int, str]) -> None:
    assert split_base_url(url) == parts


@pytest.mark.parametrize(
    ("url", "fault"),
    [
        ("", "form"),
        ("api.openai.com", "form"),
        ("ftp://h.example", "form"),
        ("file:///etc/passwd", "form"),
        ("http:/h.example", "form"),
        ("//h.example", "form"),
        (" http://h.example", "form"),
        ("http://h.example ", "DNS"),
        ("http://h.example/a b", "form"),
        ("http://h.example\r\n/", "DNS"),
        ("http://h.example/a\r\nX: y", "form"),
        ("ht\ntp://h.example", "form"),
        ("http://", "no host"),
        ("http:///path", "no host"),
        ("http://:80", "no host"),
        ("http://h.example:", "form"),
        ("http://h.example:x", "form"),
        ("http://h.example:-1", "form"),
        ("http://h.example:0", "port"),
        ("http://h.example:65536", "port"),
        ("http://h.example:99999999", "form"),
        ("http://user:sesame@h.example", "user name"),
        ("http://good.example@127.0.0.1/", "user name"),
        ("http://a@b@c/", "user name"),
        ("http://good.example\\@127.0.0.1/", "user name"),
        ("http://127.0.0.1\\.good.example/", "DNS"),
        ("http://good.example#@127.0.0.1/", "user name"),
        ("http://h.example?x=1", "form"),
        ("http://h.example/?x=1", "query"),
        ("http://h.example/#f", "fragment"),
        ("http://0x7f.1/", "IPv4"),
        ("http://2130706433/", "IPv4"),
        ("http://[::1", "form"),
        ("http://[::1%25eth0]/", "zone"),
        ("http://[127.0.0.1]/", "IPv6"),
        ("http://::1/", "form"),
        ("http://[v1.x]/", "IPv6"),
        ("http://h.example./", "trailing dot"),
        ("http://b\u00fccher.example/", "xn--"),
        ("http://h.example/\u00fc", "form"),
    ],
)
def test_a_base_url_that_is_not_plain_is_refused_without_being_quoted(url: str, fault: str) -> None:
    with pytest.raises(ValueError, match=fault) as caught:
        split_base_url(url)
    assert "sesame" not in str(caught.value)


def test_every_permitted_literal_is_what_the_standard_library_reads() -> None:
    for host in GOOD_HOSTS:
        if is_address(host):
            assert str(ip_address(host)) == host
