"""`dragoman serve`: the gateway."""

import sys
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TextIO

import click
import structlog

from dragoman.cli import banner, launch, options, process
from dragoman.cli.output import coloured, note
from dragoman.config import LogConfig, Tree
from dragoman.gateway import logs
from dragoman.gateway.settings import Settings
from dragoman.version import __version__

_log = structlog.get_logger("dragoman")


@click.command()
@options.config
@click.option("--demo", is_flag=True, help="Mock upstreams only, throw-away state, a fresh key.")
@click.option("--host", help="Address to listen on; default 127.0.0.1.")
@click.option("--port", type=click.IntRange(0, 65535), help="Port to listen on, 0 for a free one; default 8088.")
@click.option("--log-format", type=click.Choice(["auto", "json", "console"]), help="auto: by whether stdout is a TTY.")
def serve(path: str | None, demo: bool, host: str | None, port: int | None, log_format: str | None) -> None:
    """Run the gateway.

    Without a configuration file it serves the providers whose API keys are in the environment. SIGHUP
    reloads the configuration; SIGTERM lets calls under way finish.
    """
    if demo and path is not None:
        raise click.UsageError("--demo has its own configuration: leave out --config.")
    given = flags(host, port, log_format)
    if not demo:
        process.run(_serve(Settings.from_process(path, given)))
        return
    with TemporaryDirectory(prefix="dragoman-demo-") as state:
        process.run(_serve_demo(Path(state), given))


def flags(host: str | None, port: int | None, log_format: str | None) -> Tree:
    """The settings that the flags make."""
    server = {name: value for name, value in (("host", host), ("port", port)) if value is not None}
    tree: Tree = {"server": server} if server else {}
    if log_format is not None:
        tree["log"] = {"format": log_format}
    return tree


def start_log(settings: Settings, config: LogConfig, stream: TextIO) -> tuple[Callable[[bytes], None], bool]:
    """Sets up the log on a stream; gives the writer of call lines and whether people read it."""
    console = stream.isatty() if config.format == "auto" else config.format == "console"
    color = console and coloured(stream, settings.environ)
    write = logs.configure(logs.Sink(stream.fileno()), level=config.level, console=console, color=color)
    return write, console


async def _serve_demo(state: Path, given: Tree) -> None:
    async with AsyncExitStack() as stack:
        await _serve(await stack.enter_async_context(launch.demo_settings(state, given)), demo=True)


async def _serve(settings: Settings, *, demo: bool = False) -> None:
    config = settings.load().config
    write, console = start_log(settings, config.log, sys.stdout)
    descriptors = process.raise_descriptor_limit()
    gateway = launch.KeyedGateway(settings, write, fresh=demo)
    listeners = launch.bind(config.server.host, config.server.port)

    def ready(port: int) -> None:
        _announce(gateway, process.base_url(config.server, port), demo=demo, console=console)
        if descriptors < process.DESCRIPTORS:
            _log.warning("few file descriptors", limit=descriptors, hint=f"ulimit -n {process.DESCRIPTORS}")

    await launch.make_server(gateway, ready).serve(listeners)
    _log.info("stopped")


def _announce(gateway: launch.KeyedGateway, url: str, *, demo: bool, console: bool) -> None:
    """Tells that the gateway listens: people on stderr, programs in the log. The key is never in the log."""
    config, token = gateway.config, gateway.token
    idle = not config.serves_anything
    blocks: list[list[str]] = []
    if console or demo:
        blocks.append(banner.greeting(url, config, __version__))
    if idle and console:
        blocks.append(banner.nothing_to_call())
    if token is not None and demo:
        blocks += [banner.demo_key(token), banner.to_try(url, token, config)]
    elif token is not None:
        blocks.append(banner.first_key(token))
    if blocks:
        note(banner.paragraphs(*blocks))
    if not console:
        _log.info(
            "listening",
            url=url,
            version=__version__,
            upstreams=[*config.upstreams, *config.commands],
            aliases=[*config.aliases],
        )
        if idle:
            _log.warning(
                "no upstreams", hint="dragoman serve --demo, dragoman config init, or OPENAI_API_KEY in the environment"
            )
