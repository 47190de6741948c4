"""`dragoman.config.commands`."""

import pytest

from dragoman.config import CommandConfig, Layer, parse
from dragoman.config.commands import WorkspaceConfig
from tests.config.texts import fault, load

CLAUDE = '[upstreams.claude]\ncommand = "/usr/bin/claude"\n'


def test_an_upstream_with_a_command_is_of_another_kind() -> None:
    config = load(CLAUDE + 'models = ["haiku"]\ntimeouts.total = 60\n[models]\nsmall = "claude/haiku"')

    assert config.upstreams == {}
    assert config.commands["claude"].timeouts.parts().total == 60
    assert config.routes()["small"].targets[0].name == "claude/haiku"


@pytest.mark.parametrize(
    ("command", "speaks"),
    [("claude", "claude-cli"), ("/opt/bin/codex", "codex-cli"), ("gemini", "gemini-cli"), ("my-agent", "text")],
)
def test_what_it_speaks_follows_from_its_name(command: str, speaks: str) -> None:
    assert CommandConfig(command=command).speaks == speaks
    assert CommandConfig(command=command, adapter="claude-cli").speaks == "claude-cli"


def test_a_higher_layer_may_set_a_part_of_it() -> None:
    file = Layer("file", {"upstreams": {"claude": {"command": "claude"}}})
    environment = Layer("environment", {"upstreams": {"claude": {"max_queue": "0"}}}, lax=True)

    assert parse([file, environment]).config.commands["claude"].max_queue == 0


@pytest.mark.parametrize(
    ("text", "key"),
    [
        (CLAUDE + "base_url = 'https://a.com'", "upstreams.claude.base_url"),
        (CLAUDE + "max_quue = 3", "upstreams.claude.max_quue"),
        (CLAUDE + "max_queue = -1", "upstreams.claude.max_queue"),
        (CLAUDE + "output = 'text'", "upstreams.claude.output"),
        (CLAUDE + "adapter = 'gemini-cli'\ntools = true", "upstreams.claude.tools"),
        (CLAUDE + "max_concurrency = 0", "upstreams.claude.max_concurrency"),
        (CLAUDE + "timeouts.idle = 0", "upstreams.claude.timeouts.idle"),
        (CLAUDE + "output = 'yaml'", "upstreams.claude.output"),
        (CLAUDE + "workspace = { directory = '/a', repository = '/b' }", "upstreams.claude.workspace"),
        (CLAUDE + "workspace.keep = 'patch'", "upstreams.claude.workspace.keep"),
        (CLAUDE + "models = ['a']\ndefault_model = 'b'", "upstreams.claude.default_model"),
        ("[upstreams.claude]\ncommand = ' '", "upstreams.claude.command"),
        ("[upstreams.api]\ncommand = 'claude'", "upstreams.api"),
        (CLAUDE + "[aliases.x]\nupstream = 'claude'", "aliases.x.upstream"),
        (CLAUDE + "[aliases.claude]\nbase_url = 'https://a.com'", "aliases.claude"),
        (CLAUDE + "[server]\ndefault_upstream = 'claude'", "server.default_upstream"),
        ("[commands.claude]\ncommand = 'claude'", "commands"),
    ],
)
def test_what_cannot_be_is_named(text: str, key: str) -> None:
    assert fault(text).key == key


def test_its_own_tools_are_for_where_it_has_something_to_work_on() -> None:
    assert not CommandConfig(command="claude").uses_tools
    assert CommandConfig(command="claude", own_tools=True).uses_tools
    assert CommandConfig(command="claude", workspace=WorkspaceConfig(directory="/srv")).uses_tools
    assert not CommandConfig(command="claude", own_tools=False, workspace=WorkspaceConfig(directory="/srv")).uses_tools


@pytest.mark.parametrize(
    ("command", "written"),
    [("claude", "stream-json"), ("codex", "json"), ("gemini", "stream-json"), ("my-agent", "text")],
)
def test_its_output_is_read_in_the_format_that_streams(command: str, written: str) -> None:
    assert CommandConfig(command=command).written == written
    assert CommandConfig(command="claude", output="json").written == "json"
