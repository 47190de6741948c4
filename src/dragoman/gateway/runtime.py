"""What a call needs of the gateway: everything made from the configuration, and the long-lived parts.

A reload builds a new `Runtime` and swaps it whole; calls in flight finish with the one they began with.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network
from typing import Final

from dragoman.config import Config
from dragoman.dialects.profile import Profile
from dragoman.dialects.sealing import Sealer
from dragoman.gateway.admission import Admission
from dragoman.gateway.background import Background
from dragoman.gateway.continuity import Continuity
from dragoman.gateway.keyring import Keyring
from dragoman.gateway.observe import Observer
from dragoman.policy.admission import Bounds
from dragoman.policy.aliases import Alias
from dragoman.policy.routing import RouteTable
from dragoman.ports import Clock, Ledger, Pool, Tokenizer

VIA: Final = "dragoman-"
"""Our pseudonym in `Via` begins so (RFC 9110, 7.6.3); a random part tells gateways apart."""


@dataclass(slots=True)
class Runtime:
    """One configuration, ready to serve."""

    config: Config
    routes: RouteTable
    aliases: Mapping[str, Alias]
    upstreams: Mapping[str, Pool]
    profiles: Mapping[str, Profile]
    """The quirks of each model upstream."""
    bounds: Mapping[str, tuple[Bounds, ...]]
    """The limits of each upstream that has some."""
    trusted_proxies: tuple[IPv4Network | IPv6Network, ...] = ()
    tokenizer: Tokenizer | None = None
    """What counts tokens where no upstream does; by characters without one."""
    calls: int = 0
    """Calls in flight that use this runtime; a replaced one is closed when the last has gone."""
    retired: bool = False

    def start(self) -> None:
        """Begins what runs beside the calls; in the event loop that serves them."""
        for upstream in self.upstreams.values():
            upstream.start()

    async def close(self) -> None:
        for upstream in self.upstreams.values():
            await upstream.close()


@dataclass(frozen=True, slots=True)
class Services:
    """The parts that outlive a reload."""

    keyring: Keyring
    ledger: Ledger
    observer: Observer
    clock: Clock
    continuity: Continuity | None
    """None where the gateway keeps no responses: upstreams may, if they can."""
    background: Background | None
    sealer: Sealer
    admission: Admission
