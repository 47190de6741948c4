"""Ledger rows for tests."""

from typing import Literal

from dragoman.ports import Reservation, Settlement
from dragoman.turn import Usage


def reservation(number: int, *, key_id: str = "key_a", name: str = "gpt-4o-mini") -> Reservation:
    return Reservation(
        call_id=f"call_{number:08}",
        request_id=f"req_{number}",
        key_id=key_id,
        kind="model",
        name=name,
        upstream="openai",
        reserved_at=1_800_000_000.0 + number,
    )


def settlement(
    number: int,
    *,
    state: Literal["settled", "failed", "cancelled"] = "settled",
    status: int = 200,
    usage: Usage | None = None,
    error: str = "",
) -> Settlement:
    return Settlement(
        call_id=f"call_{number:08}",
        state=state,
        status=status,
        settled_at=1_800_000_001.5 + number,
        duration_ms=1500,
        first_token_ms=120,
        upstream="vllm",
        model="qwen3-8b",
        usage=usage,
        error=error,
    )
