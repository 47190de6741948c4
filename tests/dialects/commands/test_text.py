"""`dragoman.dialects.commands.text`."""

from dragoman.dialects.commands.base import Run
from dragoman.dialects.commands.text import TextCli
from dragoman.turn import Failed, Sampling, Stop, Stopped, TextDelta, Tool
from tests.dialects.commands.asked import NAME, OPENED, assistant, read, refused, settings, system, turn, user
from tests.wire.cuts import every_way

TEXT = TextCli()
GIVEN = settings("text")
HELLO = turn(system("be brief"), user("hello"))


def test_it_gets_the_prompt_and_no_flag() -> None:
    invocation = TEXT.prepare(HELLO, "any", GIVEN, Run())

    assert (invocation.argv, invocation.stdin) == ((), b"System instructions:\nbe brief\n\nRequest:\nhello")
    assert TEXT.streaming("text") == "none"
    behind = TEXT.prepare(turn(user("-x")), "any", settings("text", prompt_via="argv"), Run())
    assert (behind.argv, behind.stdin) == (("--", "-x"), None)


def test_it_knows_no_sessions() -> None:
    asked = turn(user("one"), assistant("1"), user("two"))

    stdin = TEXT.prepare(asked, "", GIVEN, Run(session="0-1")).stdin
    assert stdin is not None and b"<user>\none\n</user>" in stdin


def test_what_it_cannot_be_asked_is_refused_or_told() -> None:
    assert refused(TEXT, turn(user("x"), tools=(Tool("f"),)), GIVEN) == ("unsupported_parameter", "tools")
    assert refused(TEXT, turn(user("x"), format=NAME), GIVEN) == ("unsupported_parameter", "response_format")
    losses = TEXT.prepare(turn(user("x"), sampling=Sampling(seed=1)), "", GIVEN, Run()).losses
    assert [loss.param for loss in losses] == ["seed"]


def test_all_that_it_writes_is_the_answer_once_it_has_ended() -> None:
    for parts in every_way(b" one\n\n\xc3\xa9 \xff\n"):
        reader = TEXT.reader(HELLO, GIVEN, Run(), OPENED)
        assert read(reader, parts) == [OPENED, TextDelta(" one\n\né \ufffd"), Stopped(Stop.END)]
        assert reader.done and reader.receive(b"late") == reader.exited(1, b"") == []


def test_it_fails_by_its_exit_code_by_silence_and_by_a_flood() -> None:
    def failure(data: bytes, code: int) -> str:
        reader = TEXT.reader(HELLO, settings("text", max_line=10), Run(), OPENED)
        events = read(reader, [data[:4], data[4:]], code, b"boom")
        assert isinstance(events[-1], Failed) and reader.failure is not None
        return reader.failure.message

    assert failure(b"text", 42) == "The program exited with code 42: boom"
    assert failure(b" \n", 0) == "The program ended without an answer."
    assert failure(b"x" * 11, 0) == "The program wrote more than 10 bytes."
