"""`dragoman.policy.line`."""

from dragoman.policy.line import Entry, Line


def filled(line: Line, *calls: str) -> list[str]:
    """What became of calls named by their key and a number."""
    return [line.enter(call, call[0]).state for call in calls]


def order(line: Line, first: str) -> list[str]:
    """Who has a place, one after the other, when each leaves at once."""
    came = [first]
    for call in came:
        came += [str(ticket) for ticket in line.leave(call)]
    return came


def test_a_place_is_given_at_once_while_there_is_one() -> None:
    line = Line(2, 1)
    assert filled(line, "a1", "a2", "a3", "a4") == ["in", "in", "waiting", "refused"]
    assert (line.held, line.waiting) == (2, 1)


def test_without_a_queue_nobody_waits() -> None:
    line = Line(1, 0)
    assert filled(line, "a1", "b1") == ["in", "refused"]
    assert line.leave("a1") == []
    assert filled(line, "b1") == ["in"]


def test_calls_of_one_key_keep_their_order() -> None:
    line = Line(1, 10)
    filled(line, "a1", "a2", "a3", "a4")
    assert order(line, "a1") == ["a1", "a2", "a3", "a4"]
    assert (line.held, line.waiting) == (0, 0)


def test_keys_take_turns() -> None:
    line = Line(1, 10)
    filled(line, "a1", "a2", "a3", "a4", "b1", "c1", "b2")
    assert order(line, "a1") == ["a1", "a2", "b1", "c1", "a3", "b2", "a4"]


def test_a_key_that_fills_the_queue_makes_room_for_others() -> None:
    line = Line(1, 3)
    assert filled(line, "a1", "a2", "a3", "a4", "a5") == ["in", "waiting", "waiting", "waiting", "refused"]
    assert line.enter("b1", "b") == Entry("waiting", "a4")
    assert line.enter("b2", "b") == Entry("refused")
    assert line.enter("c1", "c") == Entry("waiting", "a3")
    assert line.enter("d1", "d") == Entry("refused")
    assert order(line, "a1") == ["a1", "a2", "b1", "c1"]


def test_whoever_gives_up_leaves_room() -> None:
    line = Line(1, 2)
    filled(line, "a1", "a2", "b1")
    line.give_up("a2")
    line.give_up("a2")
    assert filled(line, "c1", "c2") == ["waiting", "refused"]
    assert order(line, "a1") == ["a1", "b1", "c1"]


def test_a_place_is_given_back_once() -> None:
    line = Line(1, 2)
    filled(line, "a1", "a2", "a3")
    assert line.leave("a1") == ["a2"]
    assert line.leave("a1") == ()
    line.give_up("a2")
    assert (line.held, line.waiting) == (1, 1)
