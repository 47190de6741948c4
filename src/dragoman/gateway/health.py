"""The small routes that tell how the gateway does; none of them names a path, an alias or a secret to strangers."""

from collections.abc import Awaitable, Callable, Sequence

from dragoman import errors
from dragoman.errors import GatewayError
from dragoman.gateway.call import Call
from dragoman.gateway.runtime import Runtime, Services
from dragoman.version import __version__

SERVICE = "dragoman"


class Health:
    """Liveness, readiness, version, metrics and the outbound status; `pings` raise where calls could not be served."""

    def __init__(self, services: Services, pings: Sequence[Callable[[], Awaitable[None]]]) -> None:
        self._services = services
        self._pings = pings
        self._started_at = services.clock.monotonic()
        self.draining = False

    async def healthy(self, call: Call) -> None:
        """`/health` and `/healthz`: the process answers."""
        await call.answer_json({"status": "healthy", "service": SERVICE})

    async def ready(self, call: Call) -> None:
        """`/readyz`: calls are welcome; 503 while draining, or without the store or the counters they need."""
        if self.draining:
            raise GatewayError(errors.SHUTTING_DOWN, "The gateway is shutting down.")
        for ping in self._pings:
            await ping()
        await call.answer_json({"status": "ready"})

    async def status(self, call: Call) -> None:
        """`/status`, as seed 000 has it, less what would tell a stranger something."""
        features = {"proxy": True, "models": True, "streaming": True}
        await call.answer_json(
            {
                "name": SERVICE,
                "version": __version__,
                "status": "draining" if self.draining else "operational",
                "proxy_enabled": True,
                "features": {name: {"enabled": enabled} for name, enabled in features.items()},
            }
        )

    async def version(self, call: Call) -> None:
        await call.answer_json({"name": SERVICE, "version": __version__})

    async def outbound_status(self, call: Call, runtime: Runtime) -> None:
        """`/api/oagw/v1/status`: the aliases that the key may use; `uptime` in seconds."""
        key = await self._services.keyring.of(call)
        await call.answer_json(
            {
                "status": "draining" if self.draining else "operational",
                "version": __version__,
                "uptime": round(self._services.clock.monotonic() - self._started_at, 3),
                "registered_aliases": [
                    name for name in runtime.views.of.get(key.tenant, ()) if key.permits_alias(name)
                ],
            }
        )

    async def metrics(self, call: Call, runtime: Runtime) -> None:
        """`/metrics` in the Prometheus text format; takes an admin key unless made public."""
        if not runtime.config.server.metrics_public:
            (await self._services.keyring.of(call)).require_operator()
        body = self._services.observer.metrics()
        headers = [(b"content-type", b"text/plain; version=0.0.4; charset=utf-8")]
        await call.answer(200, headers, body, source="gateway")
