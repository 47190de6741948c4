"""Examples run, settings parse, links lead somewhere, reference pages are what the code says."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from dragoman import config
from dragoman.config import Layer
from tests.support.live import Live

ROOT = Path(__file__).parents[2]
PAGES = sorted([ROOT / "README.md", ROOT / "SECURITY.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")])
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")


def blocks(kind: str) -> list[pytest.param]:  # type: ignore[valid-type]
    return [
        pytest.param(text, id=f"{page.relative_to(ROOT)}-{number}")
        for page in PAGES
        for number, (found, text) in enumerate(BLOCK.findall(page.read_text()), 1)
        if found == kind
    ]


@pytest.mark.parametrize("text", blocks("toml"))
def test_settings_in_the_docs_are_valid(text: str) -> None:
    config.parse([Layer("docs", tomllib.loads(text))])


@pytest.mark.parametrize("text", blocks("python"))
def test_python_in_the_docs_runs(text: str, live: Live) -> None:
    code = text.replace('"http://127.0.0.1:8088/v1"', f'"{live.url}/v1"').replace('"drg_…"', f'"{live.key}"')
    code = code.replace('"http://127.0.0.1:8088"', f'"{live.url}"')
    environ = {
        "DRAGOMAN_URL": live.url, "KEY": live.key, "DRAGOMAN_KEY": live.key, "PATH": "/usr/bin:/bin",
        "OPENAI_BASE_URL": f"{live.url}/v1", "OPENAI_API_KEY": live.key,
    }  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-c", code], env=environ, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    for target in LINK.findall(page.read_text()):
        if not target.startswith(("http://", "https://")):
            assert (page.parent / target).exists(), target


def test_the_reference_is_what_the_code_says() -> None:
    script = ROOT / "scripts/reference.py"
    done = subprocess.run([sys.executable, script, "--check"], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
