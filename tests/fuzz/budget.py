"""How long to search: briefly in every test run, at length where DRAGOMAN_FUZZ is set.

The budget is a property's. A test that stands for all of it spends the whole; where a property is split over
dialects or operations, each of them a test, they share it.
"""

import os
from typing import Final

from hypothesis import HealthCheck, settings

AT_LENGTH: Final = bool(os.environ.get("DRAGOMAN_FUZZ"))
SECONDS: Final = 3600 if AT_LENGTH else 120
"""How long one test may take."""
EXAMPLES: Final = 20_000 if AT_LENGTH else 500
"""How many examples a property gets at least."""
BUDGET: Final = settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def share(parts: int, examples: int = EXAMPLES) -> settings:
    """The budget of one of `parts` tests that are one property together."""
    return settings(BUDGET, max_examples=-(-examples // parts))
