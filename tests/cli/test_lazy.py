import gc
import sys

import click
import pytest

from dragoman.cli.lazy import LazyGroup

VERBS = {"routes": ("dragoman.cli.routes", "routes", "A verb elsewhere.")}


@click.command(cls=LazyGroup, verbs=VERBS)
def group() -> None:
    """A group."""


@group.command()
def here() -> None:
    """A verb of its own."""


def test_verbs_of_both_kinds_are_listed() -> None:
    context = click.Context(group)
    assert group.list_commands(context) == ["routes", "here"]
    assert "A verb elsewhere." in group.get_help(context) and "A verb of its own." in group.get_help(context)


def test_a_verb_is_loaded_to_be_run() -> None:
    context = click.Context(group)
    name, stub, _ = click.Group.resolve_command(group, context, ["routes"])
    _, loaded, rest = group.resolve_command(context, ["routes", "--json"])
    assert name == "routes" and loaded is not stub and loaded is not None and rest == ["--json"]
    assert {parameter.name for parameter in loaded.params} == {"path", "as_json"}
    assert group.resolve_command(context, ["here"])[1] is here
    with pytest.raises(click.UsageError, match="'route'"):
        group.resolve_command(context, ["route"])


def test_loading_leaves_the_interpreter_as_it_was() -> None:
    hidden = sys.modules.get("rich")
    group.resolve_command(click.Context(group), ["routes"])
    assert gc.isenabled() and sys.modules.get("rich") is hidden
    gc.unfreeze()
