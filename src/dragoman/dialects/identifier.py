"""Who asks, in the length that OpenAI's APIs take: agents that speak Messages send twice as many characters."""

import hashlib
from typing import Final

from dragoman.turn import Loss

MAX_USER: Final = 64


def fit(user: str | None, losses: list[Loss]) -> str | None:
    """`user`, or its hash where it is too long: one caller stays one caller."""
    if user is None or len(user) <= MAX_USER:
        return user
    losses.append(Loss("user", "mapped", f"an identifier of more than {MAX_USER} characters is sent as its hash"))
    return hashlib.sha256(user.encode()).hexdigest()
