"""`dragoman config check`: whether a start would take the configuration. Opens no connection and no store."""

import click

from dragoman.cli import options
from dragoman.cli.output import dump, say
from dragoman.gateway.compose import Composer
from dragoman.gateway.settings import Settings


@click.command()
@click.argument("file", required=False)
@options.config
@options.as_json
def check(file: str | None, path: str | None, as_json: bool) -> None:
    """Check the configuration as a start would, secrets included; exit code 2 if it cannot stand."""
    if file is not None and path is not None:
        raise click.UsageError("Name the file once: as FILE or with --config.")
    settings = Settings.from_process(file or path)
    loaded = settings.load()
    Composer(settings).build(loaded.config)
    found = settings.found()
    source = str(found) if found is not None else "no file: defaults and environment"
    counts = {
        "upstreams": len(loaded.config.upstreams),
        "models": len(loaded.config.models),
        "aliases": len(loaded.config.aliases),
    }
    if as_json:
        dump({"ok": True, "source": source, **counts})
    else:
        say(f"ok ({source}): " + ", ".join(f"{count} {name}" for name, count in counts.items()))
