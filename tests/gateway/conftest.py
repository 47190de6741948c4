"""A gateway shared by the tests of a module that do not change it."""

from collections.abc import Iterator

import pytest

from tests.support.live import Live, running


@pytest.fixture(scope="module")
def demo_live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with running(tmp_path_factory.mktemp("demo"), timing="instant") as live:
        yield live
