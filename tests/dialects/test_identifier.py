from dragoman.dialects.identifier import MAX_USER, fit


def test_a_user_is_sent_as_he_is_called_while_it_is_short_enough() -> None:
    assert fit(None) is None
    assert fit("") == ""
    assert fit("a" * MAX_USER) == "a" * MAX_USER


def test_a_long_name_is_the_same_hash_each_time_and_unlike_others() -> None:
    one, again, other = (fit(name * (MAX_USER + 1)) for name in "aab")
    assert one == again != other
    assert one is not None and len(one) <= MAX_USER
