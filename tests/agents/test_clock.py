"""`dragoman.agents.clock`."""

import time

from dragoman.agents.clock import now


def test_it_tells_unix_time() -> None:
    before = time.time()

    assert before <= now() <= time.time()
