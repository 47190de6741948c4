"""The program `dragoman`: finds the verb, runs it, and turns what went wrong into a line and an exit code.

A verb's module is imported when the verb is asked for and not before, so that `--help` costs nothing.
Exit codes: 0 well, 1 failed, 2 asked or configured wrongly, 130 interrupted.
"""

import gc
import importlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import click

from dragoman.cli.output import Failure, complain
from dragoman.errors import ConfigError, GatewayError
from dragoman.version import __version__

INTERRUPTED: Final = 130  # 128 + SIGINT, as a shell has it

VERBS: Final[dict[str, tuple[str, str, str]]] = {
    "serve": ("dragoman.cli.serve", "serve", "Run the gateway."),
    "demo": ("dragoman.cli.demo", "demo", "Show in half a minute what the gateway does."),
    "mock": ("dragoman.cli.mock", "mock", "Run mock upstreams alone."),
    "chat": ("dragoman.cli.chat", "chat", "Talk to a model through a running gateway."),
    "keys": ("dragoman.cli.keys", "keys", "Create, list, revoke and rotate API keys."),
    "config": ("dragoman.cli.config", "config", "Show, check and write the configuration."),
    "routes": ("dragoman.cli.routes", "routes", "List every public name and where it goes."),
    "usage": ("dragoman.cli.usage", "usage", "Report what was called and what it used."),
    "doctor": ("dragoman.cli.doctor", "doctor", "Find what keeps the gateway from working."),
}
"""Verb -> module, attribute, help in one line."""


class Verbs(click.Group):
    """A group that lists its verbs from the table and imports the one that is run."""

    def __init__(self, **settings: object) -> None:
        super().__init__(**settings)  # type: ignore[arg-type]
        for name, (_, _, summary) in VERBS.items():
            self.add_command(click.Command(name, help=summary))

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(VERBS)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name, found, rest = super().resolve_command(ctx, args)
        return name, found if name is None else _load(name), rest


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


def _load(name: str) -> click.Command:
    module, attribute, _ = VERBS[name]
    with _light_imports():
        command = getattr(importlib.import_module(module), attribute)
    assert isinstance(command, click.Command)
    return command


@click.command(cls=Verbs, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="dragoman", message="%(prog)s %(version)s")
def dragoman() -> None:
    """One endpoint between LLM applications and everything they call."""


def main() -> int:
    """Runs the program with the arguments of this process; returns its exit code."""
    try:
        code = dragoman.main(prog_name="dragoman", standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message(), err=True)
        return error.exit_code
    except click.UsageError as error:
        program = error.ctx.command_path if error.ctx is not None else "dragoman"
        complain(error.format_message(), f"{program} --help")
        return error.exit_code
    except click.ClickException as error:
        complain(error.format_message())
        return error.exit_code
    except ConfigError as error:
        complain(f"{error.key}: {error.message}", error.hint)
        return 2
    except GatewayError as error:
        complain(error.message)
        return 1
    except Failure as error:
        complain(error.message, error.hint)
        return 1
    except (click.Abort, KeyboardInterrupt):
        return INTERRUPTED
    return code if isinstance(code, int) else 0
