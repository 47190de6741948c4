"""Bytes that are almost right: more likely to get somewhere than bytes at random."""

import json
from typing import Any, Final

from hypothesis import strategies as st

Mutation = tuple[int, int, bytes]
"""Where, how many bytes go, and what comes instead."""
Change = tuple[str, int, list[int], bytes]
"""What is done, to which frame, to which value in it, and what comes instead."""

_VALUES: Final = [
    b"null", b"true", b"0", b"-1", b"1.5", b"1e9", b'""', b'"x"', b'" "', b'"\\u0000"', b'"{"', b'"[1]"', b"[]", b"{}",
    b"[null]", b"[[]]", b'[{"type":"x"}]', b'{"type":null}', b'{"type":"text"}', b'{"a":1,"a":2}', b" 1 ",
    b'{"start_index":-1,"end_index":1e3}', b'{"type":"url_citation","url_citation":7}', b'"stop"', b'"length"',
    b'"error"', b'"message"', b'"function_call"', b'"tool_use"', b'"custom"', b'"completed"', b'"failed"',
    b'{"message":"boom"}', b'"a\\nb"', b'"\\r\\n\\r\\ndata: x"', b'"' + b"x" * 600 + b'"', b"1000000",
]  # fmt: skip
ODD: Final = [
    *_VALUES * 3, b"1e999", b"-1e999", b'{"x":1e999}', b"9" * 30, b"18446744073709551616", b'"\\ud800"',
    b'"\\udc00\\ud800"', b'"\xff"', b"[" * 1500 + b"]" * 1500, b'{"a":' * 1500 + b"0" + b"}" * 1500, b"NaN", b"{", b'"',
    b"", b"\xff", b"[1,]",
]  # fmt: skip
"""JSON values that nobody expects, and some that are none."""
_HOLE: Final = "\U000f0000"


def mutations(pieces: list[bytes]) -> st.SearchStrategy[list[Mutation]]:
    replacement = st.sampled_from(pieces) | st.binary(max_size=4)
    return st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 40), replacement), max_size=4)


def mutate(data: bytes, changes: list[Mutation]) -> bytes:
    for place, gone, instead in changes:
        at = place % (len(data) + 1)
        data = data[:at] + instead + data[at + gone :]
    return data


_DEEDS: Final = ["replace", "replace", "replace", "remove", "add", "drop", "repeat", "swap"]
CHANGES: Final = st.lists(
    st.tuples(
        st.sampled_from(_DEEDS),
        st.integers(0, 30),
        st.lists(st.integers(0, 12), min_size=1, max_size=7),
        st.sampled_from(ODD),
    ),
    max_size=3,
)
"""Changes of single values, members and frames."""


def warp(value: bytes, deed: str, path: list[int], odd: bytes) -> bytes:
    """JSON text in which the value at `path`, each step a child by its number, has been changed."""
    try:
        tree = json.loads(value)
    except (ValueError, RecursionError):
        return odd
    top: dict[str, Any] = {"": tree}
    at: Any = top
    key: Any = ""
    for step in path:
        inner = at[key]
        if not inner or not isinstance(inner, dict | list):
            break
        at = inner
        key = list(at)[step % len(at)] if isinstance(at, dict) else step % len(at)
    match deed:
        case "remove":
            del at[key]
        case "add" if isinstance(at, dict):
            at["error" if len(path) % 2 else "type"] = _HOLE
        case _:
            at[key] = _HOLE
    text = json.dumps(top[""] if "" in top else _HOLE, ensure_ascii=False).encode(errors="surrogatepass")
    return text.replace(f'"{_HOLE}"'.encode(), odd)


def warp_frames(frames: tuple[bytes, ...], changes: list[Change]) -> list[bytes]:
    """The frames of a stream, changed."""
    out = list(frames)
    for deed, number, path, odd in changes:
        if not out:
            break
        at = number % len(out)
        match deed:
            case "drop":
                del out[at]
            case "repeat":
                out.insert(at, out[at])
            case "swap":
                out[at], out[-1 - at] = out[-1 - at], out[at]
            case _:
                head, mark, rest = out[at].partition(b"data: ")
                data = rest.rstrip(b"\r\n")
                out[at] = head + mark + warp(data, deed, path, odd) + rest[len(data) :]
    return out
