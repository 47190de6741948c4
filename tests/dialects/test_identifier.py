from dragoman.dialects.identifier import MAX_USER, fit
from dragoman.turn import Loss


def test_a_user_is_sent_as_he_is_called_while_it_is_short_enough() -> None:
    losses: list[Loss] = []
    assert fit(None, losses) is None
    assert fit("", losses) == ""
    assert fit("a" * MAX_USER, losses) == "a" * MAX_USER
    assert losses == []


def test_a_long_name_is_the_same_hash_each_time_and_unlike_others() -> None:
    losses: list[Loss] = []
    one, again, other = (fit(name * (MAX_USER + 1), losses) for name in "aab")
    assert one == again != other
    assert one is not None and len(one) <= MAX_USER
    assert [(loss.param, loss.kind) for loss in losses] == [("user", "mapped")] * 3
