import json
import re

import httpx2

from tests.cli.program import Home, started

TOKEN = re.compile(r"drg_\w{49}\n")


def test_a_token_is_alone_on_stdout_and_shown_once(home: Home) -> None:
    done = home.run("keys", "create", "ci", "--model", "gpt-*", "--expires", "30d")
    assert done.returncode == 0
    assert TOKEN.fullmatch(done.stdout)
    assert "models gpt-*, aliases none, good until" in done.stderr
    listed = home.run("keys", "list").stdout
    assert done.stdout.strip() not in listed and f" {done.stdout.strip()[-4:]} " in listed


def test_an_empty_store_says_how_to_make_a_key(home: Home) -> None:
    done = home.run("keys", "list")
    assert (done.returncode, done.stdout) == (0, "")
    assert "dragoman keys create" in done.stderr


def test_a_key_is_listed_rotated_and_revoked_beside_a_running_gateway(home: Home) -> None:
    with started(home, "serve", "--port", "0", DRAGOMAN_ADMIN_KEY="an-admin-key-for-tests") as program:
        with httpx2.Client(base_url=program.url, trust_env=False) as client:
            made = json.loads(home.run("keys", "create", "app", "--admin", "--json").stdout)
            assert made["key"]["admin"] and made["key"]["models"] == ["*"]
            assert _status(client, made["token"]) == 200
            turned = json.loads(home.run("keys", "rotate", made["key"]["id"], "--json").stdout)
            assert turned["key"]["admin"] and turned["token"] != made["token"]
            assert _status(client, turned["token"]) == 200
            done = home.run("keys", "revoke", turned["key"]["id"])
            assert done.returncode == 0 and turned["key"]["id"] in done.stdout
        rows = json.loads(home.run("keys", "list", "--json").stdout)["keys"]
        assert [row["id"] for row in rows] == [made["key"]["id"], turned["key"]["id"]]
        assert all(row["revoked_at"] for row in rows)
        assert home.run("keys", "list").stdout.count("revoked") == 2
        assert program.stop() == 0


def _status(client: httpx2.Client, token: str) -> int:
    return client.get("/admin/routes", headers={"Authorization": f"Bearer {token}"}).status_code


def test_a_key_that_is_not_there_cannot_be_revoked_or_rotated(home: Home) -> None:
    for verb in ("revoke", "rotate"):
        done = home.run("keys", verb, "key_none")
        assert (done.returncode, done.stdout) == (1, "")
        assert "key_none" in done.stderr


def test_a_key_is_of_a_tenant_that_the_configuration_names(home: Home) -> None:
    (home.path / "dragoman.toml").write_text("[tenants]\nshop = {}\n")
    made = json.loads(home.run("keys", "create", "x", "--tenant", "shop", "--json").stdout)
    assert made["key"]["tenant"] == "shop"
    assert json.loads(home.run("keys", "rotate", made["key"]["id"], "--json").stdout)["key"]["tenant"] == "shop"
    refused = home.run("keys", "create", "x", "--tenant", "shp")
    assert refused.returncode == 2 and "no tenant 'shp'; known are default, shop" in refused.stderr


def test_what_no_key_can_have_is_refused(home: Home) -> None:
    assert home.run("keys", "create", "x", "--admin", "--model", "gpt-4").returncode == 2
    assert home.run("keys", "create", "x", "--expires", "soon").returncode == 2
    assert home.run("keys", "create", "x", "--expires", "0d").returncode == 1


def test_a_name_cannot_steer_the_terminal_it_is_listed_on(home: Home) -> None:
    assert home.run("keys", "create", "a\x1b[2Jb").returncode == 0
    listed = home.run("keys", "list").stdout
    assert "\x1b" not in listed and "a\\x1b[2Jb" in listed


def test_the_store_of_the_configuration_is_used(home: Home) -> None:
    store = home.path / "elsewhere" / "keys.db"
    (home.path / "own.toml").write_text(f'[store]\nurl = "sqlite:///{store}"\n', "utf-8")
    assert home.run("keys", "create", "x", "-c", "own.toml").returncode == 0
    assert store.exists() and not home.state.exists()


def test_a_store_that_cannot_be_opened_is_a_configuration_error(home: Home) -> None:
    done = home.run("keys", "list", DRAGOMAN_STORE__URL="mysql://h/d")
    assert done.returncode == 2
    assert done.stderr.startswith("error: store.url: ")
