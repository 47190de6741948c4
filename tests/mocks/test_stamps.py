from dragoman.mocks.stamps import CREATED, Stamps


class FixedClock:
    def now(self) -> float:
        return 12.5

    def monotonic(self) -> float:
        return 0.0


def test_ids_repeat_for_a_seed_and_after_a_reset() -> None:
    stamps, again = Stamps(3), Stamps(3)
    first = [stamps.next("chatcmpl-") for _ in range(5)]
    assert first == [again.next("chatcmpl-") for _ in range(5)]
    assert len(set(first)) == 5
    assert first[0].startswith("chatcmpl-") and len(first[0]) == len("chatcmpl-") + 24
    stamps.reset()
    assert stamps.next("chatcmpl-") == first[0]
    assert Stamps(4).next("chatcmpl-") != first[0]


def test_the_time_is_fixed_unless_there_is_a_clock() -> None:
    assert Stamps().created() == CREATED
    assert Stamps(clock=FixedClock()).created() == 12
