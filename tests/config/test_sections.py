"""`dragoman.config.sections`."""

from dragoman.config.sections import TimeoutsConfig, hint


def test_deadlines_are_those_of_the_table() -> None:
    parts = TimeoutsConfig(connect=1, first_byte=2, idle=3, total=4).parts()

    assert (parts.connect, parts.first_byte, parts.idle, parts.total) == (1, 2, 3, 4)


def test_a_near_name_is_suggested_and_all_are_told_otherwise() -> None:
    assert hint("prot", ["port", "host"]) == "did you mean 'port'?"
    assert hint("zzz", ["port", "host"]) == "known here: host, port"
