"""Which addresses an upstream may be dialled at, and which hosts may be named in a setting.

Decisions only: nothing here resolves a name or opens a socket. `verdict` judges one address, and is
asked once for every answer of the resolver and again for the address of the socket; `check_host`
and `split_base_url` judge what an operator or an API caller wrote, so that no spelling that two
parsers could read differently gets that far.

Permission is by default denied: of IPv6 only 2000::/3 without its exceptions counts as public, so
that a range which the IANA registries gain tomorrow is refused today.
"""

import re
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final, Literal, NamedTuple

Network = Literal["public", "private", "any"]
Cidr = IPv4Network | IPv6Network

_Least = Literal["private", "any", "never"]
"""The narrowest `network` that permits a range; `never` yields to `allow` only."""

# IANA IPv4 and IPv6 Special-Purpose Address Registries (RFC 6890), and the metadata services that
# clouds put into ranges that would otherwise be permitted. The first row that matches decides.
_RANGES: Final[tuple[tuple[str, str, _Least], ...]] = (
    ("168.63.129.16/32", "a cloud metadata address", "any"),  # Azure WireServer, in public space
    ("100.100.100.200/32", "a cloud metadata address", "any"),  # Alibaba, in 100.64/10
    ("fd00:ec2::/32", "a cloud metadata address", "any"),  # AWS, in fc00::/7
    ("fd20:ce::/32", "a cloud metadata address", "any"),  # Google, in fc00::/7
    ("0.0.0.0/32", "the unspecified address", "never"),
    ("255.255.255.255/32", "the broadcast address", "never"),
    ("224.0.0.0/4", "a multicast address", "never"),
    ("0.0.0.0/8", "an address of 'this network' (0/8)", "any"),
    ("10.0.0.0/8", "a private address (RFC 1918)", "private"),
    ("100.64.0.0/10", "a carrier-grade NAT address (100.64/10)", "private"),
    ("127.0.0.0/8", "a loopback address", "private"),
    ("169.254.0.0/16", "a link-local address", "any"),
    ("172.16.0.0/12", "a private address (RFC 1918)", "private"),
    ("192.0.0.0/24", "an IETF protocol address (192.0.0/24)", "any"),
    ("192.0.2.0/24", "a documentation address", "any"),
    ("192.88.99.0/24", "a 6to4 relay address", "any"),
    ("192.168.0.0/16", "a private address (RFC 1918)", "private"),
    ("198.18.0.0/15", "a benchmarking address", "any"),
    ("198.51.100.0/24", "a documentation address", "any"),
    ("203.0.113.0/24", "a documentation address", "any"),
    ("240.0.0.0/4", "a reserved address", "any"),
    ("::/128", "the unspecified address", "never"),
    ("ff00::/8", "a multicast address", "never"),
    ("::1/128", "a loopback address", "private"),
    ("::/96", "an IPv4-compatible address", "any"),
    ("64:ff9b::/96", "a NAT64 address", "any"),
    ("64:ff9b:1::/48", "a NAT64 address", "any"),
    ("100::/64", "a discard-only address", "any"),
    ("2001::/32", "a Teredo address", "any"),
    ("2001:10::/28", "an ORCHID address", "any"),
    ("2001:20::/28", "an ORCHID address", "any"),
    ("2001::/23", "an IETF protocol address (2001::/23)", "any"),
    ("2001:db8::/32", "a documentation address", "any"),
    ("2002::/16", "a 6to4 address", "any"),
    ("3fff::/20", "a documentation address", "any"),
    ("5f00::/16", "a segment routing address", "any"),
    ("fc00::/7", "a unique local address", "private"),
    ("fe80::/10", "a link-local address", "any"),
    ("fec0::/10", "a site-local address", "any"),
)
_SPECIAL: Final = tuple((ip_network(cidr), reason, least) for cidr, reason, least in _RANGES)
_GLOBAL_V6: Final = ip_network("2000::/3")  # RFC 4291 2.4: the only unicast space handed out so far
_PERMITTED: Final[dict[Network, frozenset[_Least]]] = {
    "public": frozenset(),
    "private": frozenset(("private",)),
    "any": frozenset(("private", "any")),
}

_PRIVATE_SUFFIXES: Final = (".internal", ".local", ".svc", ".localhost")
_HOST_MAX_CHARS: Final = 253  # RFC 1035 3.1, in text form
# Underscores are no host names (RFC 952) but container names have them, and DNS carries them.
_LABEL: Final = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?", re.IGNORECASE)
# WHATWG URL 3.5 "ends in a number": such a host is an IPv4 address to some parser or other.
_NUMERIC_LABEL: Final = re.compile(r"[0-9]+|0x[0-9a-f]*", re.IGNORECASE)
_BASE_URL: Final = re.compile(
    r"(?P<scheme>https?)://(?P<host>\[[^\[\]/?#]*\]|[^\[\]/?#:]*)(?::(?P<port>[0-9]{1,5}))?(?P<path>/[!-~]*)?",
    re.IGNORECASE,
)


class BaseUrl(NamedTuple):
    """A `base_url` taken apart: where an upstream is, and what every target is appended to."""

    scheme: Literal["http", "https"]
    host: str
    """Lower case; an IPv6 address without its brackets."""
    port: int
    path: str
    """Without a trailing slash, otherwise as written; empty for the root."""


def verdict(address: str, network: Network, allow: Sequence[Cidr] = ()) -> str | None:
    """Why `address` may not be dialled, or `None` if it may."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return "not an IP address"
    if isinstance(parsed, IPv6Address) and parsed.scope_id is not None:
        return "an address with a zone id"
    # ::ffff:a.b.c.d is dialled over IPv4, so it is judged as what it is there.
    mapped = parsed.ipv4_mapped if isinstance(parsed, IPv6Address) else None
    if any(parsed in cidr or (mapped is not None and mapped in cidr) for cidr in allow):
        return None
    return _judge(mapped or parsed, _PERMITTED[network])


def _judge(address: IPv4Address | IPv6Address, permitted: frozenset[_Least]) -> str | None:
    for cidr, reason, least in _SPECIAL:
        if address in cidr:
            return None if least in permitted else reason
    if isinstance(address, IPv4Address) or address in _GLOBAL_V6 or "any" in permitted:
        return None
    return "not a global unicast address"


def default_network(host: str) -> Network:
    """The `network` of an upstream whose configuration names `host` and says nothing else."""
    name = host.lower()
    if is_address(name):
        return "private" if verdict(name, "public") and not verdict(name, "private") else "public"
    return "private" if "." not in name or name.endswith(_PRIVATE_SUFFIXES) else "public"


def is_address(host: str) -> bool:
    """Whether `host` is an IP address rather than a name."""
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def check_host(host: str) -> str | None:
    """What is wrong with `host` as the host of an upstream, or `None` if nothing is.

    An IPv6 address comes without brackets. The answer never quotes the host.
    """
    if not host:
        return "has no host"
    if not host.isascii():
        return "has a host that is not ASCII; write it in its xn-- form"
    if ":" in host:
        return _check_ipv6(host)
    if len(host) > _HOST_MAX_CHARS:
        return f"has a host of more than {_HOST_MAX_CHARS} characters"
    if host.endswith("."):
        return "has a host with a trailing dot"
    labels = host.split(".")
    if not all(_LABEL.fullmatch(label) for label in labels):
        return "has a host that is no DNS name and no IP address"
    if _NUMERIC_LABEL.fullmatch(labels[-1]):
        return _check_ipv4(host)
    return None


def _check_ipv4(host: str) -> str | None:
    try:
        IPv4Address(host)
    except ValueError:
        return "has an IPv4 address in an unusual form; write four decimal numbers"
    return None


def _check_ipv6(host: str) -> str | None:
    try:
        address = IPv6Address(host)
    except ValueError:
        return "has a host that is no IPv6 address"
    return None if address.scope_id is None else "has an IPv6 address with a zone id"


def split_base_url(url: str) -> BaseUrl:
    """`url` taken apart; raises `ValueError` with a sentence's predicate that never quotes it."""
    match = _BASE_URL.fullmatch(url)
    if "@" in url.split("://", 1)[-1].split("/", 1)[0]:
        raise ValueError("has a user name or password in it; use `credential`")
    if match is None:
        raise ValueError("is not of the form http://host[:port][/path] or https://...")
    scheme: Literal["http", "https"] = "https" if match["scheme"].lower() == "https" else "http"
    host = match["host"].lower().removeprefix("[").removesuffix("]")
    if match["host"].startswith("[") and ":" not in host:
        raise ValueError("has a host that is no IPv6 address")
    if fault := check_host(host):
        raise ValueError(fault)
    port = int(match["port"] or (443 if scheme == "https" else 80))
    if not 0 < port < 1 << 16:
        raise ValueError("has a port that is not in 1..65535")
    path = match["path"] or ""
    if "?" in path or "#" in path:
        raise ValueError("has a query or a fragment")
    return BaseUrl(scheme, host, port, path.rstrip("/"))
