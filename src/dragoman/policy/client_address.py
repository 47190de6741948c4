"""Whose address a call comes from, as far as that can be believed.

`X-Forwarded-For` is a list to which each hop adds the address it heard from (the last is the nearest). It is read from
its end, and only as long as whoever wrote the entry is one of our own proxies; everything further left is the caller's
own claim. Without trusted proxies it is never looked at.
"""

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Final

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

_V6_HOST_BITS: Final = 64
"""One subscriber has at least a /64 (RFC 6177): its addresses count as one."""


def client_address(peer: str, forwarded: bytes, trusted: Sequence[Network]) -> str:
    """The address nearest to us that is not one of our proxies; empty where there is none, as on a Unix socket."""
    address = _parse(peer)
    if address is None:
        return ""
    for claim in reversed(forwarded.split(b",")) if forwarded and trusted else ():
        if not any(address in network for network in trusted):
            break
        before = _parse(claim.strip().decode("latin-1"))
        if before is None:
            break
        address = before
    return str(address)


def subscriber(address: str) -> str:
    """What addresses of one caller have in common: all of an IPv4 address, the network of an IPv6 one."""
    parsed = _parse(address)
    if not isinstance(parsed, IPv6Address):
        return address
    return str(IPv6Address(int(parsed) >> _V6_HOST_BITS << _V6_HOST_BITS)) + f"/{_V6_HOST_BITS}"


def _parse(text: str) -> Address | None:
    """Also `[v6]:port` and `v4:port`, as some proxies write; an IPv4 address within IPv6 is the IPv4 address."""
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address
