"""The egress guard at the socket: what is resolved and what is dialled has been permitted.

Two gates, both behind `policy.egress`. The resolver refuses a name when *any* of its addresses is
refused, so that neither a mixed answer nor a rebinding name gets a connection. `make_socket` judges
the address that is about to be dialled; it alone sees a host that is an IP address, because aiohttp
asks no resolver for those (`TCPConnector._resolve_host`).
"""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Sequence

from aiohttp.abc import AbstractResolver, ResolveResult

from dragoman.policy.egress import Cidr, Network, verdict

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
"""Host and port to addresses, most preferred first; raises `OSError` if there are none."""

_AddressInfo = tuple[int, int, int, str, tuple[str, int] | tuple[str, int, int, int]]


class AddressRefused(OSError):
    """An address that the upstream's `network` does not permit; `reason` does not contain it."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


async def system_resolve(host: str, port: int) -> Sequence[str]:
    """The addresses the operating system has for `host`: its hosts file, its search list, its DNS."""
    loop = asyncio.get_running_loop()
    answers = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_ADDRCONFIG)
    return [str(answer[4][0]) for answer in answers]


class Gate:
    """What one upstream may be dialled at."""

    def __init__(self, network: Network, allow: Sequence[Cidr]) -> None:
        self._network = network
        self._allow = tuple(allow)

    def judge(self, address: str) -> None:
        """Raises `AddressRefused`."""
        reason = verdict(address, self._network, self._allow)
        if reason is not None:
            raise AddressRefused(reason)

    def make_socket(self, info: _AddressInfo) -> socket.socket:
        """The socket for an address that passed; aiohttp's `socket_factory`."""
        family, kind, protocol, _, address = info
        self.judge(address[0])
        return socket.socket(family, kind, protocol)


class GuardedResolver(AbstractResolver):
    """A resolver whose answers have all passed the gate."""

    def __init__(self, gate: Gate, resolve: Resolve) -> None:
        self._gate = gate
        self._resolve = resolve

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        addresses = await self._resolve(host, port)
        if not addresses:
            raise OSError("no address")
        for address in addresses:
            self._gate.judge(address)
        return [
            ResolveResult(
                hostname=host,
                host=address,
                port=port,
                family=socket.AF_INET6 if ":" in address else socket.AF_INET,
                proto=socket.IPPROTO_TCP,
                flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
            )
            for address in addresses
        ]

    async def close(self) -> None:
        """Nothing is held open."""
