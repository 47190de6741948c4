import pytest

from dragoman.policy import trace

ID, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


@pytest.mark.parametrize("value", [f"00-{ID}-{PARENT}-01", f"00-{ID}-{PARENT}-00", f"cc-{ID}-{PARENT}-01-what-is-next"])
def test_a_trace_is_read(value: str) -> None:
    assert trace.parse(value.encode()) == ID


@pytest.mark.parametrize(
    "value",
    ["", "00", f"ff-{ID}-{PARENT}-01", f"00-{'0' * 32}-{PARENT}-01", f"00-{ID}-{'0' * 16}-01",
     f"00-{ID.upper()}-{PARENT}-01", f"00-{ID}-{PARENT}", f"00-{ID}-{PARENT}-01 ", f"0-{ID}-{PARENT}-01"],
)  # fmt: skip
def test_what_is_no_trace_is_none(value: str) -> None:
    assert trace.parse(value.encode()) == ""


def test_no_header_is_no_trace() -> None:
    assert trace.parse(None) == ""


def test_what_is_rendered_is_read() -> None:
    entropy = bytes.fromhex(ID + PARENT)
    assert trace.render(entropy) == f"00-{ID}-{PARENT}-01".encode()
    assert trace.parse(trace.render(entropy)) == ID
    with pytest.raises(ValueError, match="24"):
        trace.render(entropy[1:])
