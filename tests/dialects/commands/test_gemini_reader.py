"""`dragoman.dialects.commands.gemini_reader`."""

import pytest

from dragoman.dialects.commands.gemini_reader import GeminiDocumentReader, GeminiReader
from dragoman.turn import ReasoningDelta, Stop, Stopped, TextDelta, Usage, Used
from tests.dialects.commands.asked import OPENED, read, settings
from tests.dialects.commands.gemini_transcripts import (
    DOCUMENT,
    INIT,
    REFUSED,
    REPORT,
    SESSION,
    USER,
    WHOLE,
    failed,
    lines,
    result,
    said,
)
from tests.wire.cuts import every_way

USED = Used(Usage(6881, 30, 5, reasoning_tokens=9))


def reader(*, show_tools: bool = False) -> GeminiReader:
    return GeminiReader(settings(show_tools=show_tools), OPENED)


def failure(
    machine: GeminiReader | GeminiDocumentReader, data: bytes, code: int, stderr: bytes = b""
) -> tuple[str, str]:
    read(machine, [data], code, stderr)
    assert machine.failure is not None and machine.done
    return machine.failure.kind.code, machine.failure.message


def test_tokens_come_as_they_are_however_they_are_cut() -> None:
    for parts in every_way(lines(*WHOLE)):
        machine = reader()
        assert read(machine, parts) == [
            OPENED, TextDelta("I "), TextDelta("look."), TextDelta("\n\nIt is "), TextDelta("42 é."), USED,
            Stopped(Stop.END),
        ]  # fmt: skip
        assert (machine.facts.session, machine.facts.model) == (SESSION, "gemini-2.5-flash")


def test_whole_messages_stand_apart() -> None:
    data = lines(INIT, said("one", delta=False), said("two", delta=False), result())

    assert read(reader(), [data])[1:3] == [TextDelta("one"), TextDelta("\n\ntwo")]


def test_its_tools_are_shown_where_that_is_wanted() -> None:
    events = read(reader(show_tools=True), [lines(*WHOLE)])

    assert [event.text for event in events if isinstance(event, ReasoningDelta)] == [
        '[read_file {"path": "x.txt"}]\n', "[42]\n",
    ]  # fmt: skip


def test_a_warning_is_no_failure() -> None:
    machine = reader()
    warning = {"type": "error", "severity": "warning", "message": "Loop detected"}

    assert read(machine, [lines(INIT, warning, said("x"), result())])[-1] == Stopped(Stop.END)
    assert machine.facts.warnings == ["Loop detected"]


@pytest.mark.parametrize(
    ("message", "exit_code", "code", "told"),
    [
        (f"[API Error: {REFUSED}]", 145, "credential_refused", "API key not valid."),
        ("[API Error: Too many]", 173, "rate_limit_exceeded", "[API Error: Too many]"),
        ("[API Error: down]", 247, "link_unavailable", "[API Error: down]"),
        ("no key", 41, "credential_refused", "no key"),
        ("what?", 42, "invalid_request", "what?"),
        ("odd", 1, "execution_failed", "odd"),
        (f"[API Error: {REFUSED}]", 0, "credential_refused", "API key not valid."),
    ],
)
def test_an_exit_code_is_the_providers_status(message: str, exit_code: int, code: str, told: str) -> None:
    assert failure(reader(), lines(INIT, USER, failed(message)), exit_code) == (code, told)


def test_an_error_is_told_once_the_program_has_ended() -> None:
    machine = reader()

    assert machine.receive(lines(INIT, failed("no"))) == [] and not machine.done


def test_an_exit_without_output_is_told_by_its_code() -> None:
    assert failure(reader(), b"", 145) == ("credential_refused", "The program exited with code 145.")
    assert failure(reader(), lines(INIT, said("half")), 0)[1] == "The program ended before its answer was complete."
    assert read(reader(), [lines(INIT, said("half"))], 53)[-1] == Stopped(Stop.LENGTH)
    assert failure(reader(), lines(INIT), 53)[0] == "execution_failed"


def test_a_document_is_read_at_its_end() -> None:
    for parts in every_way(b"Loaded cached credentials.\n" + DOCUMENT + b"\n"):
        machine = GeminiDocumentReader(settings("json"), OPENED)
        assert read(machine, parts) == [
            OPENED, TextDelta("It is 42."), Used(Usage(6849, 30, 5, reasoning_tokens=9)), Stopped(Stop.END),
        ]  # fmt: skip
        assert machine.facts.session == SESSION


@pytest.mark.parametrize("text", [b"plain text", b"{not json", b"{}]\nplain"])
def test_a_document_that_is_none_is_plain_text(text: bytes) -> None:
    machine = GeminiDocumentReader(settings("json"), OPENED)

    assert read(machine, [text])[1:] == [TextDelta(text.decode()), Stopped(Stop.END)]


def test_a_document_that_failed_is_beside_the_output() -> None:
    machine = GeminiDocumentReader(settings("json"), OPENED)
    stderr = f"Error when talking to Gemini API\n  at x {{\n  status: 401\n}}\n{REPORT}\n".encode()

    assert failure(machine, b"", 145, stderr) == ("credential_refused", "API key not valid.")
    inside = GeminiDocumentReader(settings("json"), OPENED)
    assert failure(inside, REPORT.encode(), 0) == ("credential_refused", "API key not valid.")
    silent = GeminiDocumentReader(settings("json"), OPENED)
    assert failure(silent, b"", 145) == ("credential_refused", "The program exited with code 145.")
