"""What the stores in memory do of their own; the rest they share with the others."""

import pytest

from dragoman.errors import STORE_UNAVAILABLE, GatewayError
from dragoman.stores.memory import MemoryLedger
from tests.stores.calls import reservation


async def test_a_full_ledger_refuses_calls() -> None:
    ledger = MemoryLedger(limit=2)
    ledger.reserve(reservation(1))
    ledger.reserve(reservation(2))

    with pytest.raises(GatewayError) as caught:
        ledger.reserve(reservation(3))

    assert caught.value.kind is STORE_UNAVAILABLE
    assert len(await ledger.rows()) == 2
