"""One call to a `/v1` endpoint that is only passed on: audio, images, moderations, files.

Like a model call it is routed by the model it names, in JSON or in a form field, and the name is mapped;
like an alias call the answer passes byte for byte. A call that names no model goes to the default upstream
and takes a key that may use every model, since such resources belong to the whole upstream account.
"""

from collections.abc import AsyncIterator
from typing import Final

import msgspec

from dragoman import errors
from dragoman.dialects import head
from dragoman.dialects.chat import errors as chat_errors
from dragoman.errors import GatewayError, WireError
from dragoman.gateway.admission import Permit
from dragoman.gateway.booking import Booking
from dragoman.gateway.call import Call
from dragoman.gateway.raw import RawAnswer
from dragoman.gateway.redacted import redacted
from dragoman.gateway.render import Headers
from dragoman.gateway.runtime import Runtime, Services
from dragoman.gateway.upload import Upload, send
from dragoman.policy import aliases
from dragoman.policy.headers import MODEL_PASS, response
from dragoman.policy.keys import Key
from dragoman.policy.routing import Target
from dragoman.ports import Body, UpstreamRequest
from dragoman.wire import chat as wire
from dragoman.wire import multipart, sse

ENDPOINTS: Final = (b"audio", b"images", b"moderations", b"files")
FIRST_BYTE: Final = 120.0
"""Seconds an upstream has to answer once an upload is complete."""
_PASS: Final = MODEL_PASS | {b"content-type", b"accept", b"range"}


class PassThrough:
    """One passed-on call. `run` is the whole of it."""

    __slots__ = ("_call", "_length_change", "_runtime", "_services", "_upload", "booking")

    def __init__(self, call: Call, runtime: Runtime, services: Services) -> None:
        self._call = call
        self._runtime = runtime
        self._services = services
        self.booking = Booking(services, call, "passthrough")
        self._upload: Upload | None = None
        self._length_change = 0

    async def run(self) -> None:
        """Raises `GatewayError`; the booking is settled by whoever runs this."""
        call, booking, runtime = self._call, self.booking, self._runtime
        key = await self._services.keyring.of(call)
        path = call.path.removeprefix(b"/v1")
        booking.identify(key, path.decode("latin-1"))
        aliases.check(path, call.query)
        target, body = await self._route(key)
        bounds = (*target.bounds, *runtime.bounds.get(target.upstream, ()))
        if bounds:
            with Permit(self._services.admission, call, key, runtime.trusted_proxies) as permit:
                await call.watch.guard(permit.gain(bounds))
                await self._pass(path, target, body)
        else:
            await self._pass(path, target, body)

    async def _pass(self, path: bytes, target: Target, body: Body) -> None:
        """The call from its limits on: to the upstream, and the answer back to its end."""
        call, booking, runtime = self._call, self.booking, self._runtime
        upstream = runtime.upstreams[target.upstream]
        timeouts = target.timeouts or upstream.timeouts
        await booking.reserve("model", target.upstream)
        booking.upstream, booking.model, booking.attempts = target.upstream, target.model, 1
        raw_target = (path + b"?" + call.query if call.query else path).decode("ascii")
        request = UpstreamRequest(call.method, raw_target, self._headers(target, body), body)
        call.watch.total(timeouts.total)
        if self._upload is None:
            call.watch.phase(errors.REQUEST_TIMEOUT, timeouts.first_byte)
        reply = redacted(await send(call, upstream, request, self._upload), upstream)
        try:
            if reply.status >= 400:
                booking.error = f"upstream_{reply.status}"
            answer = RawAnswer(
                call, reply, timeouts, ping=runtime.config.server.ping_interval, error_event=_error_event
            )
            await answer.run(response(reply.headers))
        finally:
            reply.close()

    async def _route(self, key: Key) -> tuple[Target, Body]:
        """Where the call goes, and its body with the model named as the upstream knows it."""
        call = self._call
        content_type = call.header.get(b"content-type", b"").lower()
        has_body = b"content-length" in call.header or b"transfer-encoding" in call.header
        if not has_body:
            return self._default(key), None
        if content_type.startswith(b"multipart/"):
            return await self._form(key)
        server = self._runtime.config.server
        body = await call.read(server.max_body, server.body_timeout)
        if not body:
            return self._default(key), None
        return self._json(key, body)

    def _json(self, key: Key, body: bytes) -> tuple[Target, Body]:
        try:
            fields = wire.parse_fields(body)
        except WireError as error:
            raise GatewayError(errors.INVALID_JSON, f"The request body is {error}.") from None
        if "model" not in fields:
            return self._default(key), wire.render_fields(fields)
        target = self._plan(head.model(fields), key)
        fields["model"] = wire.raw(target.model)
        return target, wire.render_fields(fields)

    async def _form(self, key: Key) -> tuple[Target, Body]:
        """Reads until the model is known, then streams; a form without a model is held until its end."""
        call, server = self._call, self._runtime.config.server
        try:
            field = multipart.ModelField(multipart.parse_boundary(call.header[b"content-type"]))
        except WireError as error:
            raise GatewayError(errors.INVALID_REQUEST, f"The content type is {error}.") from None
        self._upload = Upload(call, server.max_upload, server.body_timeout, FIRST_BYTE)
        parts = self._upload.parts()
        if call.path.startswith(b"/v1/files"):
            return self._default(key), parts
        held = bytearray()
        async for part in parts:
            _scan(field, part)
            held += part
            if field.value is not None:
                break
            if len(held) > server.max_body:
                message = f"The form field 'model' must come within the first {server.max_body} bytes."
                raise GatewayError(errors.PAYLOAD_TOO_LARGE, message, param="model")
        if field.value is None:
            _finish(field)
            return self._default(key), bytes(held)
        target = self._plan(field.value, key)
        start, end = field.span
        model = target.model.encode()
        self._length_change = len(model) - (end - start)
        return target, _rest(bytes(held[:start]) + model + bytes(held[end:]), field, parts)

    def _plan(self, model: str, key: Key) -> Target:
        self.booking.identify(key, model)
        target = self._runtime.routes.plan(model, key)[0]
        if target.upstream in self._runtime.turns:
            message = f"The model {model!r} holds conversations only; it has no {self._call.route_path}."
            raise GatewayError(errors.UNSUPPORTED_PARAMETER, message, param="model")
        return target

    def _default(self, key: Key) -> Target:
        name = self._runtime.routes.default_upstream
        if name is None:
            raise GatewayError(errors.LINK_UNAVAILABLE, "No upstream is configured for calls that name no model.")
        if not key.permits_every_model:
            message = "A call that names no model needs a key that may use every model."
            raise GatewayError(errors.PERMISSION_DENIED, message)
        return Target(name, "")

    def _headers(self, target: Target, body: Body) -> Headers:
        call = self._call
        headers = [(name, value) for name, value in call.headers if name in _PASS]
        headers += [(b"x-request-id", call.request_id.encode("ascii")), (b"accept-encoding", b"identity")]
        if self._runtime.config.upstreams[target.upstream].credential == "caller":
            headers += call.own_credential()
        length = call.header.get(b"content-length")
        if body is not None and not isinstance(body, bytes) and length is not None:
            headers.append((b"content-length", b"%d" % (int(length) + self._length_change)))
        return headers


def _scan(field: multipart.ModelField, part: bytes) -> None:
    try:
        field.receive(part)
    except WireError as error:
        raise GatewayError(errors.INVALID_REQUEST, f"The request body is {error}.", param="model") from None


def _finish(field: multipart.ModelField) -> None:
    try:
        field.eof()
    except WireError as error:
        raise GatewayError(errors.INVALID_REQUEST, f"The request body is {error}.") from None


async def _rest(first: bytes, field: multipart.ModelField, parts: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The body from its beginning; what is still to come is scanned for a second `model` as it passes."""
    yield first
    async for part in parts:
        _scan(field, part)
        yield part


def _error_event(error: GatewayError) -> bytes:
    return sse.render(msgspec.json.encode({"error": chat_errors.body(error)}), b"error")
