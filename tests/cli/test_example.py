import tomllib

from dragoman.cli import example
from dragoman.config import Layer, parse


def test_the_example_is_a_configuration_with_and_without_providers() -> None:
    for environ in ({}, {"OPENAI_API_KEY": "x"}, {"OPENAI_API_KEY": "x", "ANTHROPIC_API_KEY": "y"}):
        config = parse([Layer("example", tomllib.loads(example.render(environ)))]).config
        assert len(config.upstreams) == len(environ)
        assert config.server.port == 8088


def test_an_empty_variable_switches_nothing_on() -> None:
    assert example.render({"OPENAI_API_KEY": ""}) == example.render({})
