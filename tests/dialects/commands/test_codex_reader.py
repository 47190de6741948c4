"""`dragoman.dialects.commands.codex_reader`."""

import pytest

from dragoman.dialects.commands.base import Run
from dragoman.dialects.commands.codex_reader import CodexReader
from dragoman.turn import Event, Failed, ReasoningDelta, Stop, Stopped, TextDelta, Usage, Used
from tests.dialects.commands.asked import OPENED, read, settings
from tests.dialects.commands.codex_transcripts import COMPLETED, STARTED, THREAD, WARNING, WHOLE, failed, item, lines
from tests.wire.cuts import every_way

USED = Used(Usage(6300, 67, 100, 0, 42))


def reader(run: Run | None = None, *, whole: bool = False, show_tools: bool = False) -> CodexReader:
    return CodexReader(settings("json", show_tools=show_tools), run or Run(), OPENED, whole=whole)


def failure(data: bytes, code: int = 1, stderr: bytes = b"noise") -> tuple[str, str]:
    machine = reader()
    events = read(machine, [data], code, stderr)
    assert isinstance(events[-1], Failed) and machine.failure is not None
    return machine.failure.kind.code, machine.failure.message


def test_messages_come_whole_and_apart_however_they_are_cut() -> None:
    for parts in every_way(lines(*WHOLE)):
        machine = reader()
        assert read(machine, parts) == [
            OPENED, ReasoningDelta("**Looking**\n"), TextDelta("I look."), TextDelta("\n\nOne file é."), USED,
            Stopped(Stop.END),
        ]  # fmt: skip
        assert machine.facts.session == THREAD


def test_an_item_that_warns_is_no_failure() -> None:
    machine = reader()

    assert read(machine, [lines(STARTED, WARNING, item("agent_message", text="x"), COMPLETED)])[-1] == Stopped(Stop.END)
    assert machine.facts.warnings == [WARNING["item"]["message"]] and machine.failure is None


def test_what_it_got_over_is_no_failure_either() -> None:
    data = lines(
        STARTED, {"type": "error", "message": "Reconnecting... 1/5"}, item("agent_message", text="x"), COMPLETED
    )

    assert read(reader(), [data])[-1] == Stopped(Stop.END)


def test_its_tools_are_shown_where_that_is_wanted() -> None:
    call = item("mcp_tool_call", server="docs", tool="find")
    callers = item("mcp_tool_call", server="dragoman", tool="weather")
    events = read(
        reader(show_tools=True), [lines(*WHOLE[3:-1], call, callers, item("web_search", query="q"), COMPLETED)]
    )

    assert [event.text for event in events if isinstance(event, ReasoningDelta)] == [
        "**Looking**\n", "[ls]\na.txt\n\n", "[docs find]\n", "[search: q]\n",
    ]  # fmt: skip


def test_of_structured_output_the_last_message_alone_counts() -> None:
    data = lines(STARTED, item("agent_message", text="Let me see."), item("agent_message", text="{}"), COMPLETED)

    assert read(reader(whole=True), [data]) == [OPENED, TextDelta("{}"), USED, Stopped(Stop.END)]


@pytest.mark.parametrize(
    ("said", "code", "message"),
    [
        ("unexpected status 401 Unauthorized: no, url: http://a", "credential_refused", None),
        ("exceeded retry limit, last status: 429 Too Many Requests", "rate_limit_exceeded", None),
        ("unexpected status 529 <unknown status code>: x", "link_unavailable", None),
        ('{"error":{"message":"bad","type":"invalid_request_error","code":null}}', "invalid_request", "bad"),
        ("We are experiencing high demand.", "execution_failed", None),
        ("a {broken} status of 429", "execution_failed", None),
    ],
)
def test_a_failed_turn_says_what_the_provider_said(said: str, code: str, message: str | None) -> None:
    assert failure(lines(STARTED, *failed(said))) == (code, message or said)


def test_an_end_without_a_turns_end_is_a_failure() -> None:
    assert failure(b"") == ("execution_failed", "The program exited with code 1: noise")
    assert failure(lines(STARTED, failed("last status: 429")[0])) == ("rate_limit_exceeded", "last status: 429")
    assert failure(lines(STARTED, item("agent_message", text="half")), 0)[1] == (
        "The program ended before its answer was complete."
    )
    assert failure(lines(STARTED, COMPLETED), 0)[1] == "The program ended without an answer."


def test_a_thread_that_goes_on_is_charged_the_difference() -> None:
    def used(before: Usage) -> tuple[list[Usage], Usage]:
        machine = reader(Run(session=THREAD, spent=before))
        events: list[Event] = read(machine, [lines(item("agent_message", text="x"), COMPLETED)])
        return [event.usage for event in events if isinstance(event, Used)], machine.facts.spent

    assert used(Usage(6000, 60, 100, 0, 21)) == ([Usage(300, 7, 0, 0, 21)], USED.usage)
    assert used(Usage(9000, 60)) == ([USED.usage], USED.usage)


def test_an_item_of_another_shape_is_passed_over() -> None:
    machine = reader()
    odd = lines(
        {"type": "item.completed", "item": {"type": "agent_message", "text": 7}}, item("agent_message", text="x")
    )

    assert read(machine, [odd, lines(COMPLETED)])[1] == TextDelta("x")
    assert len(machine.facts.warnings) == 1
