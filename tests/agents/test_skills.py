from dragoman.agents.agent import Agent
from dragoman.agents.marks import tool
from dragoman.agents.skills import Skill


class First(Skill):
    @tool
    def b(self) -> str:
        return "first b"

    @tool
    def a(self) -> str:
        return "first a"

    @property
    def c(self) -> str:
        raise AssertionError("nobody looks")


class Second(First):
    @tool(name="other_b")
    def b(self) -> str:
        return "second b"

    def a(self) -> str:
        return "no tool any more"


def test_marked_methods_come_in_the_order_in_which_they_are_written() -> None:
    assert [method() for method, _ in First().marked()] == ["first b", "first a"]


def test_a_method_that_is_written_anew_has_the_marks_it_is_given_anew() -> None:
    assert [method() for method, _ in Second().marked()] == ["second b"]
    assert list(Agent(skills=[Second()]).tools) == ["other_b"]


def test_a_skill_has_the_name_of_its_class_and_need_not_begin_or_end() -> None:
    skill = First()
    assert (skill.name, skill.initialize(Agent()), skill.close()) == ("First", None, None)
