"""Who asks, in the length that OpenAI's APIs take: agents that speak Messages send twice as many characters."""

import hashlib
from typing import Final

MAX_USER: Final = 64


def fit(user: str | None) -> str | None:
    """`user`, or its hash where it is too long: one caller stays one caller."""
    if user is None or len(user) <= MAX_USER:
        return user
    return hashlib.sha256(user.encode()).hexdigest()
