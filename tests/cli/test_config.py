import json
import stat

from tests.cli.program import Home

OPENAI = {"OPENAI_API_KEY": "sk-never-shown-1234567890"}


def test_the_example_holds_as_it_is_written(home: Home) -> None:
    done = home.run("config", "init")
    assert done.returncode == 0 and "dragoman.toml" in done.stdout
    assert home.run("config", "check").stdout == (
        f"ok ({home.path / 'dragoman.toml'}): 0 upstreams, 0 models, 0 aliases\n"
    )
    assert stat.S_ISREG((home.path / "dragoman.toml").stat().st_mode)


def test_the_example_holds_with_all_that_it_has_commented_out(home: Home) -> None:
    assert home.run("config", "init").returncode == 0
    lines = (home.path / "dragoman.toml").read_text("utf-8").splitlines()
    (home.path / "all.toml").write_text("\n".join(_settings(lines)), "utf-8")
    secrets = {"OPENAI_API_KEY": "a", "ANTHROPIC_API_KEY": "b", "GITHUB_TOKEN": "c"}
    done = home.run("config", "check", "all.toml", "--json", **secrets)
    assert done.returncode == 0, done.stderr
    assert {name: json.loads(done.stdout)[name] for name in ("upstreams", "models", "aliases")} == {
        "upstreams": 3,
        "models": 6,
        "aliases": 1,
    }


def _settings(lines: list[str]) -> list[str]:
    """Every line that is TOML once its comment mark is off, but for those that name files."""
    bare = [line.removeprefix("# ") for line in lines]
    return [line for line in bare if line.startswith("[") or (" = " in line and not line.startswith("ssl_"))]


def test_the_example_switches_on_the_providers_of_the_environment(home: Home) -> None:
    assert home.run("config", "init", "own.toml", **OPENAI).returncode == 0
    found = json.loads(home.run("config", "check", "own.toml", "--json", **OPENAI).stdout)
    assert (found["upstreams"], found["models"]) == (1, 4)
    assert "sk-never" not in (home.path / "own.toml").read_text("utf-8")


def test_an_existing_file_is_replaced_only_by_force(home: Home) -> None:
    (home.path / "dragoman.toml").write_text("mine", "utf-8")
    done = home.run("config", "init")
    assert done.returncode == 1 and "--force" in done.stderr
    assert (home.path / "dragoman.toml").read_text("utf-8") == "mine"
    assert home.run("config", "init", "--force").returncode == 0
    assert home.run("config", "init", "no/such/directory.toml").returncode == 1


def test_show_tells_where_each_value_comes_from(home: Home) -> None:
    (home.path / "dragoman.toml").write_text("[server]\nport = 1\nhost = '::1'\n", "utf-8")
    (home.path / ".env").write_text("DRAGOMAN_SERVER__PORT=2\n", "utf-8")
    lines = home.run("config", "show", "--origin").stdout.splitlines()
    assert any(line.startswith("server.port = 2 ") and line.endswith("# environment") for line in lines)
    assert any(line.startswith('server.host = "::1" ') and line.endswith("dragoman.toml") for line in lines)
    assert any(line.startswith("server.drain = 300.0 ") and line.endswith("# default") for line in lines)
    origins = json.loads(home.run("config", "show", "--origin", "--json", DRAGOMAN_SERVER__PORT="3").stdout)["origins"]
    assert origins == {"server.port": "environment", "server.host": f"file {home.path / 'dragoman.toml'}"}


def test_what_is_shown_is_a_configuration_again(home: Home) -> None:
    assert home.run("config", "init", **OPENAI).returncode == 0
    first = home.run("config", "show", **OPENAI).stdout
    (home.path / "shown.toml").write_text(first, "utf-8")
    assert home.run("config", "show", "-c", "shown.toml", **OPENAI).stdout == first


def test_show_never_shows_a_secret(home: Home) -> None:
    changes = {**OPENAI, "DRAGOMAN_STORE__URL": "postgresql://me:p@ss-1@db/x?password=p%40ss-2&sslmode=require"}
    for arguments in ([], ["--origin"], ["--json"]):
        shown = home.run("config", "show", *arguments, **changes).stdout
        assert "bearer env:OPENAI_API_KEY" in shown
        assert "postgresql://me:***@db/x?password=***&sslmode=require" in shown
        assert "never-shown" not in shown and "ss-1" not in shown and "ss-2" not in shown


def test_the_schema_is_json_schema(home: Home) -> None:
    schema = json.loads(home.run("config", "schema").stdout)
    assert "$ref" in schema and "Config" in schema["$defs"]
