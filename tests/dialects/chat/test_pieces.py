import pytest

from dragoman.dialects.chat.answers import CallIds, call_id
from dragoman.dialects.chat.pieces import MAX_CHECKS, PiecedCall
from dragoman.errors import WireError
from dragoman.turn import CallClosed, CallDelta, CallOpened, Event
from dragoman.wire.chat_answer import Call, Custom, Function


def piece(identity: str | None = None, name: str | None = None, arguments: str | None = None) -> Call:
    return Call(id=identity, function=Function(name, arguments))


def taken(*pieces: Call) -> PiecedCall:
    call = PiecedCall(0, CallIds("chatcmpl-1"))
    for one in pieces:
        call.take(one)
    return call


def advance(call: PiecedCall) -> list[Event]:
    out: list[Event] = []
    call.advance(out)
    return out


def close(call: PiecedCall) -> list[Event]:
    out: list[Event] = []
    call.close(out)
    return out


def test_a_call_is_opened_when_name_and_id_are_known() -> None:
    for first, second in ((piece("a", None, "{"), piece(None, "f")), (piece(None, "f", "{"), piece("a"))):
        call = taken(first)
        assert advance(call) == []
        call.take(second)
        assert advance(call) == [CallOpened("a", "f"), CallDelta("{")]
        assert advance(call) == []


def test_what_is_closed_is_whole() -> None:
    call = taken(piece("a", "f", '{"x"'))
    advance(call)
    call.take(piece(None, None, ":1}"))
    assert close(call) == [CallDelta(":1}"), CallClosed('{"x":1}')]


def test_no_arguments_are_an_empty_object_and_no_input_is_none() -> None:
    assert close(taken(piece("a", "f", ""))) == [CallOpened("a", "f"), CallClosed("{}")]
    assert close(taken(Call(id="a", custom=Custom("p", "")))) == [CallOpened("a", "p", "custom"), CallClosed("")]


def test_an_id_that_never_came_is_made_of_the_answers() -> None:
    assert close(taken(piece(None, "f", "{}")))[0] == CallOpened(call_id(0, "chatcmpl-1"), "f")


def test_an_id_that_another_call_has_is_one_of_its_own_to_the_caller_alone() -> None:
    ids = CallIds("chatcmpl-1")
    first, second = PiecedCall(0, ids), PiecedCall(1, ids)
    for call in (first, second):
        call.take(piece("a", "f", "{"))
    assert advance(first)[0] == CallOpened("a", "f")
    assert advance(second)[0] == CallOpened(call_id(1, "chatcmpl-1"), "f")
    assert second.owns(piece("a", "f", "}"))
    assert second.has("a")


def test_a_call_without_a_name_is_a_fault() -> None:
    with pytest.raises(WireError, match="without a name"):
        close(taken(piece("a", None, "{}")))


def test_whole_is_an_object_and_nothing_less() -> None:
    for text, whole in (
        ("{}", True),
        ('{"x":"}"}', True),
        ('{"x":"}', False),
        ("{", False),
        ("[]", False),
        ("7", False),
    ):
        assert taken(piece("a", "f", text)).whole() is whole
    assert not taken(piece("a", "f")).whole()
    assert not taken(Call(id="a", custom=Custom("p", "{}"))).whole()


def test_blanks_after_an_object_change_nothing() -> None:
    call = taken(piece("a", "f", "{}"))
    assert call.whole()
    call.take(piece(None, None, " \n"))
    assert call.whole()


def test_more_makes_a_call_whole_again_or_not() -> None:
    call = taken(piece("a", "f", '{"x":"}'))
    assert not call.whole()
    call.take(piece(None, None, '"}'))
    assert call.whole()
    call.take(piece(None, None, "!"))
    assert not call.whole()


def test_a_call_is_not_looked_at_without_end() -> None:
    call = taken(piece("a", "f", '{"x":"'))
    for _ in range(MAX_CHECKS):
        call.take(piece(None, None, "}"))
        assert not call.whole()
    call.take(piece(None, None, '"}'))
    assert not call.whole()
    assert close(call)[-1] == CallClosed('{"x":"' + "}" * MAX_CHECKS + '"}')


def test_what_is_said_again_is_said_once() -> None:
    call = taken(piece("a", "f", "{}"), piece("a", "f", "{}"))
    assert close(call) == [CallOpened("a", "f"), CallDelta("{}"), CallClosed("{}")]
    call.take(piece(None, None, "{}"))
    call.take(piece(None, None, " "))
    call.take(piece("a", None, None))
    with pytest.raises(WireError, match="more of a call"):
        call.take(piece(None, None, "x"))


@pytest.mark.parametrize(
    ("given", "owned"),
    [
        (piece(None, None, "x"), True),
        (piece("other", None, "x"), True),  # some servers give every piece an id of its own
        (piece("a", "f", "{}"), True),
        (piece("a", "f", '{"y":2}'), True),
        (piece("b", "f", "{}"), False),
        (piece(None, "f", "{}"), True),
        (piece(None, "f"), True),
        (piece(None, "f", '{"y":2}'), False),
        (piece(None, "g", "{}"), False),
    ],
)
def test_a_piece_of_another_call_is_told_by_id_or_name(given: Call, owned: bool) -> None:
    assert taken(piece("a", "f", "{}")).owns(given) is owned


def test_a_name_repeated_with_every_piece_is_of_the_same_call() -> None:
    call = taken(piece(None, "f", '{"x"'))
    assert call.owns(piece(None, "f", ":1}"))
    assert taken(piece("a")).owns(piece("a", "f"))
    assert taken(piece("a")).has("a")
