"""What `dragoman doctor` looks at beyond this machine: whether counters answer, and each upstream lets us in.

Each upstream is followed as a call would go: its name, the address by the egress rule, the connection with
TLS, our credential, and its list of models. It stops at the first that fails: the rest would fail with it.
"""

import asyncio
import os
import ssl
from collections.abc import Sequence
from email.utils import parsedate_to_datetime
from ipaddress import ip_network
from typing import Final
from urllib.parse import urlsplit

import msgspec

from dragoman.cli.checkups import DEADLINE
from dragoman.config import AliasConfig, Config, UpstreamConfig
from dragoman.errors import ConfigError, GatewayError
from dragoman.gateway.clock import SystemClock
from dragoman.gateway.compose import Composer, open_counters
from dragoman.policy import egress
from dragoman.policy.resources import base_url
from dragoman.ports import Checkup, Headers, Upstream, UpstreamRequest
from dragoman.upstreams.dial import system_resolve

MAX_SKEW: Final = 300.0
MAX_LIST: Final = 8 * 1024 * 1024
_HEADERS: Final = [(b"accept", b"application/json"), (b"accept-encoding", b"identity"), (b"user-agent", b"dragoman")]
_EPOCH: Final = 1_735_689_600.0  # 2025: a clock before it was never set


class _Models(msgspec.Struct):
    data: list[msgspec.Raw]


class Probe:
    """Follows one upstream; `rows` say how far it came, `date` is what the clock at its end says."""

    def __init__(
        self, key: str, item: UpstreamConfig | AliasConfig, config: Config, composer: Composer, deadline: float
    ) -> None:
        self.rows: list[Checkup] = []
        self.date: float | None = None
        self._key = key
        self._name = key if isinstance(item, UpstreamConfig) else f"alias {key}"
        self._item = item
        self._config = config
        self._composer = composer
        self._deadline = deadline

    async def run(self) -> None:
        """Fills in the rows; raises nothing."""
        if self._item.proxy is None:  # else the proxy resolves and connects
            address = await self._resolve()
            if not address or not await self._connect(address):
                return
        upstream = self._compose()
        if upstream is None:
            return
        try:
            if isinstance(self._item, UpstreamConfig) and self._item.credential != "caller":
                await self._ask(upstream)
        finally:
            await upstream.close()

    def _add(self, what: str, ok: bool, detail: str, fix: str = "") -> bool:
        self.rows.append(Checkup(f"{self._name} {what}", ok, detail, fix))
        return ok

    async def _resolve(self) -> str:
        """The first address, if it may be dialled."""
        base = egress.split_base_url(self._item.base_url or "")
        if egress.is_address(base.host):
            return base.host if self._permitted("address", base.host, [base.host]) else ""
        try:
            async with asyncio.timeout(self._deadline):
                found = await system_resolve(base.host, base.port)
        except (OSError, TimeoutError) as error:
            reason = "no answer" if isinstance(error, TimeoutError) else error.strerror
            self._add("dns", False, f"{base.host}: {reason}", "correct base_url, or this machine's DNS")
            return ""
        return found[0] if self._permitted("dns", base.host, found) else ""

    def _permitted(self, what: str, host: str, addresses: Sequence[str]) -> bool:
        item = self._item
        network = item.network or egress.default_network(host)
        allow = tuple(map(ip_network, item.allow_cidrs))
        for address in addresses:
            if reason := egress.verdict(address, network, allow):
                fix = f'network = "private" or allow_cidrs = ["{address}"], if that is where it should be'
                return self._add(what, False, f"{address} is {reason}, which {network!r} does not permit", fix)
        return self._add(what, True, f"{host} is {', '.join(dict.fromkeys(addresses))}" if what == "dns" else host)

    async def _connect(self, address: str) -> bool:
        base = egress.split_base_url(self._item.base_url or "")
        secure = base.scheme == "https"
        what = "tls" if secure else "connection"
        try:
            context = ssl.create_default_context(cafile=self._item.ca_bundle) if secure else None
            async with asyncio.timeout(self._deadline):
                host = base.host if secure else None
                _, writer = await asyncio.open_connection(address, base.port, ssl=context, server_hostname=host)
        except TimeoutError:
            return self._add(what, False, f"{address}:{base.port} does not answer", "a firewall or a proxy setting?")
        except ssl.SSLCertVerificationError as error:
            fix = "ca_bundle with the authority that signed it, or the host its certificate is for in base_url"
            return self._add(what, False, f"its certificate cannot be trusted: {error.verify_message}", fix)
        except ssl.SSLError as error:
            fix = "http:// in base_url, if it speaks no TLS"
            return self._add(what, False, f"the handshake failed: {error.reason}", fix)
        except OSError as error:
            fix = "start it, or correct base_url"
            return self._add(what, False, f"{address}:{base.port}: {_reason(error)}", fix)
        session = writer.get_extra_info("ssl_object")
        detail = f"{address}:{base.port} accepts" if session is None else f"{session.version()}, trusted"
        writer.transport.abort()
        return self._add(what, True, detail)

    def _compose(self) -> Upstream | None:
        """The very adapter that calls go through, if its credential is to be had."""
        server = msgspec.structs.replace(self._config.server, default_upstream=None)
        alone = msgspec.structs.replace(self._config, server=server, upstreams={}, aliases={}, models={})
        if isinstance(self._item, UpstreamConfig):
            alone = msgspec.structs.replace(alone, upstreams={self._key: self._item})
        else:
            alone = msgspec.structs.replace(alone, aliases={self._key: self._item})
        try:
            (upstream,) = self._composer.build(alone).upstreams.values()
        except ConfigError as error:
            self._add("credential", False, error.message, error.hint or f"see {error.key}")
            return None
        return upstream

    async def _ask(self, upstream: Upstream) -> None:
        """Asks for the models with our own credential."""
        try:
            async with asyncio.timeout(self._deadline):
                status, headers, body = await _fetch(upstream)
        except TimeoutError:
            self._add("models", False, f"no answer within {self._deadline:g} s", "try again; the upstream may be busy")
        except GatewayError as error:
            self._add("models", False, error.message, "see base_url and proxy")
        else:
            self.date = _date(headers)
            self._judge(status, body)

    def _judge(self, status: int, body: bytes) -> None:
        if status in (401, 403):
            fix = f"see upstreams.{self._key}.credential; the secret it names is wrong or has expired"
            self._add("auth", False, f"refused with {status}", fix)
            return
        self._add(
            "auth", True, "none is needed" if self._item.credential == self._item.auth.type == "none" else "accepted"
        )
        if status in (404, 405, 501):
            self._add("models", True, "it does not list any; name them in [models]")
            return
        if status != 200:
            self._add("models", False, f"GET /models answered {status}", "see base_url, which usually ends in /v1")
            return
        try:
            count = len(msgspec.json.decode(body, type=_Models).data)
        except msgspec.DecodeError:
            fix = "see base_url, which usually ends in /v1"
            self._add("models", False, "GET /models answered something else than a list of models", fix)
            return
        self._add("models", True, f"{count} listed")


def _reason(error: OSError) -> str:
    # asyncio's own text repeats the address and leaves out why.
    return os.strerror(error.errno) if error.errno is not None else str(error)


async def _fetch(upstream: Upstream) -> tuple[int, Headers, bytes]:
    reply = await upstream.open(UpstreamRequest("GET", "/models", list(_HEADERS)))
    try:
        body = b""
        while len(body) <= MAX_LIST and (part := await reply.read()):
            body += part
        return reply.status, reply.headers, body
    finally:
        reply.close()


def _date(headers: Headers) -> float | None:
    value = next((value for name, value in headers if name == b"date"), b"")
    try:
        return parsedate_to_datetime(value.decode("latin-1")).timestamp()
    except ValueError:
        return None


def look_at_clock(dates: Sequence[float]) -> Checkup:
    """Whether our clock agrees with those of the upstreams that told the time."""
    now = SystemClock().now()
    fix = "set the clock, as NTP does: keys expire and the ledger books by it"
    if now < _EPOCH:
        return Checkup("clock", False, "it stands before 2025", fix)
    if not dates:
        return Checkup("clock", True, "not compared: no upstream told the time")
    skew = min((now - date for date in dates), key=abs)
    return Checkup("clock", abs(skew) <= MAX_SKEW, f"{abs(skew):.0f} s from an upstream's", fix)


async def look_at_counters(config: Config, deadline: float = DEADLINE) -> list[Checkup]:
    """Whether the store that gateways count limits in answers; nothing where each counts for itself."""
    url = config.store.counters
    if url == "memory":
        return []
    where = urlsplit(url)
    shown = f"{where.scheme}://{where.hostname or ''}{f':{where.port}' if where.port else ''}{where.path}"
    fix = "start it, or correct store.counters" + (
        "; until then calls pass unlimited" * config.store.counters_fail_open
    )
    try:
        counters = open_counters(url, SystemClock())
    except ConfigError as error:
        return [Checkup("counters", False, error.message, error.hint)]
    try:
        async with asyncio.timeout(deadline):
            await counters.ping()
    except (GatewayError, TimeoutError):
        return [Checkup("counters", False, f"{shown} does not answer", fix)]
    finally:
        await counters.close()
    return [Checkup("counters", True, f"{shown} answers")]


async def look_at_upstreams(config: Config, composer: Composer, deadline: float = DEADLINE) -> list[Checkup]:
    """Every upstream, and every alias that has its own, all at once; the clock last. `deadline` is of each step."""
    endpoints: list[tuple[str, UpstreamConfig | AliasConfig]] = [*config.upstreams.items()]
    for name, item in config.aliases.items():
        urls = [item.base_url] if item.base_url is not None else map(base_url, item.endpoints)
        endpoints += [(name, msgspec.structs.replace(item, base_url=url, endpoints=())) for url in urls]
    probes = [Probe(name, item, config, composer, deadline) for name, item in endpoints]
    async with asyncio.TaskGroup() as tasks:
        for probe in probes:
            tasks.create_task(probe.run())
    rows = [row for probe in probes for row in probe.rows]
    return [*rows, look_at_clock([probe.date for probe in probes if probe.date is not None])]
