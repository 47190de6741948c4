"""Whether a start would take the configuration, for `dragoman config check`. Opens no connection and no store."""

from dragoman.cli.output import dump, say
from dragoman.gateway.compose import Composer
from dragoman.gateway.settings import Settings


def check(path: str | None, *, as_json: bool) -> None:
    """Builds all that follows from the configuration, and tells how much it is. Raises `ConfigError`."""
    settings = Settings.from_process(path)
    config = settings.load().config
    Composer(settings).build(config)
    found = settings.found()
    source = str(found) if found is not None else "no file: defaults and environment"
    counts = {
        "upstreams": len(config.upstreams) + len(config.commands),
        "models": len(config.models),
        "aliases": len(config.aliases),
    }
    if config.agents:
        counts["agents"] = len(config.agents)
    if as_json:
        dump({"ok": True, "source": source, **counts})
    else:
        say(f"ok ({source}): " + ", ".join(f"{count} {name}" for name, count in counts.items()))
