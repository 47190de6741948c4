import msgspec
import pytest

from dragoman.dialects.messages import usage
from dragoman.turn import Usage
from dragoman.wire import messages_answer as wire


def raw(value: object) -> msgspec.Raw:
    return msgspec.Raw(msgspec.json.encode(value))


def test_the_neutral_number_includes_what_the_cache_read_and_wrote() -> None:
    given = {
        "input_tokens": 5, "cache_read_input_tokens": 100, "cache_creation_input_tokens": 20, "output_tokens": 7,
        "output_tokens_details": {"thinking_tokens": 4}, "server_tool_use": None,
    }  # fmt: skip
    assert usage.neutral(usage.read(raw(given))) == Usage(125, 7, 100, 20, 4)


@pytest.mark.parametrize(
    "used", [Usage(125, 7, 100, 20, 4), Usage(9, 3), Usage(100, 0, 100), Usage(20, 1, 0, 20), Usage()]
)
def test_back_and_forth_nothing_changes(used: Usage) -> None:
    assert usage.neutral(usage.read(raw(usage.render(used, 0)))) == used


def test_a_cache_that_read_more_than_there_was_leaves_nothing() -> None:
    assert usage.render(Usage(1, 2, 8), 0)["input_tokens"] == 0


@pytest.mark.parametrize("value", [None, {}, {"input_tokens": None}, {"input_tokens": "1"}, {"output_tokens": -1}, 7])
def test_what_says_nothing_or_cannot_be_is_no_usage(value: object) -> None:
    assert usage.neutral(usage.read(raw(value))) is None


def test_the_last_number_said_of_each_counts() -> None:
    first, second = wire.Usage(5, 1, cache_read_input_tokens=2), wire.Usage(output_tokens=9, service_tier="batch")
    assert usage.merge(first, second) == wire.Usage(5, 9, 2, service_tier="batch")
    assert usage.merge(None, second) is second
    assert usage.merge(first, None) is first
    assert usage.merge(None, None) is None


@pytest.mark.parametrize(("estimate", "said"), [(0, 1), (1, 1), (250, 250)])
def test_an_unknown_input_is_an_estimate_and_never_zero(estimate: int, said: int) -> None:
    assert usage.render(None, estimate)["input_tokens"] == said


def test_services_have_their_names() -> None:
    assert usage.tier(None) is None
    assert usage.tier(wire.Usage(service_tier="standard")) == "default"
    assert usage.tier(wire.Usage(service_tier="priority")) == "priority"
    assert usage.native_tier("default") == "standard"
    assert usage.native_tier("flex") is None
    assert usage.native_tier(None) is None
