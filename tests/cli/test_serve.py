import json
import re
import signal
import socket
import stat
from datetime import datetime
from typing import Any

import httpx2
import trustme

from tests.cli.program import DEADLINE, Home, Program, bash, on_terminal, started

TOKEN = re.compile(r"drg_\w{49}")
ADMIN_KEY = "an-admin-key-for-tests"
UPSTREAM = '[upstreams.u]\nbase_url = "http://127.0.0.1:9/v1"\n'


def curl_lines(program: Program) -> list[str]:
    return [line.strip() for line in program.written("stderr").splitlines() if line.startswith("  curl")]


def events(program: Program) -> list[dict[str, Any]]:
    return [json.loads(line) for line in program.written("stdout").splitlines()]


def get(url: str, path: str, token: str) -> httpx2.Response:
    with httpx2.Client(trust_env=False, timeout=DEADLINE) as client:
        return client.get(f"{url}{path}", headers={"Authorization": f"Bearer {token}"})


def test_the_demos_curl_lines_work_as_printed(running_demo: Program, demo_home: Home) -> None:
    running_demo.wait_for("dragoman chat")
    lines = [bash(line, demo_home) for line in curl_lines(running_demo)]
    stream, whole, fake, models, weather, sse, status, agent = lines
    pieces = [json.loads(line[6:]) for line in stream.splitlines() if line.startswith("data: {")]
    text = "".join(piece["choices"][0]["delta"].get("content") or "" for piece in pieces)
    assert text.strip() == "Streaming response to: Tell me about gateways" and stream.endswith("data: [DONE]\n\n")
    assert json.loads(whole)["choices"][0]["message"]["content"] == "Hello! How can I assist you today?"
    assert json.loads(fake)["model"] == "fake-claude"
    assert "Hello" in json.loads(fake)["choices"][0]["message"]["content"]
    assert {"gpt-4o-mini", "gpt-4", "gpt-3.5-turbo"} <= {model["id"] for model in json.loads(models)["data"]}
    assert json.loads(weather)["location"] == "Seattle"
    assert sse.count("data:") == 5 and "Final event" in sse
    assert json.loads(status)["registered_aliases"] == ["openai", "github", "weather", "calculator", "stream-test"]
    said = json.loads(agent)["choices"][0]["message"]["content"]
    assert "Seattle" in said and "sunny" in said


def test_the_demos_key_opens_everything(running_demo: Program, demo_key: str) -> None:
    for path in ("/metrics", "/admin/keys", "/admin/routes"):
        assert get(running_demo.url, path, demo_key).status_code == 200


def test_the_demo_heeds_its_admin_key_and_address_but_no_provider_and_no_real_store(home: Home) -> None:
    (home.path / "dragoman.toml").write_text("nonsense", "utf-8")
    store = home.path / "real.db"
    with started(
        home, "serve", "--demo", OPENAI_API_KEY="sk-real", OPENAI_BASE_URL="http://127.0.0.1:9/v1",
        DRAGOMAN_STORE__URL=f"sqlite:///{store}", DRAGOMAN_UPSTREAMS__X__BASE_URL="http://127.0.0.1:9",
        DRAGOMAN_ADMIN_KEY=ADMIN_KEY, DRAGOMAN_SERVER__PORT="0",
    ) as program:  # fmt: skip
        assert program.wait_for(TOKEN)[0] != ADMIN_KEY
        routes = get(program.url, "/admin/routes", ADMIN_KEY).json()["routes"]
        targets = [target for row in routes if row["kind"] != "alias" for target in row["targets"]]
        targets.remove("agent/assistant")
        assert {target.partition("/")[0] for target in targets} == {
            "mock-chat", "mock-responses", "mock-messages", "fake-claude",
        }  # fmt: skip
        (state,) = (home.path / "tmp").iterdir()
        assert stat.S_IMODE(state.stat().st_mode) == 0o700
        assert program.stop() == 0
    assert not list((home.path / "tmp").iterdir()) and not store.exists() and not home.state.exists()


def test_the_first_start_makes_a_key_and_shows_it_once_and_never_in_the_log(home: Home) -> None:
    with started(home, "serve", "--port", "0") as program:
        token = program.wait_for(TOKEN)[0]
        assert get(program.url, "/admin/keys", token).json()["keys"][0]["name"] == "first key"
        assert program.stop() == 0
        assert token in program.written("stderr") and token not in program.written("stdout")
    assert stat.S_IMODE(home.state.stat().st_mode) == 0o700
    with started(home, "serve", "--port", "0") as program:
        assert get(program.url, "/admin/keys", token).status_code == 200
        assert program.stop() == 0
        assert not TOKEN.search(program.text)


def test_a_start_on_a_store_that_is_up_to_date_imports_nothing_it_does_not_need(home: Home) -> None:
    home.run("keys", "create", "x")
    with started(home, "serve", "--port", "0", PYTHONPROFILEIMPORTTIME="1") as program:
        assert program.url
        assert program.stop() == 0
        imported = {line.rpartition("|")[2].strip() for line in program.written("stderr").splitlines()}
    assert "dragoman.gateway.app" in imported and "structlog" in imported
    # A package that was looked for in vain is listed without its modules.
    packages = {name.partition(".")[0] for name in imported if "." in name}
    unwanted = {"alembic", "rich", "pydantic", "openai", "anthropic", "procrastinate", "psycopg", "cryptography"}
    assert not packages & unwanted


def test_an_address_that_others_can_reach_needs_a_key_first(home: Home) -> None:
    # 127.1 stands for such an address: it is none that is known to be loopback, and still is.
    refused = home.run("serve", "--host", "127.1", "--port", "0")
    assert refused.returncode == 2
    assert "no key yet" in refused.stderr and "dragoman keys create NAME" in refused.stderr
    assert "drg_" not in refused.stderr
    assert "first key" not in home.run("keys", "list").stdout
    with started(home, "serve", "--host", "127.1", "--port", "0", DRAGOMAN_ADMIN_KEY=ADMIN_KEY) as program:
        assert program.url
        assert program.stop() == 0
    assert home.run("keys", "create", "x", "--expires", "1h").returncode == 0
    with started(home, "serve", "--host", "127.1", "--port", "0") as program:
        assert program.url
        assert program.stop() == 0


def test_an_admin_key_that_is_too_short_is_refused(home: Home) -> None:
    done = home.run("serve", "--port", "0", DRAGOMAN_ADMIN_KEY="short")
    assert done.returncode == 2
    assert "DRAGOMAN_ADMIN_KEY" in done.stderr and "16" in done.stderr
    assert not home.state.exists()


def test_a_port_in_use_is_named_in_one_line(home: Home) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = home.run("serve", "--port", str(port))
    assert done.returncode == 1
    first, second = done.stderr.splitlines()
    assert first == f"error: cannot listen on 127.0.0.1:{port}: the port is in use"
    assert "--port" in second
    assert not home.state.exists()


def test_a_store_that_another_gateway_owns_is_named(home: Home) -> None:
    with started(home, "serve", "--port", "0") as program:
        assert program.url
        done = home.run("serve", "--port", "0")
        assert done.returncode == 2 and "in use" in done.stderr
        assert program.stop() == 0


def test_a_configuration_file_of_its_own_is_no_part_of_a_demo(home: Home) -> None:
    assert home.run("serve", "--demo", "-c", "x.toml").returncode == 2


def test_a_certificate_that_cannot_be_loaded_is_a_configuration_error(home: Home) -> None:
    (home.path / "bad.pem").write_text("nonsense", "utf-8")
    names = {"DRAGOMAN_SERVER__SSL_CERT": "bad.pem", "DRAGOMAN_SERVER__SSL_KEY": "absent.pem"}
    done = home.run("serve", "--port", "0", **names)
    assert done.returncode == 2
    assert done.stderr.startswith("error: server.ssl_cert: cannot be loaded")


def test_with_a_certificate_it_speaks_tls(home: Home) -> None:
    authority, issued = trustme.CA(), home.path / "server.pem"
    authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(str(issued))
    authority.cert_pem.write_to_path(str(home.path / "ca.pem"))
    names = {"DRAGOMAN_SERVER__SSL_CERT": str(issued), "DRAGOMAN_SERVER__SSL_KEY": str(issued)}
    with started(home, "serve", "--demo", "--port", "0", **names) as program:
        assert program.url.startswith("https://")
        assert '"healthy"' in bash(f"curl -sS --cacert ca.pem {program.url}/health", home)
        assert program.stop() == 0


def test_the_log_is_json_with_iso_times_where_nobody_watches(running_demo: Program, demo_key: str) -> None:
    assert get(running_demo.url, "/api/oagw/v1/proxy/github/users/octocat", demo_key).status_code == 200
    running_demo.wait_for(r'"name":"github"')
    for event in events(running_demo):
        assert datetime.fromisoformat(event["timestamp"]).tzinfo is not None
        assert event["level"] and event["event"]
    (call,) = (event for event in events(running_demo) if event.get("name") == "github")
    assert (call["status"], call["source"], call["family"]) == (200, "upstream", "proxy")
    assert demo_key not in running_demo.written("stdout")


def test_without_upstreams_it_starts_and_says_what_to_do(home: Home) -> None:
    with started(home, "serve", "--port", "0") as program:
        hint = program.wait_for(r'"event":"no upstreams".*"hint":"([^"]*)"')[1]
        assert "--demo" in hint and "config init" in hint and "OPENAI_API_KEY" in hint
        assert program.stop() == 0
    with started(home, "serve", "--port", "0", "--log-format", "console") as program:
        program.wait_for(r"no upstream yet[^$]*serve --demo[^$]*config init[^$]*OPENAI_API_KEY")
        assert program.stop() == 0


def test_sighup_takes_up_a_changed_file_or_keeps_what_was(home: Home) -> None:
    file = home.path / "dragoman.toml"
    file.write_text(UPSTREAM + '[models]\na = "u/a"\n', "utf-8")
    with started(home, "serve", "--port", "0", DRAGOMAN_ADMIN_KEY=ADMIN_KEY) as program:
        url = program.url
        assert get(url, "/admin/keys", ADMIN_KEY).json() == {"keys": []}
        file.write_text(UPSTREAM + '[models]\nb = "u/b"\n[server]\nport = 9\n', "utf-8")
        program.send(signal.SIGHUP)
        # The port is the flag's, whatever the file says, so nothing waits for a restart.
        assert program.wait_for(r'"event":"configuration reloaded","needs_restart":(\[.*?\])')[1] == "[]"
        assert [row["name"] for row in get(url, "/admin/routes", ADMIN_KEY).json()["routes"]] == ["b"]
        file.write_text('[models]\nb = "nowhere"\n', "utf-8")
        program.send(signal.SIGHUP)
        assert program.wait_for(r'"event":"configuration kept","setting":"([^"]*)"')[1] == "models.b"
        assert [row["name"] for row in get(url, "/admin/routes", ADMIN_KEY).json()["routes"]] == ["b"]
        assert program.stop() == 0


def test_sigterm_lets_a_stream_finish(home: Home) -> None:
    with started(home, "serve", "--demo", "--port", "0") as program, httpx2.Client(trust_env=False) as client:
        key = program.wait_for(TOKEN)[0]
        body = {"model": "gpt-4", "stream": True, "messages": [{"role": "user", "content": "word " * 20}]}
        url, headers = f"{program.url}/v1/chat/completions", {"Authorization": f"Bearer {key}"}
        with client.stream("POST", url, json=body, headers=headers, timeout=DEADLINE) as response:
            pieces = response.iter_bytes()
            received = next(pieces)
            program.send(signal.SIGTERM)
            received += b"".join(pieces)
        assert received.count(b"word") == 20 and received.endswith(b"data: [DONE]\n\n")
        assert program.wait() == 0
        assert events(program)[-1]["event"] == "stopped"


def test_few_file_descriptors_are_a_warning(home: Home) -> None:
    limited = ("bash", "-c", 'ulimit -n 1000; exec "$@"', "bash")
    with started(home, "serve", "--demo", "--port", "0", wrapper=limited) as program:
        assert program.wait_for(r'"event":"few file descriptors","limit":(\d+)')[1] == "1000"
        assert program.stop() == 0


def test_on_a_terminal_calls_are_short_lines_and_ctrl_c_stops_it(home: Home) -> None:
    with on_terminal(home, "serve", "--demo", "--port", "0", NO_COLOR="1") as terminal:
        key = terminal.wait_for(TOKEN)[0]
        assert get(terminal.url, "/api/oagw/v1/proxy/weather/current", key).status_code == 200
        assert get(terminal.url, "/api/oagw/v1/proxy/weather/nothing", key).status_code == 404
        terminal.wait_for(r"\d\d:\d\d:\d\d  200  proxy        weather -> \S*weather +\d+ ms\n")
        terminal.wait_for(r"404  proxy        weather -> \S*weather +\d+ ms  upstream_404  req_\w+\n")
        assert "\x1b[" not in terminal.text
        terminal.type("\x03")
        assert terminal.wait() == 0
