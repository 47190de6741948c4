"""`dragoman routes`: what a caller may ask for, and where it goes. Opens no connection."""

import click

from dragoman.cli import options
from dragoman.cli.output import dump, note, table
from dragoman.gateway.admin import describe_routes
from dragoman.gateway.compose import Composer
from dragoman.gateway.settings import Settings


@click.command()
@options.config
@options.as_json
def routes(path: str | None, as_json: bool) -> None:
    """List every public name and where it goes.

    A model's targets are tried in turn. Exact names come before `upstream/model`, patterns last.
    """
    settings = Settings.from_process(path)
    found = describe_routes(Composer(settings).build(settings.load().config))
    if as_json:
        dump({"routes": found})
    elif not found:
        note("There are no routes: no models, no aliases. A start: dragoman config init")
    else:
        table(("kind", "name", "goes to"), [(row["kind"], row["name"], ", ".join(row["targets"])) for row in found])
