"""What a call needs of the gateway: everything made from the configuration, and the long-lived parts.

A reload, or a change through the management API, makes a new `Runtime` and swaps it whole; calls in flight finish with
the one they began with.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network
from typing import Final

from dragoman import errors
from dragoman.config import Config, model_of
from dragoman.dialects.profile import Profile
from dragoman.dialects.sealing import Sealer
from dragoman.errors import GatewayError
from dragoman.gateway.admission import Admission
from dragoman.gateway.alias_views import Views, Written
from dragoman.gateway.background import Background
from dragoman.gateway.continuity import Continuity
from dragoman.gateway.hosted import Hosted
from dragoman.gateway.keyring import Keyring
from dragoman.gateway.observe import Observer
from dragoman.policy.admission import Bounds
from dragoman.policy.keys import Key
from dragoman.policy.routing import RouteTable
from dragoman.policy.tenants import Tenants
from dragoman.ports import Clock, Ledger, Pool, Tokenizer, TurnUpstream

VIA: Final = "dragoman-"
"""Our pseudonym in `Via` begins so (RFC 9110, 7.6.3); a random part tells gateways apart."""


Held = Pool | TurnUpstream


class Pools:
    """Who uses which connections and runs: those that several runtimes share are closed with the last of them."""

    def __init__(self) -> None:
        self._users: Counter[Held] = Counter()

    def hold(self, pools: Iterable[Held]) -> None:
        """Counts a user more of each, and starts those that had none; in the event loop that serves them."""
        for pool in pools:
            if not self._users[pool]:
                pool.start()
            self._users[pool] += 1

    async def release(self, pools: Iterable[Held]) -> None:
        for pool in pools:
            self._users[pool] -= 1
            if self._users[pool] <= 0:  # less than none if it never served
                del self._users[pool]
                await pool.close()


@dataclass(slots=True)
class Runtime:
    """One configuration with what the API has made, ready to serve. `hold` it before it serves, `close` it after."""

    config: Config
    routes: RouteTable
    written: Sequence[Written]
    """The upstreams of aliases that the configuration has made."""
    tree: Tenants
    views: Views
    """What each tenant may call by alias."""
    upstreams: Mapping[str, Pool]
    turns: Mapping[str, TurnUpstream]
    """Upstreams that answer turns: command-line agents, and agents of this process."""
    agents: Mapping[str, Hosted]
    """Those of this process, by the names below which they have paths of their own."""
    profiles: Mapping[str, Profile]
    """The quirks of each model upstream."""
    pools: Pools
    bounds: Mapping[str, tuple[Bounds, ...]]
    """The limits of each upstream that has some."""
    trusted_proxies: tuple[IPv4Network | IPv6Network, ...] = ()
    tokenizer: Tokenizer | None = None
    """What counts tokens where no upstream does; by characters without one."""
    calls: int = 0
    """Calls in flight that use this runtime; a replaced one is closed when the last has gone."""
    retired: bool = False

    def durable(self, upstream: str) -> bool:
        """Whether what it does for a call may be begun anew: it goes on from what it had finished."""
        name = upstream.removeprefix(model_of(""))
        hosted = self.agents.get(name) if upstream == model_of(name) else None
        return hosted is not None and hosted.agent.durable

    def line(self, key: Key) -> Sequence[str]:
        """The tenant of a key, the one above it, and so on to the root. Raises `GatewayError` PERMISSION_DENIED."""
        line = self.tree.line(key.tenant)
        if not line:
            message = f"The tenant {key.tenant!r} of this key is not in the configuration."
            raise GatewayError(errors.PERMISSION_DENIED, message)
        return line

    def hold(self) -> None:
        """Begins to use its connections, and what runs beside the calls."""
        self.pools.hold((*self.upstreams.values(), *self.turns.values()))

    async def close(self) -> None:
        await self.pools.release((*self.upstreams.values(), *self.turns.values()))


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
