import json

from tests.cli.program import Home, Program


def test_a_machine_without_upstreams_fails_in_that_row_alone(home: Home) -> None:
    done = home.run("doctor", DRAGOMAN_SERVER__PORT="0")
    assert done.returncode == 1
    fails = [line for line in done.stdout.splitlines() if line.startswith("FAIL")]
    assert len(fails) == 1 and "upstreams" in fails[0]
    assert "fix: dragoman config init" in done.stdout
    assert not home.state.exists()


def test_a_machine_that_is_well_is_a_success(home: Home, running_demo: Program) -> None:
    alias = {"DRAGOMAN_ALIASES__X__BASE_URL": running_demo.url, "DRAGOMAN_SERVER__PORT": "0"}
    done = home.run("doctor", "--json", **alias)
    told = json.loads(done.stdout)
    assert (done.returncode, told["ok"]) == (0, True)
    assert all(row["ok"] and row["fix"] == "" for row in told["checkups"])
    assert {"python", "file descriptors", "port", "store", "alias x connection", "clock"} <= {
        row["name"] for row in told["checkups"]
    }


def test_a_configuration_that_cannot_stand_is_a_row_and_not_the_end(home: Home) -> None:
    done = home.run("doctor", DRAGOMAN_SERVER__PROT="1")
    assert done.returncode == 1
    assert "python" in done.stdout and "server.prot: unknown key" in done.stdout
    assert "fix: did you mean 'port'?" in done.stdout
