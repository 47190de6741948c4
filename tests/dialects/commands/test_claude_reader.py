"""`dragoman.dialects.commands.claude_reader`."""

import json
from typing import Any

import pytest

from dragoman.dialects.commands.base import Run
from dragoman.dialects.commands.claude_reader import ClaudeReader
from dragoman.turn import Event, Failed, ReasoningDelta, Stop, Stopped, TextDelta, Usage, Used
from tests.dialects.commands.asked import OPENED, read, settings
from tests.dialects.commands.claude_transcripts import (
    INIT,
    MESSAGES,
    NO_USAGE,
    PARTIAL,
    SESSION,
    TOOLS,
    begin,
    lines,
    refused,
    result,
    says,
    spoken,
    text,
)
from tests.wire.cuts import every_way

USED = Used(Usage(4636, 186, 100, 4528, 21, cost_usd=0.006598))
SAID = [OPENED, ReasoningDelta("I look "), ReasoningDelta("at it."), TextDelta("Good "), TextDelta("day é")]


def reader(run: Run | None = None, *, whole: bool = False, **more: object) -> ClaudeReader:
    return ClaudeReader(settings(**more), run or Run(), OPENED, whole=whole)  # type: ignore[arg-type]


def told(*values: dict[str, Any], code: int = 0) -> tuple[list[Event], ClaudeReader]:
    machine = reader()
    return read(machine, [lines(*values)], code), machine


def failure(*values: dict[str, Any], code: int = 1) -> tuple[str, int, str]:
    events, machine = told(*values, code=code)
    assert machine.failure is not None and machine.done
    assert events[-1] == Failed(machine.failure.message, machine.failure.kind.code, machine.failure.kind.type)
    return machine.failure.kind.code, machine.failure.kind.status, machine.failure.message


def test_a_text_is_told_once_however_often_it_comes_and_is_cut() -> None:
    for parts in every_way(lines(*PARTIAL)):
        assert read(reader(), parts) == [*SAID, USED, Stopped(Stop.END)]


def test_facts_of_the_run_are_kept() -> None:
    _, machine = told(*PARTIAL)

    assert (machine.facts.session, machine.facts.model) == (SESSION, "claude-haiku-4-5")
    assert machine.facts.spent == Usage(cost_usd=0.006598)


def test_messages_count_where_there_are_no_deltas() -> None:
    events, _ = told(*MESSAGES)

    assert events == [OPENED, ReasoningDelta("Hm."), TextDelta("Good day"), USED, Stopped(Stop.END)]


def test_the_result_counts_where_there_is_nothing_else() -> None:
    events, _ = told(result("Good day"))

    assert events == [OPENED, TextDelta("Good day"), USED, Stopped(Stop.END)]


def test_a_result_that_says_no_more_than_that_it_is_no_error_is_well() -> None:
    events, _ = told({"type": "result", "result": "ok", "is_error": False})

    assert (events[1], events[-1]) == (TextDelta("ok"), Stopped(Stop.END))


def test_its_own_tools_and_subagents_stay_its_own() -> None:
    events, machine = told(*TOOLS)

    assert events == [OPENED, TextDelta("I look. "), TextDelta("\n\nOne file."), USED, Stopped(Stop.END)]
    assert machine.facts.warnings == ["The tool Write was not permitted."]


def test_a_message_that_was_cut_off_goes_on_where_it_stopped() -> None:
    again = {"type": "user", "message": {"role": "user", "content": [says("Resume directly from where it stops.")]}}
    events, _ = told(INIT, begin("msg_1"), text("Good "), again, begin("msg_2"), text("day"), result("day"))

    assert events == [OPENED, TextDelta("Good "), TextDelta("day"), USED, Stopped(Stop.END)]


def test_its_own_tools_are_shown_as_reasoning_where_that_is_wanted() -> None:
    events = read(reader(show_tools=True), [lines(*TOOLS)])

    assert events[1:5] == [
        TextDelta("I look. "), ReasoningDelta('[Bash {"command": "ls"}]\n'), ReasoningDelta("[a.txt]\n"),
        TextDelta("\n\nOne file."),
    ]  # fmt: skip
    call = {"type": "tool_use", "id": "t1", "name": "mcp__dragoman__f", "input": {}}
    assert read(reader(show_tools=True), [lines(spoken(call), result("x"))])[1] == TextDelta("x")


def test_of_structured_output_the_result_alone_counts() -> None:
    given = result('{"name": "x"}', structured_output={"name": "x"}, stop_reason="tool_use")
    events = read(reader(whole=True), [lines(INIT, begin(), text("Let me see."), given)])

    assert events == [OPENED, TextDelta('{"name": "x"}'), USED, Stopped(Stop.END)]


@pytest.mark.parametrize(
    ("reason", "stop"),
    [("max_tokens", Stop.LENGTH), ("stop_sequence", Stop.STOP_SEQUENCE), ("refusal", Stop.REFUSAL), (None, Stop.END)],
)
def test_why_it_stopped(reason: str | None, stop: Stop) -> None:
    assert told(result("x", stop_reason=reason))[0][-1] == Stopped(stop)


@pytest.mark.parametrize(
    ("status", "code", "answered"),
    [
        (400, "invalid_request", 400), (401, "credential_refused", 502), (429, "rate_limit_exceeded", 429),
        (500, "link_unavailable", 503), (529, "link_unavailable", 503),
    ],
)  # fmt: skip
def test_a_providers_error_is_one_though_the_result_says_success(status: int, code: str, answered: int) -> None:
    said = f"API Error: {status} no"
    pretends = spoken({"type": "text", "text": said}, error="api_error", is_api_error_message=True)

    assert failure(INIT, pretends, refused(status, said)) == (code, answered, said)


def test_the_end_of_turns_or_budget_cuts_an_answer_and_fails_without_one() -> None:
    turns = result(None, subtype="error_max_turns", is_error=True, errors=["Reached maximum number of turns (1)"])
    model = {"inputTokens": 5, "outputTokens": 7, "cacheReadInputTokens": 2, "costUSD": 0.1}
    budget = result(None, subtype="error_max_budget_usd", is_error=True, usage=NO_USAGE, modelUsage={"m": model})

    assert told(begin(), text("So far"), turns)[0][-1] == Stopped(Stop.LENGTH)
    assert told(begin(), text("So far"), budget)[0][-2:] == [
        Used(Usage(7, 7, 2, cost_usd=0.006598)), Stopped(Stop.LENGTH),
    ]  # fmt: skip
    assert failure(INIT, turns)[1:] == (503, "The program came to the end of its turns without an answer.")
    assert failure(INIT, budget)[1:] == (503, "The program came to the end of its budget without an answer.")


def test_an_interrupted_run_has_failed_though_it_exits_with_0() -> None:
    broken = result(None, subtype="error_during_execution", is_error=True, errors=["aborted"])

    assert failure(begin(), text("half"), broken, code=0) == ("execution_failed", 503, "aborted")


def test_a_session_that_goes_on_is_charged_the_difference() -> None:
    machine = reader(Run(session=SESSION, spent=Usage(cost_usd=0.006)))
    events = read(machine, [lines(result("x", total_cost_usd=0.0064))])

    (used,) = (event.usage for event in events if isinstance(event, Used))
    assert used.cost_usd == pytest.approx(0.0004)
    assert machine.facts.spent.cost_usd == 0.0064
    anew = read(reader(Run(session=SESSION, spent=Usage(cost_usd=1.0))), [lines(result("x", total_cost_usd=0.5))])
    assert [event.usage.cost_usd for event in anew if isinstance(event, Used)] == [0.0]


def test_lines_of_other_kinds_or_shapes_are_passed_over() -> None:
    odd: list[dict[str, Any]] = [
        {"type": "rate_limit_event", "rate_limit_info": {}}, {"type": "assistant", "message": 7},
        {"type": "stream_event", "event": {"type": "ping"}}, {"type": "system", "subtype": "thinking_tokens"},
    ]  # fmt: skip
    events, machine = told(*odd, result("x"))

    assert events == [OPENED, TextDelta("x"), USED, Stopped(Stop.END)]
    assert len(machine.facts.warnings) == 1 and "'assistant'" in machine.facts.warnings[0]


def test_an_end_without_a_result_is_a_failure_and_plain_text_is_an_answer() -> None:
    assert failure(INIT, begin(), text("half"), code=0)[2] == "The program ended before its answer was complete."
    assert failure(result(""), code=0)[2] == "The program ended without an answer."
    assert failure(code=1)[2] == "The program exited with code 1."
    assert read(reader(), [b"plain non-json output"])[1:] == [TextDelta("plain non-json output"), Stopped(Stop.END)]


def test_a_line_of_a_megabyte_and_broken_utf_8_are_nothing_special() -> None:
    huge = json.dumps(result("x" * (1 << 20))).encode().replace(b"xx", b"\xff!", 1)
    (said,) = (event.text for event in read(reader(), [huge]) if isinstance(event, TextDelta))

    assert said == "\ufffd!" + "x" * ((1 << 20) - 2)
