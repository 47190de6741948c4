from dragoman.agents.answering import Answering
from dragoman.agents.events import HandedOff, ModelAsked, RunEvent, Started, ToolFinished, ToolStarted
from dragoman.turn import CallOpened, Opened, ReasoningDelta, TextDelta


def told(*events: RunEvent) -> list[object]:
    answering = Answering("bot")
    return [one for event in events for one in answering.take(event)]


def test_what_the_agent_does_itself_is_not_told() -> None:
    answering = Answering("bot")
    opened = answering.take(Started("run_1", "bot"))
    assert isinstance(opened[0], Opened) and (opened[0].id, opened[0].model) == ("run_1", "bot")
    for event in (
        ModelAsked("bot", "m", 1), ToolStarted("1", "f", "{}"), ToolFinished("1", "f", "1", False, 0.1),
        HandedOff("bot", "other"),
    ):  # fmt: skip
        assert answering.take(event) == []
    assert not answering.told
    assert answering.take(CallOpened("2", "theirs")) == [CallOpened("2", "theirs")]
    assert answering.told


def test_texts_of_two_answers_are_two_paragraphs_and_nothing_is_put_before_the_first() -> None:
    first, second, third = (ModelAsked("bot", "m", number) for number in (1, 2, 3))
    assert told(first, second, TextDelta("Hi"), TextDelta("!")) == [TextDelta("Hi"), TextDelta("!")]
    assert told(first, TextDelta("One"), second, third, TextDelta("Two"), TextDelta("!")) == [
        TextDelta("One"), TextDelta("\n\n"), TextDelta("Two"), TextDelta("!"),
    ]  # fmt: skip


def test_reasoning_of_two_answers_is_of_different_parts() -> None:
    first, second = (ModelAsked("bot", "m", number) for number in (1, 2))
    thoughts = told(first, ReasoningDelta("a"), ReasoningDelta("b", part=1), second, ReasoningDelta("c"))
    assert [one.part for one in thoughts if isinstance(one, ReasoningDelta)] == [0, 1, 2]
