"""The ways in which the network may deliver the same bytes."""

from collections.abc import Iterator

from hypothesis import strategies as st

Parts = tuple[bytes, ...]


def bytewise(data: bytes) -> Parts:
    """`data` byte by byte."""
    return tuple(data[at : at + 1] for at in range(len(data)))


def in_two(data: bytes) -> Iterator[Parts]:
    """`data` cut once, at every place."""
    return ((data[:at], data[at:]) for at in range(len(data) + 1))


def every_way(data: bytes) -> Iterator[Parts]:
    """`data` whole, byte by byte, and cut once at every place."""
    yield (data,)
    yield bytewise(data)
    yield from in_two(data)


def at_places(data: bytes, places: set[int]) -> Parts:
    """`data` cut at each of `places`."""
    edges = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    return tuple(data[start:end] for start, end in zip(edges, edges[1:], strict=False))


PLACES = st.sets(st.integers(0, 4096), max_size=12)
