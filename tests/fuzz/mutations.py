"""Bytes that are almost right: more likely to get somewhere than bytes at random."""

from hypothesis import strategies as st

Mutation = tuple[int, int, bytes]
"""Where, how many bytes go, and what comes instead."""


def mutations(pieces: list[bytes]) -> st.SearchStrategy[list[Mutation]]:
    replacement = st.sampled_from(pieces) | st.binary(max_size=4)
    return st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 40), replacement), max_size=4)


def mutate(data: bytes, changes: list[Mutation]) -> bytes:
    for place, gone, instead in changes:
        at = place % (len(data) + 1)
        data = data[:at] + instead + data[at + gone :]
    return data
