"""The clock of agents, which run outside of any gateway, too: the one home of it here."""

import time


def now() -> float:
    """Unix time in seconds."""
    return time.time()  # noqa: TID251 - the clock itself
