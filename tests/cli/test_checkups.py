import socket
import sqlite3
from pathlib import Path
from typing import Any

import httpx2

from dragoman.cli import checkups
from dragoman.config import Config, ServerConfig, StoreConfig
from dragoman.gateway.clock import SystemClock
from dragoman.gateway.settings import Settings
from dragoman.ports import Checkup
from dragoman.stores.database import Database
from dragoman.stores.schema import SCHEMA_VERSION, VERSION_TABLE
from tests.cli.program import Program
from tests.support.live import running


def look(home: Path, url: str = "") -> dict[str, Checkup]:
    rows = checkups.look_at_store(Settings({"HOME": str(home)}), Config(store=StoreConfig(url=url)))
    return {row.name: row for row in rows}


def make_store(home: Path) -> Path:
    settings = Settings({"HOME": str(home)})
    Database.open(settings.store_url(Config()), now=SystemClock().now).close()
    return settings.state_dir / "dragoman.db"


def test_this_machine_is_fit() -> None:
    assert checkups.look_at_python().ok
    assert " now, " in checkups.look_at_descriptors().detail


def test_nothing_is_made_where_nothing_was(tmp_path: Path) -> None:
    rows = look(tmp_path)
    assert [row.ok for row in rows.values()] == [True, True]
    assert "first start" in rows["store"].detail and not list(tmp_path.iterdir())


def test_a_store_that_is_up_to_date_is_well(tmp_path: Path) -> None:
    make_store(tmp_path)
    rows = look(tmp_path)
    assert list(rows) == ["state directory", "store", "schema"] and all(row.ok for row in rows.values())
    assert rows["schema"].data == {"found": SCHEMA_VERSION, "known": SCHEMA_VERSION}


def test_what_others_can_read_is_found_with_the_command_that_mends_it(tmp_path: Path) -> None:
    store = make_store(tmp_path)
    store.chmod(0o644)
    assert not look(tmp_path)["store"].ok and look(tmp_path)["store"].fix == f"chmod 600 {store}"
    store.parent.chmod(0o755)
    row = look(tmp_path)["state directory"]
    assert not row.ok and row.fix == f"chmod 700 {store.parent}"


def test_a_directory_of_the_operators_own_may_have_its_own_mode(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    assert look(tmp_path, f"sqlite:///{tmp_path / 'x.db'}")["state directory"].ok


def test_a_file_where_the_directory_should_be_is_found(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("", "utf-8")
    assert not look(tmp_path, f"sqlite:///{tmp_path / 'x' / 'y.db'}")["state directory"].ok


def test_a_damaged_store_is_found(tmp_path: Path) -> None:
    store = tmp_path / "x.db"
    store.write_bytes(b"nonsense " * 1000)
    store.chmod(0o600)
    row = look(tmp_path, f"sqlite:///{store}")["store"]
    assert not row.ok and "not a database" in row.detail
    assert store.read_bytes() == b"nonsense " * 1000


def test_a_schema_that_is_newer_or_older_is_told_and_not_changed(tmp_path: Path) -> None:
    store = make_store(tmp_path)
    for version, ok in (("9999", False), ("0000", True)):
        with sqlite3.connect(store) as connection:
            connection.execute(f"UPDATE {VERSION_TABLE} SET version_num = ?", (version,))  # noqa: S608
        connection.close()
        row = look(tmp_path)["schema"]
        assert row.ok is ok and version in row.detail and row.data["found"] == version


def test_a_database_server_that_is_not_there_is_found_without_its_password(tmp_path: Path) -> None:
    row = look(tmp_path, "postgresql://me:secret@127.0.0.1:9/x")["store"]
    assert not row.ok and "secret" not in row.detail and row.fix


def test_a_store_of_no_known_kind_is_found(tmp_path: Path) -> None:
    assert not look(tmp_path, "mysql://h/x")["store"].ok


def port_row(port: int) -> Checkup:
    return checkups.look_at_port(Config(server=ServerConfig(port=port)))


def test_a_free_port_is_well() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    assert port_row(port).ok and port_row(0).ok


def test_a_port_that_a_gateway_of_ours_holds_is_well(running_demo: Program) -> None:
    row = port_row(int(running_demo.url.rpartition(":")[2]))
    assert row.ok and "a gateway answers" in row.detail


def test_a_port_that_another_holds_is_not() -> None:
    with socket.socket() as taken:  # bound and deaf: whoever asks it is refused at once
        taken.bind(("127.0.0.1", 0))
        row = port_row(taken.getsockname()[1])
    assert not row.ok and "--port" in row.fix


def test_an_address_that_is_not_ours_is_found() -> None:
    row = checkups.look_at_port(Config(server=ServerConfig(host="192.0.2.1", port=1)))
    assert not row.ok and "192.0.2.1:1" in row.detail


def test_endpoints_that_are_given_a_rest_are_found_where_a_gateway_runs(tmp_path: Path) -> None:
    def change(values: dict[str, Any], mock_url: str) -> None:
        values["aliases"]["tripped"] = {"base_url": "http://127.0.0.1:1", "breaker": {"failures": 1}}

    with running(tmp_path, change) as live:
        httpx2.get(f"{live.url}/api/oagw/v1/proxy/tripped/x", headers=live.headers())
        config = Config(server=ServerConfig(port=live.port))
        known = Settings({"HOME": str(tmp_path), "DRAGOMAN_ADMIN_KEY": live.admin_key})
        rows = {row.name: row for row in checkups.look_at_breakers(known, config)}
        assert [name for name, row in rows.items() if not row.ok] == ["tripped endpoints"]
        assert rows["tripped endpoints"].detail == "127.0.0.1: breaker open"
        assert rows["mock-chat endpoints"].detail == "all 1 called"
        wrong = Settings({"HOME": str(tmp_path), "DRAGOMAN_ADMIN_KEY": "x" * 20})
        assert [row.ok for row in checkups.look_at_breakers(wrong, config)] == [False]
        assert checkups.look_at_breakers(Settings({"HOME": str(tmp_path)}), config) == []
    assert checkups.look_at_breakers(known, config) == []
