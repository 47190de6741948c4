"""`ports.Upstream` over HTTP/1.1, on aiohttp, of which nothing is seen outside this package.

What goes out is what the request says, byte for byte, but for four things that are the adapter's: Host
and framing, our credential, our Via, and the headers that end at this hop. Exactly one attempt is made.
Nothing here decides anything about a call: deadlines but for `connect`, repeats, fallback and which
headers a caller may pass on are the gateway's.
"""

import asyncio
import re
import ssl
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from aiohttp import ClientResponse, ClientSession
from multidict import CIMultiDict, istr
from yarl import URL

from dragoman import errors
from dragoman.errors import ConfigError, GatewayError
from dragoman.policy.credentials import Credential
from dragoman.policy.egress import BaseUrl, Cidr, Network, default_network, is_address, split_base_url, verdict
from dragoman.policy.headers import HOP_BY_HOP
from dragoman.ports import Headers, Receiver, Timeouts, UpstreamRequest
from dragoman.upstreams import faults
from dragoman.upstreams.connection import Line, open_session
from dragoman.upstreams.dial import Gate, GuardedResolver, Resolve, system_resolve
from dragoman.upstreams.pipe import HttpPipe
from dragoman.upstreams.upload import Pieces, Upload

WHOLE_BODY_BYTES: Final = 1024 * 1024  # aiohttp warns above this: one write would hold the loop
_REMEMBERED: Final = 512  # header names and paths; callers choose them, so the memory is bounded

# Expect ends here too: our own server has answered it, and aiohttp would wait for a 100 without end.
_OURS: Final = HOP_BY_HOP | {b"content-length", b"expect", b"host", b"x-dragoman-key"}
_METHOD: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Z-]+")  # aiohttp would turn others to upper case
_TOKEN: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110 5.6.2
_CONTROL: Final = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")  # RFC 9110 5.5
_TARGET: Final = re.compile(r"(?:[/?][!\"$-~]*)?")  # visible ASCII but for "#", which starts no request target
_UNSEEN: Final = istr()


class HttpReply:
    """`ports.Reply`: the head is here, the body comes from `read`."""

    __slots__ = ("_content", "_response", "_upstream", "headers", "status")

    def __init__(self, upstream: "HttpUpstream", response: ClientResponse) -> None:
        self.status = response.status
        self.headers: Headers = [(name.lower(), value) for name, value in response.raw_headers]
        self._upstream = upstream
        self._response = response
        self._content = response.content

    async def read(self) -> bytes:
        """The next bytes as they came, `b""` at a clean end; may be cancelled and called again."""
        try:
            return await self._content.readany()
        except faults.FAULTS as error:
            # aiohttp forgets what came before a break; the caller may be owed the end of an event.
            rest = self._content._read_nowait(-1)
            if rest:
                return rest
            fault = faults.reading(self._upstream.name, error)
        raise fault  # here, so that nothing of aiohttp hangs on it as its context

    def close(self) -> None:
        """Returns the connection to the pool after a clean end, and drops it at once otherwise."""
        self._upstream.replies.discard(self)
        if not self._response.closed:  # as it is once the last byte has come
            self._response.close()


class HttpUpgraded(HttpReply):
    """`ports.Upgraded`: a 101, and the connection."""

    __slots__ = ("_pipe",)

    def __init__(self, upstream: "HttpUpstream", response: ClientResponse) -> None:
        super().__init__(upstream, response)
        self._pipe: HttpPipe | None = None

    def switch(self, receiver: Receiver) -> HttpPipe:
        """The connection itself; once."""
        connection = self._response.connection
        assert connection is not None and connection.transport is not None and isinstance(connection.protocol, Line)
        self._pipe = HttpPipe(connection.protocol, connection.transport, receiver, super().close)
        return self._pipe

    def close(self) -> None:
        """Ends the connection in order once it has been switched, and drops it at once otherwise."""
        if self._pipe is None:
            super().close()
        else:
            self._pipe.close()


class HttpUpstream:
    """`ports.Upstream`: one base URL, its pool of connections and its credential.

    `allow_cidrs` are permitted whatever `network` says, which by default follows from the host. With a
    `proxy` the gate judges the proxy's address, and the proxy decides what it connects to. `ca_bundle`
    replaces the system's certificate authorities. `dns_ttl` is how many seconds an answer is kept. `via`
    is this gateway's pseudonym, by which it knows its own requests when they come back. Raises
    `ConfigError`.
    """

    def __init__(
        self,
        name: str,
        base_url: str,
        *,
        via: str,
        network: Network | None = None,
        allow_cidrs: Sequence[Cidr] = (),
        credential: Credential | None = None,
        timeouts: Timeouts | None = None,
        max_connections: int = 1000,
        keepalive: float = 15.0,
        ca_bundle: Path | None = None,
        proxy: str | None = None,
        resolve: Resolve = system_resolve,
        dns_ttl: int = 30,
    ) -> None:
        self.name = name
        self.timeouts = timeouts or Timeouts()
        self.replies: set[HttpReply] = set()
        """Answers that are not closed yet."""
        self._base = base = self._split("base_url", base_url)
        self._credential = credential or Credential()
        self._gate = self._make_gate(network, allow_cidrs, proxy)
        self._resolve = resolve
        self._dns_ttl = dns_ttl
        self._proxy = proxy
        self._max_connections = max_connections
        self._keepalive = keepalive
        self._tls = self._trust(ca_bundle)
        if not _TOKEN.fullmatch(via):
            raise ValueError(f"a Via pseudonym is an HTTP token, and {via!r} is none")
        if max_connections < 1:  # aiohttp takes 0 for no limit
            raise ConfigError(f"upstreams.{name}.max_connections", "must be at least 1")
        host = f"[{base.host}]" if ":" in base.host else base.host
        self._origin = URL(f"{base.scheme}://{host}:{base.port}", encoded=True)
        self._fixed = CIMultiDict({"via": f"1.1 {via}"})
        if self._credential.header is not None:
            self._fixed.add(*self._credential.header)
        self._dropped = _OURS | self._credential.dropped
        self._known: dict[bytes, istr | None] = {}
        self._urls: dict[str, URL] = {}
        self._session: ClientSession | None = None
        self._opening = 0
        self._closed = False

    def __repr__(self) -> str:
        return f"HttpUpstream({self.name!r})"

    async def upgrade(self, request: UpstreamRequest, protocol: str) -> HttpUpgraded:
        """Sends the request to go on in `protocol`; returns once that is granted. Raises `GatewayError`."""
        reply = await self.open(request, protocol)
        if isinstance(reply, HttpUpgraded):
            return reply
        reply.close()
        message = f"Upstream {self.name!r} refused the upgrade to {protocol} with {reply.status}."
        raise GatewayError(errors.PROTOCOL_ERROR, message)

    async def open(self, request: UpstreamRequest, upgrade: str | None = None) -> HttpReply:
        """Sends the request; returns once the head of the answer is there. Raises `GatewayError`."""
        session = self._session or self._start()
        url = self._url(request.target)
        headers = self._headers(request.headers)
        if upgrade is not None:
            headers.extend({"connection": "Upgrade", "upgrade": upgrade})
        method = request.method
        if not _METHOD.fullmatch(method) or method == "CONNECT":
            raise GatewayError(errors.INVALID_REQUEST, f"The method {method!r} cannot be passed on.")
        body = self._body(request, headers)
        self._opening += 1
        try:
            response = await session.request(method, url, headers=headers, data=body, allow_redirects=False)
        except faults.FAULTS as error:
            crowded = self._opening + len(self.replies) > self._max_connections
            fault = self._gone() if self._closed else faults.opening(self.name, error, crowded=crowded)
        except (asyncio.CancelledError, RuntimeError):
            # aiohttp cancels whoever waits for a connection when its session is closed.
            task = asyncio.current_task()
            if not self._closed or (task is not None and task.cancelling()):
                raise
            fault = self._gone()
        else:
            if response.status >= 200:
                reply = HttpReply(self, response)
                self.replies.add(reply)
                return reply
            if response.status == 101 and upgrade is not None:
                upgraded = HttpUpgraded(self, response)
                self.replies.add(upgraded)
                return upgraded
            response.close()
            fault = GatewayError(
                errors.PROTOCOL_ERROR, f"Upstream {self.name!r} answered {response.status}, which nothing asked for."
            )
        finally:
            self._opening -= 1
        raise fault  # here, so that nothing of aiohttp hangs on it as its context

    def redact(self, text: bytes) -> bytes:
        """`text` with the upstream's own credential blanked out; `text` must be whole."""
        return self._credential.redact(text)

    @property
    def reach(self) -> int:
        return self._credential.reach

    async def close(self) -> None:
        """Drops all connections, those of unfinished answers included."""
        self._closed = True
        for reply in tuple(self.replies):
            reply.close()
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    def _start(self) -> ClientSession:
        if self._closed:
            raise self._gone()
        self._session = open_session(
            self._gate,
            GuardedResolver(self._gate, self._resolve),
            dns_ttl=self._dns_ttl,
            connect_timeout=self.timeouts.connect,
            max_connections=self._max_connections,
            keepalive=self._keepalive,
            tls=self._tls,
            proxy=self._proxy,
        )
        return self._session

    def _gone(self) -> GatewayError:
        return GatewayError(errors.LINK_UNAVAILABLE, f"Upstream {self.name!r} has been closed.")

    def _url(self, target: str) -> URL:
        url = self._urls.get(target)
        if url is not None:
            return url
        if not _TARGET.fullmatch(target):
            raise GatewayError(errors.INVALID_REQUEST, "The request target holds a character that must be encoded.")
        path = self._base.path + target
        if not path.startswith("/"):
            path = "/" + path
        # All of it as "path", so that yarl takes nothing apart: it would drop an empty query.
        url = self._origin.with_path(self._credential.sign(path), encoded=True)
        if "?" not in target and len(self._urls) < _REMEMBERED:
            self._urls[target] = url
        return url

    def _headers(self, given: Headers) -> CIMultiDict[str]:
        known = self._known
        headers = self._fixed.copy()
        for name, value in given:
            key = known.get(name, _UNSEEN)
            if key is _UNSEEN:
                key = self._admit(name)
            if key is not None:
                headers.add(key, _text(value))
        return headers

    def _admit(self, name: bytes) -> istr | None:
        """The header name as aiohttp takes it, or `None` if it ends here."""
        lower = name.lower()
        text = lower.decode("latin-1")
        if not _TOKEN.fullmatch(text):
            raise GatewayError(errors.INVALID_REQUEST, "The request has a header whose name is not valid HTTP.")
        # One spelling for all: aiohttp takes a second one of another case for a replacement.
        key = None if lower in self._dropped else istr(text)
        if len(self._known) < _REMEMBERED:
            self._known[name] = key
        return key

    def _body(self, request: UpstreamRequest, headers: CIMultiDict[str]) -> bytes | Upload | None:
        body = request.body
        if not body:
            return None
        if isinstance(body, bytes):
            if len(body) <= WHOLE_BODY_BYTES:
                return body
            upload = Upload(Pieces(body), len(body))
        else:
            upload = Upload(body, _announced_length(request.headers))
        if upload.length is not None:
            headers.add("content-length", str(upload.length))
        return upload

    def _split(self, key: str, url: str) -> BaseUrl:
        try:
            return split_base_url(url)
        except ValueError as error:
            raise ConfigError(f"upstreams.{self.name}.{key}", str(error)) from None

    def _make_gate(self, network: Network | None, allow: Sequence[Cidr], proxy: str | None) -> Gate:
        base = self._base
        network = network or default_network(base.host)
        if proxy is None:
            return Gate(network, allow)
        # Only the proxy is dialled; of the host behind it no more is known than what is written.
        if is_address(base.host) and (reason := verdict(base.host, network, allow)):
            raise ConfigError(f"upstreams.{self.name}.base_url", f"leads to {reason}", "see `network`")
        return Gate(default_network(self._split("proxy", proxy).host), allow)

    def _trust(self, ca_bundle: Path | None) -> ssl.SSLContext | None:
        if ca_bundle is None:
            return None
        try:
            context = ssl.create_default_context(cafile=ca_bundle)
        except OSError as error:  # ssl.SSLError is one
            reason = error.strerror or "not a file of PEM certificates"
            raise ConfigError(f"upstreams.{self.name}.ca_bundle", f"cannot be read: {reason}") from None
        context.set_alpn_protocols(["http/1.1"])
        return context


def _text(value: bytes) -> str:
    try:
        text = value.decode()
    except UnicodeDecodeError:
        # aiohttp writes UTF-8 only, and what cannot be sent as it is must not be sent as something else.
        raise GatewayError(errors.INVALID_REQUEST, "The request has a header whose value is not UTF-8.") from None
    if not text.isprintable() and _CONTROL.search(text):
        raise GatewayError(errors.INVALID_REQUEST, "The request has a header with a control character in it.")
    return text


def _announced_length(headers: Headers) -> int | None:
    values = [value for name, value in headers if name.lower() == b"content-length"]
    if not values:
        return None
    if len(values) > 1 or not (values[0].isascii() and values[0].isdigit()):
        raise GatewayError(errors.INVALID_REQUEST, "The request has a Content-Length that is not one number.")
    return int(values[0])
