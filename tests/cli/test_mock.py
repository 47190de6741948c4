import json
import signal

import httpx2

from tests.cli.program import DEADLINE, Home, bash, on_terminal, started


def test_what_it_prints_works_as_printed(home: Home) -> None:
    with started(home, "mock", "--port", "0", "--token", "it's a secret") as program:
        program.wait_for("curl .*\n")
        lines = program.written("stdout").splitlines()
        exports = [line for line in lines if line.startswith("export ")]
        (curl,) = (line for line in lines if line.startswith("curl "))
        assert "Hello! How can I assist you today?" in bash(f"{curl} -sS", home)
        asked = 'curl -sS "$OPENAI_BASE_URL/models" -H "Authorization: Bearer $OPENAI_API_KEY"'
        assert "gpt-4o-mini" in bash("\n".join([*exports, asked]), home)
        with httpx2.Client(trust_env=False) as client:
            assert client.get(f"{program.url}/v1/models").status_code == 401
        assert program.stop() == 0


def test_a_scenario_and_a_pace_hold_for_every_answer(home: Home) -> None:
    with started(
        home, "mock", "--port", "0", "--scenario", "status:429", "--profile", "instant", "--seed", "7", "--json"
    ) as program:
        told = json.loads(program.wait_for(r"(?s)\{.*\}\s")[0])
        assert told == {"url": told["url"], "base_url": f"{told['url']}/v1", "token": None}
        with httpx2.Client(trust_env=False, timeout=DEADLINE) as client:
            assert client.get(f"{told['base_url']}/models").status_code == 429
            assert client.get(f"{told['url']}/health").status_code == 200
        assert program.stop(signal.SIGINT) == 0


def test_ctrl_c_stops_it_cleanly(home: Home) -> None:
    with on_terminal(home, "mock", "--port", "0") as terminal:
        port = int(terminal.url.rpartition(":")[2])
        done = home.run("mock", "--port", str(port))
        assert done.returncode == 1
        assert f"error: cannot listen on 127.0.0.1:{port}: the port is in use" in done.stderr
        terminal.type("\x03")
        assert terminal.wait() == 0


def test_a_scenario_that_is_none_lists_the_known_ones(home: Home) -> None:
    done = home.run("mock", "--scenario", "explode")
    assert done.returncode == 2
    assert "explode" in done.stderr and "cut-after" in done.stderr


def test_a_pace_that_is_none_is_a_usage_error(home: Home) -> None:
    for option, value in (("--tps", "0"), ("--tps", "nan"), ("--jitter", "2"), ("--ttft", "-1"), ("--profile", "warp")):
        assert home.run("mock", option, value).returncode == 2
