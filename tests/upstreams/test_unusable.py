import pytest

from dragoman import errors
from dragoman.errors import GatewayError
from dragoman.ports import UpstreamRequest
from dragoman.upstreams.unusable import UnusableUpstream


async def test_every_call_is_told_why() -> None:
    reason = GatewayError(errors.SECRET_NOT_FOUND, "There is no such secret.")
    upstream = UnusableUpstream("u", reason)
    request = UpstreamRequest("GET", "/", [])
    for call in (upstream.open(request), upstream.upgrade(request, "websocket")):
        with pytest.raises(GatewayError, match="no such secret") as caught:
            await call
        assert caught.value.kind is errors.SECRET_NOT_FOUND and caught.value is not reason
    assert (upstream.redact(b"x"), upstream.reach) == (b"x", 0)
    await upstream.close()
