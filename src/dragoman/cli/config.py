"""`dragoman config`: what is set and by whom, whether it holds, and a file to begin with."""

import importlib
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import click
import msgspec

from dragoman import config as settings_schema
from dragoman.cli import example, options
from dragoman.cli.output import Failure, align, dump, note, plain, say
from dragoman.config import Config
from dragoman.gateway.settings import FILE, Settings

_PASSWORD: Final = re.compile(r"(?<=://)([^/@:?#]*):[^/]*(?=@)|(?i:(?<=[?&]password=)[^&]*)")
_BARE: Final = re.compile(r"[A-Za-z0-9_-]+")
HIDDEN: Final = "***"


@click.group()
def config() -> None:
    """Show, check and write the configuration."""


@config.command()
@options.config
@click.option("--origin", is_flag=True, help="Tell where each value comes from.")
@options.as_json
def show(path: str | None, origin: bool, as_json: bool) -> None:
    """Show every setting in force, as lines of TOML.

    Secrets are not in the configuration, only references to them; a password in a URL is masked.
    """
    loaded = Settings.from_process(path).load()
    if as_json:
        result: dict[str, object] = {"config": _masked(plain(loaded.config))}
        dump({**result, "origins": dict(loaded.origins)} if origin else result)
        return
    lines = list(_lines(loaded.config))
    if origin:
        rows = [(f"{name} = {value}", f"# {_origin(keys, loaded.origins)}") for keys, name, value in lines]
        for line in align(rows):
            say(line)
    else:
        for _, name, value in lines:
            say(f"{name} = {value}")


@config.command()
@click.argument("file", required=False)
@options.config
@options.as_json
def check(file: str | None, path: str | None, as_json: bool) -> None:
    """Check the configuration as a start would, secrets included; exit code 2 if it cannot stand."""
    if file is not None and path is not None:
        raise click.UsageError("Name the file once: as FILE or with --config.")
    # Only here: checking imports what a start does, and showing has no use for it.
    importlib.import_module("dragoman.cli.config_check").check(file or path, as_json=as_json)


@config.command()
@options.as_json
def schema(as_json: bool) -> None:
    """Write the JSON Schema of the configuration file, for editors."""
    dump(settings_schema.schema())


@config.command()
@click.argument("path", default=FILE)
@click.option("--force", is_flag=True, help="Replace a file that exists.")
@options.as_json
def init(path: str, force: bool, as_json: bool) -> None:
    """Write an explained configuration file to begin with; default ./dragoman.toml."""
    text = example.render(Settings.from_process().environ)
    try:
        with Path(path).open("w" if force else "x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise Failure(f"{path} exists already", "--force replaces it") from None
    except OSError as error:
        raise Failure(f"{path} cannot be written: {error.strerror}", "another PATH") from None
    if as_json:
        dump({"path": path})
    else:
        say(f"Wrote {path}.")
        note(f"Next: fill in upstreams, then dragoman config check {path} and dragoman serve -c {path}")


Line = tuple[tuple[str, ...], str, str]


def _lines(config: Config) -> Iterator[Line]:
    """Keys, dotted TOML name and TOML value of every setting that has one."""
    yield from _flat(_masked(plain(config)), ())


def _flat(tree: Mapping[str, Any], at: tuple[str, ...]) -> Iterator[Line]:
    for name, value in tree.items():
        keys = (*at, name)
        if isinstance(value, dict):
            yield from _flat(value, keys)
        elif value is not None:
            # A JSON text, number, truth or list of those is the same in TOML.
            yield keys, ".".join(map(_key, keys)), msgspec.json.encode(value).decode()


def _key(name: str) -> str:
    return name if _BARE.fullmatch(name) else msgspec.json.encode(name).decode()


def _origin(keys: tuple[str, ...], origins: Mapping[str, str]) -> str:
    """Whoever set this key."""
    return origins.get(".".join(keys), "default")


def _masked(value: Any) -> Any:
    """`value` without the passwords that a URL may hold."""
    if isinstance(value, dict):
        return {name: _masked(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_masked(item) for item in value]
    return _PASSWORD.sub(_mask, value) if isinstance(value, str) else value


def _mask(match: re.Match[str]) -> str:
    return HIDDEN if match[1] is None else f"{match[1]}:{HIDDEN}"
