"""A byte-pair encoding small enough to be written here, for the real tiktoken to work with."""

import tiktoken
from tiktoken import registry

NAME = "tiny"


def register() -> tiktoken.Encoding:
    """Makes it known to tiktoken: every byte is a token, but `ab` is one as well."""
    ranks = {bytes([byte]): byte for byte in range(256)} | {b"ab": 256}
    encoding = tiktoken.Encoding(NAME, pat_str=r"\w+|\W+", mergeable_ranks=ranks, special_tokens={})
    registry.list_encoding_names()
    assert registry.ENCODING_CONSTRUCTORS is not None
    registry.ENCODING_CONSTRUCTORS[NAME] = dict  # it is never made anew
    registry.ENCODINGS[NAME] = encoding
    return encoding
