"""A stream four times as long is about four times the work, whatever it does: nobody is kept busy by little data."""

import pytest

from dragoman.errors import GatewayError
from tests.fuzz.long_streams import EVERY, LONG
from tests.fuzz.passages import NAMES, passage
from tests.fuzz.work import work

SHORT, TIMES = 40, 4
MOST = 5
"""How many times the work of the short stream the long one may be; what is squared would be 16 times as much."""


@pytest.mark.parametrize("front", NAMES)
@pytest.mark.parametrize(("back", "name"), EVERY)
def test_the_work_grows_with_the_length_of_a_stream(back: str, name: str, front: str) -> None:
    def read(length: int) -> None:
        relay = passage(front, back).stream()
        try:
            for frame in LONG[back][name](length):
                relay.receive(frame)
            relay.eof()
        except GatewayError as error:
            assert relay.failure is error

    assert work(lambda: read(SHORT * TIMES)) < work(lambda: read(SHORT)) * MOST
