"""The program `dragoman`: finds the verb, runs it, and turns what went wrong into a line and an exit code.

A verb's module is imported when the verb is asked for and not before, so that `--help` costs nothing.
Exit codes: 0 well, 1 failed, 2 asked or configured wrongly, 130 interrupted.
"""

from typing import Final

import click

from dragoman.cli.lazy import LazyGroup, Verb
from dragoman.cli.output import Failure, complain
from dragoman.errors import ConfigError, GatewayError
from dragoman.version import __version__

INTERRUPTED: Final = 130  # 128 + SIGINT, as a shell has it

VERBS: Final[dict[str, Verb]] = {
    "serve": ("dragoman.cli.serve", "serve", "Run the gateway."),
    "demo": ("dragoman.cli.demo", "demo", "Show in half a minute what the gateway does."),
    "mock": ("dragoman.cli.mock", "mock", "Run mock upstreams alone."),
    "chat": ("dragoman.cli.chat", "chat", "Talk to a model through a running gateway."),
    "convert": ("dragoman.cli.convert", "convert", "Translate a request, an answer or a stream."),
    "keys": ("dragoman.cli.keys", "keys", "Create, list, revoke and rotate API keys."),
    "config": ("dragoman.cli.config", "config", "Show, check and write the configuration."),
    "routes": ("dragoman.cli.routes", "routes", "List every public name and where it goes."),
    "usage": ("dragoman.cli.usage", "usage", "Report what was called and what it used."),
    "doctor": ("dragoman.cli.doctor", "doctor", "Find what keeps the gateway from working."),
}


@click.command(
    cls=LazyGroup,
    verbs=VERBS,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
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
