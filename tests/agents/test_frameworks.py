"""What is told from shapes; `tests/clients/test_served.py` asks real agents of each framework."""

from typing import Any

from dragoman.agents import frameworks
from dragoman.turn import Image, Message, Text, Turn


class Agent:
    """Has the name and methods of others' agents, and is of none of their packages."""

    handoffs: tuple[Any, ...] = ()

    def run_stream_events(self) -> None: ...

    def astream(self) -> None: ...


def test_what_only_looks_like_an_agent_of_a_framework_is_none() -> None:
    assert frameworks.recognized(Agent()) is None
    assert frameworks.recognized(len) is None


def test_the_last_text_is_the_user_s() -> None:
    asked = Message("user", (Text("look: "), Image("http://x/y.png"), Text("what?")))
    turn = Turn("m", items=(Message("user", (Text("old"),)), asked, Message("assistant", (Text("a"),))))
    assert frameworks.last_text(turn) == "look: what?"
    assert frameworks.last_text(Turn("m")) == ""
