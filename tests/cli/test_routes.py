import json

from tests.cli.program import Home


def test_the_routes_of_the_environment_are_listed_without_a_start(home: Home) -> None:
    done = home.run("routes", OPENAI_API_KEY="sk-x")
    assert done.returncode == 0
    header, *rows = done.stdout.splitlines()
    assert header.split(maxsplit=2) == ["kind", "name", "goes to"]
    assert {tuple(row.split()) for row in rows} == {
        ("model", "gpt-*", "openai/"),
        ("model", "o*", "openai/"),
        ("model", "chatgpt-*", "openai/"),
        ("model", "text-embedding-*", "openai/"),
        ("direct", "openai/*", "openai/*"),
    }
    assert not home.state.exists()


def test_json_lists_targets_in_the_order_they_are_tried(home: Home) -> None:
    (home.path / "dragoman.toml").write_text(
        '[upstreams.a]\nbase_url = "http://127.0.0.1:9/v1"\n'
        '[upstreams.b]\nbase_url = "http://127.0.0.1:9/v1"\n'
        '[models]\nfast = { upstream = "a", model = "m", fallback = ["b/n"] }\n'
        '[aliases.x]\nupstream = "b"\n',
        "utf-8",
    )
    assert json.loads(home.run("routes", "--json").stdout) == {
        "routes": [
            {"kind": "model", "name": "fast", "targets": ["a/m", "b/n"]},
            {"kind": "alias", "name": "x", "targets": ["b"], "tenant": "default"},
        ]
    }


def test_nothing_to_list_says_where_to_begin(home: Home) -> None:
    done = home.run("routes")
    assert (done.returncode, done.stdout) == (0, "")
    assert "config init" in done.stderr
