"""A group of verbs whose modules are imported when they are run, and not to be listed or completed."""

import gc
import importlib
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import click

Verb = tuple[str, str, str]
"""Module, attribute, and the help in one line."""


class LazyGroup(click.Group):
    """Lists `verbs` from their table and imports the one that is run; may have commands of its own beside."""

    def __init__(self, name: str | None = None, *, verbs: Mapping[str, Verb], **settings: object) -> None:
        super().__init__(name, **settings)  # type: ignore[arg-type]
        self._verbs = verbs
        for verb, (_, _, summary) in verbs.items():
            self.add_command(click.Command(verb, help=summary))

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name, found, rest = super().resolve_command(ctx, args)
        if name is not None and name in self._verbs:
            found = _load(self._verbs[name])
        return name, found, rest


def _load(verb: Verb) -> click.Command:
    module, attribute, _ = verb
    with _light_imports():
        command = getattr(importlib.import_module(module), attribute)
    assert isinstance(command, click.Command)
    return command


@contextmanager
def _light_imports() -> Iterator[None]:
    """Imports cost less without looking for garbage among them, and without what is only taken if it is there."""
    # structlog imports rich, 0.15 s and 8 MB, to draw tracebacks that a server never draws.
    unwanted = "rich" not in sys.modules
    if unwanted:
        sys.modules["rich"] = None  # type: ignore[assignment]
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()  # modules stay for good: no collection need look at them again
        gc.enable()
        if unwanted:
            del sys.modules["rich"]
