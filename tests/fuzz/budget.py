"""How long to search: briefly in every test run, at length where DRAGOMAN_FUZZ is set."""

import os
from typing import Final

from hypothesis import HealthCheck, settings

AT_LENGTH: Final = bool(os.environ.get("DRAGOMAN_FUZZ"))
SECONDS: Final = 3600 if AT_LENGTH else 120
"""How long one test may take."""
BUDGET: Final = settings(
    max_examples=20_000 if AT_LENGTH else 500,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
SHARE: Final = settings(BUDGET, max_examples=20_000 if AT_LENGTH else 170)
"""The budget of one of three dialects, where each has a search of its own."""
