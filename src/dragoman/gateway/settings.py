"""Where the configuration comes from: flag > environment > `.env` > file > defaults.

Together with the vault this is the one place that reads the environment.
"""

import os
import re
import shutil
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from dragoman.config import Config, Layer, Loaded, Tree, parse
from dragoman.errors import ConfigError
from dragoman.policy.keys import ADMIN_KEY_MIN_CHARS

FILE: Final = "dragoman.toml"
PREFIX: Final = "DRAGOMAN_"
ADMIN_KEY: Final = "DRAGOMAN_ADMIN_KEY"
AGENTS: Final = ("claude", "codex", "gemini")
"""Command-line agents that are served where they are installed, as `NAME/model`."""
_LINE: Final = re.compile(r"(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=\s*(.*)")


@dataclass(frozen=True)
class Settings:
    """The sources of one process; `load` reads them all anew, as a reload does."""

    environ: Mapping[str, str]
    path: Path | None = None
    flags: Tree = field(default_factory=dict)
    base: Layer | None = None
    """A layer below all others, which also stands for the file: the demo's."""
    cwd: Path = field(default_factory=Path)

    @classmethod
    def from_process(cls, path: str | None = None, flags: Tree | None = None, base: Layer | None = None) -> "Settings":
        """The settings of this process, `.env` of the working directory included."""
        cwd = Path.cwd()
        environ = {**read_dotenv(cwd / ".env"), **os.environ}  # noqa: TID251 - the environment's home
        return cls(environ, Path(path) if path else None, flags or {}, base, cwd)

    def load(self) -> Loaded:
        """Raises `ConfigError`."""
        layers = [self.base] if self.base is not None else [self._file()]
        if self.base is None and not layers[0].values:
            layers = [discover(self.environ)]
        layers += [from_environ(self.environ), Layer("flag", self.flags)]
        return parse(layers)

    @property
    def admin_key(self) -> str | None:
        """The operator's own key, if set. Raises `ConfigError` if it is too short to be one."""
        value = self.environ.get(ADMIN_KEY)
        if not value:
            return None
        if len(value) < ADMIN_KEY_MIN_CHARS:
            raise ConfigError(ADMIN_KEY, f"must have at least {ADMIN_KEY_MIN_CHARS} characters", "openssl rand -hex 32")
        return value

    @property
    def state_dir(self) -> Path:
        """Where SQLite and sealed secrets are kept by default."""
        home = self.environ.get("XDG_STATE_HOME")
        return (Path(home) if home else Path(self.environ.get("HOME", "/")) / ".local/state") / "dragoman"

    def store_url(self, config: Config) -> str:
        """Where the store is: as configured, or a SQLite file in the state directory."""
        return config.store.url or f"sqlite:///{self.state_dir / 'dragoman.db'}"

    def found(self) -> Path | None:
        """The configuration file in force, or None."""
        if self.path is not None:
            return self.path
        config_home = self.environ.get("XDG_CONFIG_HOME")
        user = (Path(config_home) if config_home else Path(self.environ.get("HOME", "/")) / ".config") / "dragoman"
        for candidate in (self.cwd / FILE, user / FILE):
            if candidate.is_file():
                return candidate
        return None

    def _file(self) -> Layer:
        path = self.found()
        if path is None:
            return Layer("default", {})
        try:
            values = tomllib.loads(path.read_text("utf-8"))
        except OSError as error:
            raise ConfigError(str(path), f"cannot be read: {error.strerror}", "dragoman config init") from None
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise ConfigError(str(path), f"is not valid TOML: {error}") from None
        return Layer(f"file {path}", values or {"server": {}})


def read_dotenv(path: Path) -> dict[str, str]:
    """`NAME=value` lines; quotes keep blanks, `#` after a blank starts a comment, nothing is expanded."""
    if not path.is_file():
        return {}
    found = {}
    for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
        line = line.strip()
        if not line or line.startswith("#"):
            continue
        match = _LINE.fullmatch(line)
        if match is None:
            raise ConfigError(f"{path.name}:{number}", "is no NAME=value line")
        found[match[1]] = _unquote(match[2].strip())
    return found


def _unquote(text: str) -> str:
    if len(text) > 1 and text[0] in "'\"":
        end = text.find(text[0], 1)
        if end > 0:
            return text[1:end]
    return re.split(r"\s#", text, maxsplit=1)[0].rstrip()


def from_environ(environ: Mapping[str, str]) -> Layer:
    """`DRAGOMAN_SERVER__PORT=9000` sets `server.port`; names without `__` are not settings."""
    values: Tree = {}
    bind = environ.get("BIND_ADDR")
    if bind:
        host, _, port = bind.rpartition(":")
        values["server"] = {"host": host.strip("[]") or "127.0.0.1", "port": port}
    for name, value in sorted(environ.items()):
        if not name.startswith(PREFIX) or "__" not in name:
            continue
        *tables, key = name[len(PREFIX) :].lower().split("__")
        below = values
        for table in tables:
            below = below.setdefault(table, {})
        below[key] = value
    return Layer("environment", values, lax=True)


def discover(environ: Mapping[str, str]) -> Layer:
    """What serves without a configuration file: providers whose keys the environment holds, and agents on PATH."""
    upstreams: Tree = {}
    models: Tree = {}
    if environ.get("OPENAI_API_KEY"):
        base = environ.get("OPENAI_BASE_URL") or "https://api.openai.com/v1"
        upstreams["openai"] = _upstream(base, "OPENAI_API_KEY")
        models |= {pattern: "openai" for pattern in ("gpt-*", "o*", "chatgpt-*", "text-embedding-*")}
    if environ.get("ANTHROPIC_API_KEY"):
        base = environ.get("ANTHROPIC_BASE_URL") or "https://api.anthropic.com"
        if not urlsplit(base).path.strip("/"):
            base = base.rstrip("/") + "/v1"
        upstreams["anthropic"] = _upstream(base, "ANTHROPIC_API_KEY")
        models["claude-*"] = "anthropic"
    for name in AGENTS:
        if shutil.which(name, path=environ.get("PATH", "")):
            upstreams[name] = {"command": name}
    return Layer("discovered", {"upstreams": upstreams, "models": models})


def _upstream(base_url: str, variable: str) -> dict[str, Any]:
    return {"base_url": base_url.rstrip("/"), "credential": f"bearer env:{variable}", "direct": True}


Load = Callable[[], Loaded]
