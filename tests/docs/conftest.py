"""A gateway for the examples of the documentation."""

from collections.abc import Iterator

import pytest

from tests.support.live import Live, running


@pytest.fixture(scope="module")
def demo_live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with running(tmp_path_factory.mktemp("docs"), timing="instant") as live:
        yield live
