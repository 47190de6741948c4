from pathlib import Path

import pytest

from dragoman.errors import ConfigError
from dragoman.gateway.settings import Settings, discover, read_dotenv


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_flag_beats_environment_beats_file_beats_default(tmp_path: Path) -> None:
    file = write(tmp_path / "dragoman.toml", "[server]\nport = 1001\nhost = '127.0.0.2'\ndrain = 7\n")
    environ = {"DRAGOMAN_SERVER__PORT": "1002", "DRAGOMAN_SERVER__HOST": "127.0.0.3", "HOME": str(tmp_path)}
    loaded = Settings(environ, file, {"server": {"port": 1003}}, cwd=tmp_path).load()
    server = loaded.config.server
    assert (server.port, server.host, server.drain, server.head_timeout) == (1003, "127.0.0.3", 7.0, 10.0)
    assert loaded.origins == {
        "server.port": "flag",
        "server.host": "environment",
        "server.drain": f"file {file}",
    }


def test_the_file_is_found_in_the_working_then_the_user_directory(tmp_path: Path) -> None:
    here, home = tmp_path / "here", tmp_path / "home"
    here.mkdir()
    user = write(home / ".config/dragoman/dragoman.toml", "")
    settings = Settings({"HOME": str(home)}, cwd=here)
    assert settings.found() == user
    mine = write(here / "dragoman.toml", "")
    assert settings.found() == mine


def test_a_named_file_that_is_missing_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        Settings({}, tmp_path / "none.toml", cwd=tmp_path).load()


def test_bad_toml_names_the_file(tmp_path: Path) -> None:
    file = write(tmp_path / "bad.toml", "[server\n")
    with pytest.raises(ConfigError, match=r"bad\.toml: is not valid TOML"):
        Settings({}, file, cwd=tmp_path).load()


def test_a_misspelt_variable_is_an_error_with_a_suggestion(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"server\.prot.*did you mean 'port'"):
        Settings({"DRAGOMAN_SERVER__PROT": "1", "HOME": str(tmp_path)}, cwd=tmp_path).load()


def test_variables_that_name_no_table_are_left_alone(tmp_path: Path) -> None:
    environ = {"DRAGOMAN_PORT": "tcp://10.0.0.1:80", "DRAGOMAN_ADMIN_KEY": "x" * 16, "HOME": str(tmp_path)}
    assert Settings(environ, cwd=tmp_path).load().config.server.port == 8088


def test_an_empty_file_is_a_configuration_and_nothing_is_discovered(tmp_path: Path) -> None:
    file = write(tmp_path / "dragoman.toml", "")
    loaded = Settings({"OPENAI_API_KEY": "sk-x"}, file, cwd=tmp_path).load()
    assert loaded.config.upstreams == {}


def test_without_a_file_the_providers_of_the_environment_are_served(tmp_path: Path) -> None:
    environ = {"OPENAI_API_KEY": "sk-1", "ANTHROPIC_API_KEY": "sk-2", "HOME": str(tmp_path)}
    config = Settings(environ, cwd=tmp_path).load().config
    assert config.upstreams["openai"].base_url == "https://api.openai.com/v1"
    assert config.upstreams["openai"].direct and config.upstreams["anthropic"].direct
    assert config.upstreams["anthropic"].credential == "bearer env:ANTHROPIC_API_KEY"
    assert config.models["gpt-*"] == "openai" and config.models["claude-*"] == "anthropic"


def test_discovery_takes_the_base_url_and_never_the_key_itself() -> None:
    layer = discover({"OPENAI_API_KEY": "sk-very-secret", "OPENAI_BASE_URL": "http://127.0.0.1:9/v1/"})
    assert layer.values["upstreams"]["openai"]["base_url"] == "http://127.0.0.1:9/v1"
    assert "sk-very-secret" not in repr(layer)


@pytest.mark.parametrize(
    ("bind", "host", "port"),
    [("0.0.0.0:9000", "0.0.0.0", 9000), (":9001", "127.0.0.1", 9001), ("[::1]:9002", "::1", 9002)],
)
def test_bind_addr_is_understood(tmp_path: Path, bind: str, host: str, port: int) -> None:
    server = Settings({"BIND_ADDR": bind, "HOME": str(tmp_path)}, cwd=tmp_path).load().config.server
    assert (server.host, server.port) == (host, port)


def test_dotenv_keeps_blanks_in_quotes_and_drops_comments(tmp_path: Path) -> None:
    file = write(
        tmp_path / ".env",
        "# a comment\n\nPLAIN=value # why\nQUOTED=\"two words # not a comment\"\nSINGLE='$HOME'\n"
        "export EXPORTED=1\nEMPTY=\nHASH=a#b\n",
    )
    assert read_dotenv(file) == {
        "PLAIN": "value",
        "QUOTED": "two words # not a comment",
        "SINGLE": "$HOME",
        "EXPORTED": "1",
        "EMPTY": "",
        "HASH": "a#b",
    }


def test_a_broken_dotenv_names_its_line(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"\.env:2"):
        read_dotenv(write(tmp_path / ".env", "A=1\nnot a line\n"))


def test_a_short_admin_key_is_refused_and_an_empty_one_is_none() -> None:
    assert Settings({"DRAGOMAN_ADMIN_KEY": ""}).admin_key is None
    with pytest.raises(ConfigError, match="DRAGOMAN_ADMIN_KEY"):
        _ = Settings({"DRAGOMAN_ADMIN_KEY": "short"}).admin_key


def test_the_state_directory_follows_xdg() -> None:
    assert Settings({"XDG_STATE_HOME": "/s"}).state_dir == Path("/s/dragoman")
    assert Settings({"HOME": "/h"}).state_dir == Path("/h/.local/state/dragoman")


def test_discovery_takes_agents_that_are_installed(tmp_path: Path) -> None:
    program = tmp_path / "codex"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)

    assert discover({"PATH": str(tmp_path)}).values["upstreams"] == {"codex": {"command": "codex"}}
    assert discover({}).values["upstreams"] == {}
