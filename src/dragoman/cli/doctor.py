"""`dragoman doctor`: what keeps the gateway from working, and what mends it."""

import asyncio
import sys

import click

from dragoman.cli import options
from dragoman.cli.checkups import look_at_breakers, look_at_descriptors, look_at_port, look_at_python, look_at_store
from dragoman.cli.output import coloured, dump, plain, printable, say
from dragoman.cli.programs import look_at_programs
from dragoman.cli.reachability import look_at_counters, look_at_upstreams
from dragoman.config import Config
from dragoman.errors import ConfigError
from dragoman.gateway.compose import Composer
from dragoman.gateway.settings import Settings
from dragoman.ports import Checkup


@click.command()
@options.config
@options.as_json
@click.pass_context
def doctor(context: click.Context, path: str | None, as_json: bool) -> None:
    """Find what keeps the gateway from working.

    Looks at this machine, the store, every upstream, and at what a gateway that runs here has found of its endpoints,
    each within 5 seconds; changes nothing. A row that failed says what mends it. Exit code 1 if one did.
    """
    rows = [look_at_python(), look_at_descriptors()]
    environ = {}
    try:
        settings = Settings.from_process(path)
        environ = dict(settings.environ)
        rows += _look(settings)
    except ConfigError as error:
        rows.append(Checkup("configuration", False, f"{error.key}: {error.message}", error.hint))
    well = all(row.ok for row in rows)
    if as_json:
        dump({"ok": well, "checkups": [plain(row) | {"fix": "" if row.ok else row.fix} for row in rows]})
    else:
        _show(rows, color=coloured(sys.stdout, environ))
    context.exit(0 if well else 1)


def _look(settings: Settings) -> list[Checkup]:
    config = settings.load().config
    found = settings.found()
    source = f"file {found}" if found is not None else "no file: environment and defaults"
    rows = [Checkup("configuration", True, source), _look_at_admin_key(settings), look_at_port(config)]
    rows += look_at_store(settings, config)
    rows += asyncio.run(_look_beyond(settings, config))
    rows += look_at_breakers(settings, config)
    rows += look_at_programs(config, settings.environ)
    if not config.serves_anything:
        fix = "dragoman config init, or OPENAI_API_KEY in the environment, or dragoman serve --demo"
        rows.append(Checkup("upstreams", False, "there is none, so nothing can be called", fix))
    return rows


async def _look_beyond(settings: Settings, config: Config) -> list[Checkup]:
    return [*await look_at_counters(config), *await look_at_upstreams(config, Composer(settings))]


def _look_at_admin_key(settings: Settings) -> Checkup:
    detail = "none in the environment" if settings.admin_key is None else "in the environment"
    return Checkup("admin key", True, detail)


def _show(rows: list[Checkup], *, color: bool) -> None:
    width = max(len(row.name) for row in rows)
    for row in rows:
        mark = click.style("ok  ", fg="green") if row.ok else click.style("FAIL", fg="red")
        say(f"{mark if color else click.unstyle(mark)}  {row.name.ljust(width)}  {printable(row.detail)}")
        if not row.ok and row.fix:
            say(f"{' ' * (width + 8)}fix: {printable(row.fix)}")
