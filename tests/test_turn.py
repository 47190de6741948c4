from dragoman.turn import Usage


def test_tokens_add_up_without_counting_their_parts_twice() -> None:
    usage = Usage(input_tokens=9, output_tokens=3, cached_tokens=4, cache_write_tokens=1, reasoning_tokens=2)
    assert usage.total_tokens == 12
    assert Usage().total_tokens == 0
