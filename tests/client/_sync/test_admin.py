# Written by scripts/unasync.py from tests/client/_async/test_admin.py; change that instead.
"""The admin API through the client; the gateway's own answers are what is read."""

import pytest

from dragoman.client import Client, Request
from dragoman.client.errors import AuthenticationFailed, InvalidRequest, NotFound, PermissionDenied
from tests.support.live import Live


def test_a_key_lives_from_creation_over_rotation_to_revocation(live: Live) -> None:
    with Client(live.url, live.admin_key) as client:
        made = client.admin.keys.create("ci", aliases=["weather"], models=[], expires_in=3600)
        assert (made.key.name, made.key.aliases, made.key.models, made.key.hint) == (
            "ci",
            ("weather",),
            (),
            made.token[-4:],
        )
        assert made.token not in repr(made)
        assert made.key in client.admin.keys.list()
        assert aliases(live, made.token) == ("weather",)
        rotated = client.admin.keys.rotate(made.key.id)
        assert aliases(live, rotated.token) == ("weather",)
        with pytest.raises(AuthenticationFailed):
            aliases(live, made.token)
        client.admin.keys.revoke(rotated.key.id)
        with pytest.raises(AuthenticationFailed):
            aliases(live, rotated.token)
        with pytest.raises(NotFound):
            client.admin.keys.revoke("key_/../x")
        with pytest.raises(InvalidRequest, match="name"):
            client.admin.keys.create("")
        with pytest.raises(InvalidRequest, match="no tenant 'nobody'"):
            client.admin.keys.create("x", tenant="nobody")


def aliases(live: Live, key: str) -> tuple[str, ...]:
    with Client(live.url, key) as client:
        return client.aliases()


def test_usage_and_ledger_tell_of_calls(live: Live) -> None:
    with Client(live.url, live.admin_key) as operator:
        made = operator.admin.keys.create("user", tenant="default")
        assert made.key.tenant == "default"
        with Client(live.url, made.token) as client:
            answer = client.execute("weather", Request.get("/current?city=Rome"))
        live.booked(answer.request_id)
        row = (operator.admin.ledger(limit=1, key=made.key.id))[0]
        assert (row.reservation.request_id, row.reservation.name, row.state) == (
            answer.request_id,
            "weather",
            "settled",
        )
        assert row.settlement is not None
        assert row.settlement.status == 200
        total = (operator.admin.usage(key=made.key.id))[0]
        assert (total.name, total.calls, total.failed) == ("weather", 1, 0)
        assert operator.admin.usage(since=row.reservation.reserved_at + 3600, key=made.key.id) == ()


def test_routes_are_told_and_the_configuration_is_taken_up_anew(live: Live) -> None:
    with Client(live.url, live.admin_key) as client:
        routes = {(route.kind, route.name): route.targets for route in client.admin.routes()}
        assert routes["alias", "weather"] == ("alias:weather",)
        assert (client.admin.reload()).needs_restart == ()


def test_other_keys_are_refused(live: Live) -> None:
    with Client(live.url, live.key) as client:
        with pytest.raises(PermissionDenied) as raised:
            client.admin.keys.list()
    assert (raised.value.source, raised.value.code) == ("gateway", "permission_denied")
