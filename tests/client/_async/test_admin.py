"""The admin API through the client; the gateway's own answers are what is read."""

import pytest

from dragoman.client import AsyncClient, Request
from dragoman.client.errors import AuthenticationFailed, InvalidRequest, NotFound, PermissionDenied
from tests.support.live import Live


async def test_a_key_lives_from_creation_over_rotation_to_revocation(live: Live) -> None:
    async with AsyncClient(live.url, live.admin_key) as client:
        made = await client.admin.keys.create("ci", aliases=["weather"], models=[], expires_in=3600)
        assert (made.key.name, made.key.aliases, made.key.models, made.key.hint) == (
            "ci",
            ("weather",),
            (),
            made.token[-4:],
        )
        assert made.token not in repr(made)
        assert made.key in await client.admin.keys.list()
        assert await aliases(live, made.token) == ("weather",)
        rotated = await client.admin.keys.rotate(made.key.id)
        assert await aliases(live, rotated.token) == ("weather",)
        with pytest.raises(AuthenticationFailed):
            await aliases(live, made.token)
        await client.admin.keys.revoke(rotated.key.id)
        with pytest.raises(AuthenticationFailed):
            await aliases(live, rotated.token)
        with pytest.raises(NotFound):
            await client.admin.keys.revoke("key_/../x")
        with pytest.raises(InvalidRequest, match="name"):
            await client.admin.keys.create("")
        with pytest.raises(InvalidRequest, match="no tenant 'nobody'"):
            await client.admin.keys.create("x", tenant="nobody")


async def aliases(live: Live, key: str) -> tuple[str, ...]:
    async with AsyncClient(live.url, key) as client:
        return await client.aliases()


async def test_usage_and_ledger_tell_of_calls(live: Live) -> None:
    async with AsyncClient(live.url, live.admin_key) as operator:
        made = await operator.admin.keys.create("user", tenant="default")
        assert made.key.tenant == "default"
        async with AsyncClient(live.url, made.token) as client:
            answer = await client.execute("weather", Request.get("/current?city=Rome"))
        live.booked(answer.request_id)
        row = (await operator.admin.ledger(limit=1, key=made.key.id))[0]
        assert (row.reservation.request_id, row.reservation.name, row.state) == (
            answer.request_id,
            "weather",
            "settled",
        )
        assert row.settlement is not None
        assert row.settlement.status == 200
        total = (await operator.admin.usage(key=made.key.id))[0]
        assert (total.name, total.calls, total.failed) == ("weather", 1, 0)
        assert await operator.admin.usage(since=row.reservation.reserved_at + 3600, key=made.key.id) == ()


async def test_routes_are_told_and_the_configuration_is_taken_up_anew(live: Live) -> None:
    async with AsyncClient(live.url, live.admin_key) as client:
        routes = {(route.kind, route.name): route.targets for route in await client.admin.routes()}
        assert routes["alias", "weather"] == ("alias:weather",)
        assert (await client.admin.reload()).needs_restart == ()


async def test_other_keys_are_refused(live: Live) -> None:
    async with AsyncClient(live.url, live.key) as client:
        with pytest.raises(PermissionDenied) as raised:
            await client.admin.keys.list()
    assert (raised.value.source, raised.value.code) == ("gateway", "permission_denied")
