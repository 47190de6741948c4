"""What a profile of a command sets, and what wins over it."""

from typing import Any

import pytest

from dragoman.config import Layer, parse
from dragoman.errors import ConfigError

CLAUDE: dict[str, Any] = {"command": "claude", "profile": "claude-json"}


def of(**tables: Any) -> Any:
    return parse([Layer("file", tables)])


def test_one_line_makes_claude_code_one_careful_endpoint() -> None:
    loaded = of(upstreams={"claude": CLAUDE})
    command, server = loaded.config.commands["claude"], loaded.config.server

    assert (command.output, command.prompt_via, command.system_prompt) == ("json", "argv", "prompt")
    assert (command.max_concurrency, command.max_queue) == (1, 0)
    assert (command.models, command.default_model) == (("haiku", "sonnet", "opus"), "sonnet")
    assert (server.error_style, server.default_model) == ("flat", "sonnet")
    assert loaded.config.models == {name: f"claude/{name}" for name in command.models}
    assert loaded.config.jobs.when_busy == "refuse"
    assert loaded.origins["upstreams.claude.output"] == loaded.origins["models.haiku"] == "profile claude-json"
    assert loaded.origins["upstreams.claude.command"] == "file"


def test_what_is_written_wins() -> None:
    loaded = of(
        upstreams={"claude": {**CLAUDE, "max_queue": 5, "models": ["opus"], "default_model": "opus"}},
        server={"error_style": "openai"},
        models={"haiku": {"upstream": "claude", "model": "opus"}},
    )
    command = loaded.config.commands["claude"]
    assert (command.max_queue, command.max_concurrency, command.models) == (5, 1, ("opus",))
    assert loaded.config.server.error_style == "openai"
    assert loaded.config.models["haiku"].model == "opus"
    assert loaded.origins["models.haiku.model"] == "file"


def test_any_program_may_have_it_and_of_two_the_first_has_the_names() -> None:
    loaded = of(upstreams={"first": {**CLAUDE, "command": "/opt/claude-2"}, "second": CLAUDE})
    assert loaded.config.commands["first"].speaks == "claude-cli"
    assert loaded.config.models["haiku"] == "first/haiku"


def test_other_commands_are_left_alone() -> None:
    loaded = of(upstreams={"claude": {"command": "claude"}})
    assert (loaded.config.server.error_style, loaded.config.server.default_model) == ("openai", None)
    assert loaded.config.models == {}


@pytest.mark.parametrize("profile", ["claude-jso", 1, ["claude-json"]])
def test_a_profile_that_there_is_not_is_an_error(profile: object) -> None:
    with pytest.raises(ConfigError) as caught:
        of(upstreams={"claude": {"command": "claude", "profile": profile}})
    assert caught.value.key == "upstreams.claude.profile"
    assert "claude-json" in caught.value.hint
