import pytest

from dragoman.config import AgentConfig, AgentTimeouts, model_of
from dragoman.config.checks import RESERVED
from dragoman.errors import ConfigError
from dragoman.policy.routing import Route, Target, Timeouts
from tests.config.texts import fault, load

WHOLE = """
[agents.assistant]
object = "shop.agents:assistant.inner"
models = ["gpt-*"]
timeouts = { first_byte = 10, total = 60 }
rate_limit = { sustained = { rate = 5 } }
"""


def test_an_agent_as_an_operator_writes_it() -> None:
    agent = load(WHOLE).agents["assistant"]

    assert (agent.object, agent.models) == ("shop.agents:assistant.inner", ("gpt-*",))
    assert agent.timeouts.parts() == Timeouts(0.0, 10, 300, 60)
    assert agent.rate_limit is not None
    assert AgentConfig(object="a:b").timeouts == AgentTimeouts()
    assert model_of("assistant") == "agent/assistant"


@pytest.mark.parametrize(
    "text", ["", "module", "module:", ":name", "a b:c", "module:a-b", "module:a:b", "..a:b", "1a:b"]
)
def test_what_names_no_object_is_refused(text: str) -> None:
    error = fault(f"[agents.a]\nobject = '{text}'")

    assert (error.key, error.hint) == ("agents.a.object", 'object = "my_agents:assistant"')


@pytest.mark.parametrize("name", sorted(RESERVED))
def test_no_agent_has_the_name_of_a_path_of_ours(name: str) -> None:
    assert fault(f"[agents.'{name}']\nobject = 'a:b'").key == f"agents.{name}"


@pytest.mark.parametrize("name", ["A", "a b", "a/b", ".well-known", "a" * 65])
def test_any_other_name_that_is_none_is_refused(name: str) -> None:
    assert fault(f"[agents.'{name}']\nobject = 'a:b'").key == f"agents.{name}"


@pytest.mark.parametrize(
    ("line", "key"),
    [
        ("timeouts = { idle = 0 }", "agents.a.timeouts.idle"),
        ("timeouts = { connect = 1 }", "agents.a.timeouts.connect"),
        ("rate_limit = { sustained = { rate = 0 } }", "agents.a.rate_limit.sustained.rate"),
        ("modell = 'x'", "agents.a.modell"),
        ("models = 'gpt-4'", "agents.a.models"),
    ],
)
def test_a_key_that_cannot_stand_is_named(line: str, key: str) -> None:
    assert fault(f"[agents.a]\nobject = 'a:b'\n{line}").key == key


def test_a_public_name_may_stand_for_an_agent() -> None:
    routes = load("[agents.a]\nobject = 'a:b'\n[models]\nhelp = 'agent/a'").routes()
    assert routes["help"] == Route((Target("agent/a", "agent/a"),))

    with pytest.raises(ConfigError) as caught:
        load("[agents.a]\nobject = 'a:b'\n[models]\nhelp = 'agent/aa'")
    assert (caught.value.key, caught.value.hint) == ("models.help", "did you mean 'agent/a'?")
