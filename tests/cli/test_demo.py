import json

import httpx2

from tests.cli.program import Home, bash, on_terminal, started


def test_it_shows_a_streamed_chat_a_proxied_call_and_what_was_booked(home: Home) -> None:
    done = home.run("demo", "--port", "0")
    assert done.returncode == 0
    chat, proxy, ledger = done.stdout.partition("1. ")[2].replace("3. ", "2. ").split("\n2. ")
    assert "Streaming response to: What does a dragoman do" in chat
    assert '"location":"Seattle"' in proxy
    header, *rows = ledger.strip().splitlines()[2:]
    assert header.split()[:3] == ["time", "state", "status"]
    assert [("settled" in row, "200" in row) for row in rows] == [(True, True)] * 2
    assert "weather" in rows[0] and "gpt-4o-mini" in rows[1] and rows[1].split()[-2:] > ["0", "0"]
    assert not list((home.path / "tmp").iterdir())


def test_kept_it_runs_on_until_it_is_stopped(home: Home) -> None:
    with started(home, "demo", "--port", "0", "--keep", "--json") as program:
        seen = json.loads(program.wait_for(r"(?s)\{.*\n\}\n")[0])
        assert seen["chat"]["finish_reason"] == "stop" and seen["proxy"]["location"] == "Seattle"
        assert [row["state"] for row in seen["ledger"]] == ["settled", "settled"]
        with httpx2.Client(trust_env=False) as client:
            headers = {"Authorization": f"Bearer {seen['token']}"}
            assert client.get(f"{seen['url']}/v1/models", headers=headers).status_code == 200
        assert program.stop() == 0


def test_on_a_terminal_it_asks_whether_to_stay(home: Home) -> None:
    with on_terminal(home, "demo", "--port", "0") as terminal:
        terminal.wait_for(r"Leave it running\? \[y/N\]")
        terminal.type("y\n")
        terminal.wait_for("until Ctrl-C")
        line = terminal.wait_for(r"  (curl \S.*current\?city=Seattle\")\n")[1]
        assert "sunny" in bash(line, home)
        terminal.type("\x03")
        assert terminal.wait() == 0


def test_ctrl_c_at_the_question_ends_it(home: Home) -> None:
    with on_terminal(home, "demo", "--port", "0") as terminal:
        terminal.wait_for(r"Leave it running\? \[y/N\]")
        terminal.type("\x03")
        assert terminal.wait() == 130
    assert not list((home.path / "tmp").iterdir())


def test_ctrl_c_during_the_tour_ends_it(home: Home) -> None:
    with on_terminal(home, "demo", "--port", "0") as terminal:
        terminal.wait_for("Streaming")
        terminal.type("\x03")
        assert terminal.wait() == 130
        assert "error" not in terminal.text
