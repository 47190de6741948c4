import json
import os
import re
import subprocess
import sys

import pytest

from dragoman.cli.main import VERBS
from dragoman.version import __version__
from tests.cli.program import COMMAND, DEADLINE, Home

HEAVY = ("uvicorn", "aiohttp", "sqlalchemy", "starlette", "rich", "alembic", "structlog", "httpx2", "asyncio")
PROBE = f"""
import json, sys
sys.argv = ["dragoman", *sys.argv[1:]]
from dragoman.cli.main import main
code = main()
print(json.dumps([code, [name for name in {HEAVY!r} if name in sys.modules]]), file=sys.stderr)
"""


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["nonsense"], []])
def test_what_runs_no_verb_imports_none(arguments: list[str], home: Home) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROBE, *arguments], env=home.environ(), capture_output=True, text=True, timeout=DEADLINE,
        check=False,
    )  # fmt: skip
    assert json.loads(done.stderr.splitlines()[-1])[1] == []


def test_help_lists_every_verb_in_one_line_each(home: Home) -> None:
    done = home.run("--help")
    assert done.returncode == 0
    for name, (_, _, summary) in VERBS.items():
        assert re.search(rf"^  {name} +{re.escape(summary)}$", done.stdout, re.MULTILINE)


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_the_help_that_the_list_promises(verb: str, home: Home) -> None:
    done = home.run(verb, "--help")
    assert done.returncode == 0
    assert VERBS[verb][2].rstrip(".") in done.stdout


def test_the_version_is_told(home: Home) -> None:
    assert home.run("--version").stdout == f"dragoman {__version__}\n"


def test_no_verb_shows_the_help_and_is_a_usage_error(home: Home) -> None:
    done = home.run()
    assert (done.returncode, done.stdout) == (2, "")
    assert "Commands:" in done.stderr


def test_an_unknown_verb_is_a_usage_error_with_a_suggestion(home: Home) -> None:
    done = home.run("srve")
    assert done.returncode == 2
    assert done.stderr == "error: No such command 'srve'. Did you mean 'serve'?\n  hint: dragoman --help\n"


def test_an_unknown_option_names_the_verbs_help(home: Home) -> None:
    done = home.run("keys", "create", "x", "--modle", "y")
    assert done.returncode == 2
    assert "--model" in done.stderr and "hint: dragoman keys create --help" in done.stderr


def test_a_setting_that_cannot_stand_is_named_with_a_way_out(home: Home) -> None:
    done = home.run("routes", DRAGOMAN_SERVER__PROT="1")
    assert done.returncode == 2
    assert done.stderr == "error: server.prot: unknown key\n  hint: did you mean 'port'?\n"


def test_a_reader_that_goes_away_is_no_error_message(home: Home) -> None:
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run([*COMMAND, "config", "schema"], env=home.environ(), stdout=write, stderr=subprocess.PIPE,
                          timeout=DEADLINE, check=False)  # fmt: skip
    os.close(write)
    assert (done.returncode, done.stderr) == (1, b"")


def test_the_shell_completes_verbs_without_importing_them(home: Home) -> None:
    done = home.run(_DRAGOMAN_COMPLETE="bash_complete", COMP_WORDS="dragoman ke", COMP_CWORD="1")
    assert done.stdout == "plain,keys\n"
