import json
from collections.abc import Iterator

import httpx2
import pytest

from dragoman.cli.usage import ledger_row
from dragoman.ports import LedgerRow, Reservation, Settlement
from dragoman.turn import Usage
from tests.cli.program import Home, started

ADMIN_KEY = "an-admin-key-for-tests"


@pytest.fixture(scope="module")
def used(demo_home: Home) -> Iterator[tuple[Home, str]]:
    """A home whose ledger has two calls of a key and a failed one of the operator, with the key's id."""
    with started(demo_home, "mock", "--port", "0", "--profile", "instant") as mock:
        (demo_home.path / "dragoman.toml").write_text(
            f'[upstreams.m]\nbase_url = "{mock.url}/v1"\n[models]\n"gpt-*" = "m"\n', "utf-8"
        )
        made = json.loads(demo_home.run("keys", "create", "app", "--json").stdout)
        with started(demo_home, "serve", "--port", "0", DRAGOMAN_ADMIN_KEY=ADMIN_KEY) as program:
            with httpx2.Client(base_url=f"{program.url}/v1", trust_env=False) as client:
                for token, text in ((made["token"], "hello"), (made["token"], "hello"), (ADMIN_KEY, "error")):
                    body = {"model": "gpt-4", "messages": [{"role": "user", "content": text}]}
                    client.post("/chat/completions", json=body, headers={"Authorization": f"Bearer {token}"})
            assert program.stop() == 0
        assert mock.stop() == 0
    yield demo_home, made["key"]["id"]


def test_totals_are_by_key_and_name(used: tuple[Home, str]) -> None:
    header, *rows = used[0].run("usage").stdout.splitlines()
    assert header.split(maxsplit=4)[:4] == ["key", "name", "calls", "failed"]
    found = {tuple(row.split()[:4]) for row in rows}
    assert found == {("app", "gpt-4", "2", "0"), ("env-admin", "gpt-4", "1", "1")}


def test_json_has_the_numbers(used: tuple[Home, str]) -> None:
    home, key_id = used
    (total,) = json.loads(home.run("usage", "--json", "--since", "1h", "--key", key_id).stdout)["usage"]
    assert (total["calls"], total["failed"], total["name"]) == (2, 0, "gpt-4")
    assert total["input_tokens"] > 0 and total["output_tokens"] > 0


def test_rows_are_the_newest_first(used: tuple[Home, str]) -> None:
    home, key_id = used
    lines = home.run("usage", "--rows", "2").stdout.splitlines()
    assert len(lines) == 3 and "upstream_429" in lines[1] and " app " in lines[2]
    rows = json.loads(home.run("usage", "--rows", "9", "--key", key_id, "--json").stdout)["rows"]
    assert [(row["state"], row["reservation"]["key_id"]) for row in rows] == [("settled", key_id)] * 2


def test_what_was_never_called_is_said(home: Home) -> None:
    for arguments in ([], ["--rows", "5"]):
        done = home.run("usage", *arguments)
        assert (done.returncode, done.stdout) == (0, "")
        assert "Nothing was called" in done.stderr


def test_an_age_of_rows_is_a_usage_error(home: Home) -> None:
    assert home.run("usage", "--rows", "5", "--since", "1h").returncode == 2
    assert home.run("usage", "--since", "yesterday").returncode == 2


def test_a_call_of_an_agent_names_it() -> None:
    call = Reservation("c", "r", "key_1", "model", "m", "up", 0.0, "assistant", "c0")
    assert ledger_row(LedgerRow(call, "open"), {"key_1": "mine"})[3:6] == ("mine", "assistant", "m")


def test_an_estimate_is_marked() -> None:
    call = Reservation("c", "r", "key_1", "model", "m", "up", 0.0)
    done = Settlement("c", "settled", 200, 1.0, 5, None, "up", "m", Usage(7, 8, estimated=True), "")
    assert ledger_row(LedgerRow(call, "settled", done), {})[9:11] == ("~7", "~8")
