"""`dragoman.cli.programs`, with programs that are there and programs that are not."""

from pathlib import Path

import pytest

from dragoman.cli.programs import look_at_programs
from dragoman.config import CommandConfig, Config
from dragoman.ports import Checkup


def look(directory: Path, script: str | None) -> Checkup:
    if script is not None:
        program = directory / "claude"
        program.write_text(script)
        program.chmod(0o755)
    config = Config(commands={"agent": CommandConfig(command="claude")})
    (row,) = look_at_programs(config, {"PATH": str(directory)})
    return row


def test_a_program_that_is_there_tells_its_version(tmp_path: Path) -> None:
    row = look(tmp_path, "#!/bin/sh\necho 2.1.0 $1; echo more")

    assert (row.name, row.ok, row.detail) == ("agent: program", True, f"{tmp_path}/claude: 2.1.0 --version")


@pytest.mark.parametrize(
    ("script", "detail"),
    [
        (None, "'claude' is not on PATH"),
        ("#!/bin/sh\necho broken >&2; exit 3", "exited with 3: broken"),
        ("#!/no/such/interpreter\n", "cannot be started"),
    ],
)
def test_what_keeps_it_from_running_is_told(tmp_path: Path, script: str | None, detail: str) -> None:
    row = look(tmp_path, script)

    assert not row.ok
    assert detail in row.detail
    assert row.fix
