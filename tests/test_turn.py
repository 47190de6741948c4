from dragoman.turn import (
    CallOpened,
    Event,
    Failed,
    Opened,
    ReasoningSealed,
    Stop,
    Stopped,
    TextDelta,
    Usage,
    Used,
    tells,
)


def test_tokens_add_up_without_counting_their_parts_twice() -> None:
    usage = Usage(input_tokens=9, output_tokens=3, cached_tokens=4, cache_write_tokens=1, reasoning_tokens=2)
    assert usage.total_tokens == 12
    assert Usage().total_tokens == 0


def test_what_comes_before_anything_is_said_tells_nothing() -> None:
    silent: list[Event] = [Opened("a", 1, "m"), Used(Usage(1, 1)), ReasoningSealed("x", "y")]
    telling: list[Event] = [TextDelta("a"), CallOpened("a", "b"), Stopped(Stop.END), Failed("a", "b", "c")]
    assert not any(map(tells, silent))
    assert all(map(tells, telling))
