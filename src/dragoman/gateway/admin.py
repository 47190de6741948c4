"""The admin API: keys, usage, routes, how upstreams do, and reload. Every route takes an admin key.

Served by Starlette, off the hot path; the ASGI call has been authenticated before it comes here.
"""

from collections.abc import Callable, Sequence
from typing import Any, Final

import msgspec
import structlog
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from dragoman import errors
from dragoman.errors import ConfigError, GatewayError
from dragoman.gateway.issuing import Issuer
from dragoman.gateway.keyring import Keyring
from dragoman.gateway.render import render_error
from dragoman.gateway.runtime import Runtime
from dragoman.policy.balance import EndpointStatus
from dragoman.policy.resources import invalid
from dragoman.policy.tenants import ROOT
from dragoman.ports import Ledger

MAX_BODY: Final = 64 * 1024
_audit = structlog.get_logger("audit")

ROUTES: Final = (
    ("GET", "/admin/keys", "list_keys"),
    ("POST", "/admin/keys", "create_key"),
    ("DELETE", "/admin/keys/{id}", "revoke_key"),
    ("POST", "/admin/keys/{id}/rotate", "rotate_key"),
    ("GET", "/admin/usage", "usage"),
    ("GET", "/admin/ledger", "ledger"),
    ("GET", "/admin/routes", "routes"),
    ("GET", "/admin/upstreams", "upstreams"),
    ("POST", "/admin/reload", "reload"),
)
"""Method, path, and the method of `Admin` that answers."""


class NewKey(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The body of `POST /admin/keys`; `expires_in` in seconds."""

    name: str
    models: tuple[str, ...] = ("*",)
    aliases: tuple[str, ...] = ("*",)
    admin: bool = False
    tenant: str = ROOT
    expires_in: float | None = None


class UpstreamStatus(msgspec.Struct, frozen=True):
    """How one upstream does; an alias that has its own is `alias:NAME`."""

    name: str
    available: bool
    """Whether any endpoint may be called."""
    endpoints: Sequence[EndpointStatus]


class Admin:
    """The routes; `app` is their ASGI application."""

    def __init__(
        self,
        issuer: Issuer,
        keyring: Keyring,
        ledger: Ledger,
        runtime: Callable[[], Runtime],
        reload: Callable[[str], list[str]],
    ) -> None:
        self._issuer = issuer
        self._keyring = keyring
        self._ledger = ledger
        self._runtime = runtime
        self._reload = reload
        self.app = Starlette(
            routes=[Route(path, getattr(self, name), methods=[method]) for method, path, name in ROUTES],
            exception_handlers={GatewayError: _problem, 404: _not_found, 405: _not_allowed},  # type: ignore[dict-item]
        )

    async def list_keys(self, request: Request) -> Response:
        return _json({"keys": await self._issuer.list()})

    async def create_key(self, request: Request) -> Response:
        body = b""
        async for part in request.stream():
            body += part
            if len(body) > MAX_BODY:
                raise GatewayError(errors.PAYLOAD_TOO_LARGE, f"The body is larger than {MAX_BODY} bytes.")
        try:
            new = msgspec.json.decode(body, type=NewKey)
        except msgspec.DecodeError as error:
            raise GatewayError(errors.INVALID_REQUEST, f"The body is no new key: {error}") from None
        if new.tenant not in self._runtime().config.tree():
            raise invalid("tenant", f"There is no tenant {new.tenant!r}: name it in the configuration first.")
        key, token = await self._issuer.create(
            new.name,
            models=new.models,
            aliases=new.aliases,
            admin=new.admin,
            tenant=new.tenant,
            expires_in=new.expires_in,
        )
        _note(request, "key created", key_id=key.id, admin=key.admin)
        return _json({"key": key, "token": token}, 201)

    async def revoke_key(self, request: Request) -> Response:
        await self._issuer.revoke(request.path_params["id"])
        self._keyring.forget()
        _note(request, "key revoked", key_id=request.path_params["id"])
        return Response(status_code=204)

    async def rotate_key(self, request: Request) -> Response:
        key, token = await self._issuer.rotate(request.path_params["id"])
        self._keyring.forget()
        _note(request, "key rotated", key_id=request.path_params["id"], new_key_id=key.id)
        return _json({"key": key, "token": token}, 201)

    async def usage(self, request: Request) -> Response:
        since = _number(request, "since", 0.0)
        totals = await self._ledger.totals(since=since, key_id=request.query_params.get("key"))
        return _json({"usage": totals})

    async def ledger(self, request: Request) -> Response:
        limit = int(_number(request, "limit", 50))
        if not 1 <= limit <= 1000:
            raise GatewayError(errors.INVALID_REQUEST, "'limit' must be 1 to 1000.", param="limit")
        return _json({"rows": await self._ledger.rows(limit=limit, key_id=request.query_params.get("key"))})

    async def routes(self, request: Request) -> Response:
        return _json({"routes": describe_routes(self._runtime())})

    async def upstreams(self, request: Request) -> Response:
        return _json({"upstreams": describe_upstreams(self._runtime())})

    async def reload(self, request: Request) -> Response:
        try:
            return _json({"reloaded": True, "needs_restart": self._reload(request.state.principal_id)})
        except ConfigError as error:
            raise GatewayError(
                errors.INVALID_REQUEST, f"The configuration was kept: {error}", param=error.key
            ) from None


def describe_routes(runtime: Runtime) -> list[dict[str, Any]]:
    """Every public name and where it goes, for `/admin/routes` and `dragoman routes`."""
    rows: list[dict[str, Any]] = []
    patterns = list(runtime.routes.exact.items()) + list(runtime.routes.globs)
    for name, route in patterns:
        rows.append({"kind": "model", "name": name, "targets": [target.name for target in route.targets]})
    for name in sorted(runtime.routes.direct):
        rows.append({"kind": "direct", "name": f"{name}/*", "targets": [f"{name}/*"]})
    for tenant, view in runtime.views.of.items():
        for name, alias in view.items():
            if alias.tenant == tenant:
                rows.append({"kind": "alias", "name": name, "targets": [alias.upstream], "tenant": tenant})
    return rows


def describe_upstreams(runtime: Runtime) -> list[UpstreamStatus]:
    """How every upstream and its endpoints do, as this gateway has found them."""
    return [UpstreamStatus(name, pool.available(), pool.status()) for name, pool in runtime.upstreams.items()]


def _note(request: Request, event: str, **fields: str | bool) -> None:
    """A line of the audit log: who changed what."""
    state = request.state
    _audit.info(event, request_id=state.request_id, principal_id=state.principal_id, **fields)


def _number(request: Request, name: str, default: float) -> float:
    text = request.query_params.get(name)
    try:
        return default if text is None else float(text)
    except ValueError:
        raise GatewayError(errors.INVALID_REQUEST, f"{name!r} must be a number.", param=name) from None


def _json(value: object, status: int = 200) -> Response:
    return Response(msgspec.json.encode(value), status, media_type="application/json")


def _problem(request: Request, error: GatewayError) -> Response:
    status, headers, body = render_error(error, path=request.url.path, request_id=request.state.request_id)
    return Response(body, status, {name.decode(): value.decode() for name, value in headers})


def _not_found(request: Request, error: Exception) -> Response:
    return _problem(request, GatewayError(errors.NOT_FOUND, f"No such path: {request.url.path}"))


def _not_allowed(request: Request, error: Exception) -> Response:
    return _problem(request, GatewayError(errors.METHOD_NOT_ALLOWED, f"{request.method} is not for this path."))
