"""What is said when the answer itself goes wrong, over the mock upstreams' faults."""

from collections.abc import Iterator

import pytest

from dragoman.cli.conversation import Conversation
from dragoman.cli.output import Failure
from tests.cli.program import Home, Program, started


@pytest.fixture(scope="module")
def mock(demo_home: Home) -> Iterator[Program]:
    with started(demo_home, "mock", "--port", "0", "--profile", "instant") as program:
        assert program.url
        yield program
        assert program.stop() == 0


def ask(mock: Program, scenario: str) -> str:
    with Conversation(f"{mock.url}/scenario/{scenario}", None, "gpt-4") as conversation:
        with pytest.raises(Failure) as failure:
            conversation.ask("hi there", lambda text: None)
        return failure.value.message


@pytest.mark.parametrize(
    "scenario, said",
    [
        ("status:429", "rate_limit"),
        ("html-502", "HTTP 502"),
        ("drop", "connection to the gateway broke"),
        ("reset-after:2", "connection to the gateway broke"),
        ("cut-after:2", "connection to the gateway broke"),
        ("no-done", "the answer broke off"),
        ("error-event:2", "request"),
        ("bad-json", "the answer cannot be read"),
    ],
)
def test_every_way_an_answer_can_end_badly_has_its_sentence(scenario: str, said: str, mock: Program) -> None:
    assert said in ask(mock, scenario)


def test_a_failed_turn_leaves_the_history_as_it_was(mock: Program) -> None:
    with Conversation(mock.url, None, "gpt-4") as conversation:
        pieces: list[str] = []
        answer = conversation.ask("one", pieces.append)
        assert "".join(pieces) == answer.text == "Streaming response to: one "
        assert conversation.ask("two", pieces.append).text == "Streaming response to: two "


def test_the_first_model_listed_is_taken(mock: Program) -> None:
    with Conversation(mock.url, None) as conversation:
        assert conversation.model == "gpt-4o-mini"


def test_what_is_no_api_is_called_that(mock: Program) -> None:
    with Conversation(f"{mock.url}/weather", None) as conversation, pytest.raises(Failure):
        conversation.ask("hi", lambda text: None)
