from ipaddress import ip_network

import pytest

from dragoman.policy.client_address import client_address, subscriber

OURS = (ip_network("10.0.0.0/8"), ip_network("fd00::/8"))


@pytest.mark.parametrize(
    ("peer", "forwarded", "seen"),
    [
        ("203.0.113.9", b"", "203.0.113.9"),
        ("203.0.113.9", b"1.2.3.4", "203.0.113.9"),
        ("10.0.0.1", b"", "10.0.0.1"),
        ("10.0.0.1", b"198.51.100.7", "198.51.100.7"),
        ("10.0.0.1", b"1.2.3.4, 198.51.100.7", "198.51.100.7"),
        ("10.0.0.1", b"1.2.3.4, 198.51.100.7, 10.0.0.2", "198.51.100.7"),
        ("10.0.0.1", b"10.9.9.9, 10.0.0.2", "10.9.9.9"),
        ("10.0.0.1", b"1.2.3.4, nonsense", "10.0.0.1"),
        ("10.0.0.1", b"1.2.3.4, nonsense, 10.0.0.2", "10.0.0.2"),
        ("10.0.0.1", b"1.2.3.4,", "10.0.0.1"),
        ("10.0.0.1", b"[2001:db8::7]:4711", "2001:db8::7"),
        ("10.0.0.1", b"198.51.100.7:4711", "198.51.100.7"),
        ("::ffff:10.0.0.1", b"198.51.100.7", "198.51.100.7"),
        ("fd00::1", b"2001:DB8:0::7", "2001:db8::7"),
        ("fe80::1%eth0", b"1.2.3.4", "fe80::1"),
        ("", b"1.2.3.4", ""),
        ("/run/gateway.sock", b"1.2.3.4", ""),
    ],
)
def test_only_what_our_own_proxies_wrote_is_believed(peer: str, forwarded: bytes, seen: str) -> None:
    assert client_address(peer, forwarded, OURS) == seen


def test_without_trusted_proxies_a_claim_is_nothing() -> None:
    assert client_address("10.0.0.1", b"1.2.3.4", ()) == "10.0.0.1"


@pytest.mark.parametrize(
    ("address", "counts_as"),
    [
        ("198.51.100.7", "198.51.100.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::", "2001:db8:1:2::/64"),
        ("", ""),
    ],
)
def test_a_subscriber_is_one_caller_whatever_its_address(address: str, counts_as: str) -> None:
    assert subscriber(address) == counts_as
