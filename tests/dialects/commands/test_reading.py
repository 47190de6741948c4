"""`dragoman.dialects.commands.reading`."""

from dragoman.dialects.commands.base import Settings
from dragoman.dialects.commands.reading import LineReader, Narrator
from dragoman.turn import Event, Failed, Opened, ReasoningDelta, Stop, Stopped, TextDelta, Usage, Used

OPENED = Opened("chatcmpl-1", 7, "small")


class Shouting(LineReader):
    """Understands `say WORD`, `bye` and nothing else."""

    def _understand(self, line: str) -> bool:
        if line == "bye":
            self._stop(Stop.END)
        elif line.startswith("say "):
            self._say.text(line[4:])
        else:
            return False
        return True


def reader(max_line: int = 100) -> Shouting:
    return Shouting(Settings(upstream="agent", output="stream-json", max_line=max_line), OPENED)


def kinds(events: list[Event]) -> list[str]:
    return [type(event).__name__ for event in events]


def test_the_first_event_comes_once_and_with_the_first_word() -> None:
    machine = reader()

    assert machine.receive(b"say a\nsay b") == [OPENED, TextDelta("a")]
    assert machine.receive(b"c\n") == [TextDelta("bc")]
    assert machine.receive(b"bye\nsay more\n") == [Stopped(Stop.END)]
    assert machine.done and machine.receive(b"say more\n") == machine.exited(1, b"too late") == []


def test_messages_stand_apart_and_thoughts_do_not() -> None:
    narrator = Narrator(OPENED)
    narrator.pause()
    narrator.text("one")
    narrator.pause()
    narrator.text("")
    narrator.thought("hm")
    narrator.text("two")
    narrator.end(Stopped(Stop.LENGTH), Usage(1, 2))
    narrator.text("late")

    assert narrator.take() == [
        OPENED, TextDelta("one"), ReasoningDelta("hm"), TextDelta("\n\ntwo"), Used(Usage(1, 2)), Stopped(Stop.LENGTH),
    ]  # fmt: skip
    assert narrator.take() == []


def test_a_program_that_writes_plain_text_and_ends_well_has_answered() -> None:
    machine = reader()

    assert machine.receive(b"plain non-json\noutput") == []
    assert machine.eof() == []
    assert machine.exited(0, b"noise") == [OPENED, TextDelta("plain non-json\noutput"), Stopped(Stop.END)]


def test_an_end_without_an_end_is_a_failure() -> None:
    machine = reader()

    assert machine.receive(b"say a\n") == [OPENED, TextDelta("a")]
    (event,) = machine.exited(0, b"")
    assert event == Failed("The program ended before its answer was complete.", "execution_failed", "server_error")
    assert machine.failure is not None and machine.failure.kind.status == 503


def test_an_exit_code_is_a_failure_whatever_was_written() -> None:
    machine = reader()
    machine.receive(b"plain text\n")

    assert kinds(machine.exited(42, b"boom")) == ["Opened", "Failed"]
    assert machine.failure is not None and machine.failure.message == "The program exited with code 42: boom"


def test_an_end_without_a_word_is_a_failure() -> None:
    machine = reader()

    assert kinds(machine.receive(b"bye\n")) == ["Opened", "Failed"]
    assert machine.failure is not None and machine.failure.message == "The program ended without an answer."


def test_a_line_over_its_bound_fails_after_what_came_before_it() -> None:
    machine = reader(max_line=10)

    assert kinds(machine.receive(b"say a\n" + b"x" * 11)) == ["Opened", "TextDelta", "Failed"]
    assert machine.failure is not None and machine.failure.kind.code == "protocol_error"


def test_a_line_over_its_bound_behind_the_end_is_none_of_ours() -> None:
    machine = reader(max_line=10)

    assert kinds(machine.receive(b"say a\nbye\n" + b"x" * 11)) == ["Opened", "TextDelta", "Stopped"]
    assert machine.failure is None


def test_plain_text_is_held_up_to_a_bound() -> None:
    machine = reader(max_line=10)
    machine.receive(b"123456\n" * 1000)

    assert machine.exited(0, b"")[1] == TextDelta("123456")
