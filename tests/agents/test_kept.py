from dragoman.agents.kept import KeptSteps
from dragoman.turn import Item, Message, Text, ToolCall, ToolResult

ASKED = (Message("user", (Text("go"),)),)


def call(call_id: str, name: str = "own") -> ToolCall:
    return ToolCall(call_id, name, "{}")


def result(call_id: str, text: str = "done") -> ToolResult:
    return ToolResult(call_id, (Text(text),))


def test_what_the_caller_was_not_told_is_put_back_where_it_was() -> None:
    kept = KeptSteps()
    theirs = (call("b", "theirs"), call("c", "theirs"))
    ran: tuple[Item, ...] = (
        *ASKED, call("1"), result("1"), Message("assistant", (Text("Hm."),)),
        call("a"), *theirs, result("a"),
    )  # fmt: skip
    kept.keep("key", ASKED, ran, theirs)
    said = Message("assistant", (Text("Hm."),))
    history = (*ASKED, said, *theirs, result("c"), result("b"))
    assert kept.restore("key", history) == (
        *ASKED, said, call("1"), result("1"), call("a"), *theirs, result("a"), result("c"), result("b"),
    )  # fmt: skip
    assert kept.restore("another", history) == history
    assert kept.restore("key", (*ASKED, theirs[1])) == (*ASKED, theirs[1])
    assert kept.restore("key", (*ASKED, *theirs))[-1] == result("a")


def test_where_the_agent_did_nothing_nothing_is_kept() -> None:
    kept = KeptSteps()
    theirs = (call("b", "theirs"),)
    kept.keep("key", ASKED, (*ASKED, *theirs), theirs)
    assert kept.restore("key", theirs) == theirs


def test_the_oldest_goes_first() -> None:
    def filled(kept: KeptSteps, text: str = "") -> list[int]:
        for number in range(4):
            theirs = (call(f"t{number}", "theirs"),)
            kept.keep("key", ASKED, (*ASKED, call(f"o{number}"), *theirs, result(f"o{number}", text)), theirs)
        return [len(kept.restore("key", (call(f"t{number}"),))) for number in range(4)]

    assert filled(KeptSteps(max_entries=3)) == [1, 3, 3, 3]
    assert filled(KeptSteps(max_characters=100), "x" * 40) == [1, 1, 3, 3]
    assert filled(KeptSteps(max_characters=10), "x" * 40) == [1, 1, 1, 1]
