"""The scenarios that the reference lists against the tests that there are, and scenario 27.2."""

import json
import re
from pathlib import Path

import pytest

from tests.outbound.api import Api

ROOT = Path(__file__).parents[2]
LISTED = (ROOT / "docs/reference/outbound.md").read_text().partition("## Scenarios")[2]
ID = re.compile(r"(?:(?:TH-)?[PN]|P-EX)?[0-9]*(?:\.[0-9]+)+")
TEST = re.compile(r"^(?:async )?def (test_\w+)", re.MULTILINE)
RANGE = re.compile(r"([0-9]+)_([0-9]+)_to_\1_([0-9]+)")
EXAMPLE = re.compile(r"""\$OAGW(/[a-z]+) -d '([^']+)'""")


def rows() -> list[list[str]]:
    return [row.split("|")[1].split() for row in LISTED.splitlines() if row.startswith("| ")][1:]


HELD = [scenario for row in rows() if row[0] != "-" for scenario in row]
NOT_OFFERED = [scenario for row in rows() if row[0] == "-" for scenario in row[1:]]
TESTS = [name for path in Path(__file__).parent.glob("test_*.py") for name in TEST.findall(path.read_text())]


def in_names(scenario: str) -> re.Pattern[str]:
    """What a test's name has that is of a scenario. Those of other sections are told apart by what stands before."""
    text = scenario.lower().replace(".", "_").replace("-", "_")
    if text.startswith("th_"):
        return re.compile(f"target_host_(?:[np][0-9]_[0-9]_(?:and_)?)*{text[3:]}(?![0-9])")
    return re.compile(f"(?<!target_host)_[np]?i?{text}(?![0-9])")


def spelt_out(name: str) -> str:
    """`1_1_to_1_3` as its parts."""
    found = RANGE.search(name)
    if found is None:
        return name
    parts = [f"{found[1]}_{number}" for number in range(int(found[2]), int(found[3]) + 1)]
    return RANGE.sub("_".join(parts), name)


def test_the_list_is_whole_and_has_nothing_twice() -> None:
    assert len(HELD) > 120
    assert len({*HELD, *NOT_OFFERED}) == len(HELD) + len(NOT_OFFERED)
    assert all(ID.fullmatch(scenario) for scenario in HELD)


@pytest.mark.parametrize("scenario", HELD)
def test_every_scenario_has_its_test(scenario: str) -> None:
    pattern = in_names(scenario)
    assert any(pattern.search(spelt_out(name)) for name in TESTS), f"no test in {Path(__file__).parent} is named for it"


@pytest.mark.parametrize("scenario", ["P2.99", "20.9", "TH-P2.9", "P1.1"])
def test_a_scenario_without_a_test_would_be_found(scenario: str) -> None:
    assert not any(in_names(scenario).search(spelt_out(name)) for name in TESTS)


@pytest.mark.parametrize(("path", "body"), EXAMPLE.findall((ROOT / "docs/howto/manage-upstreams.md").read_text()))
def test_27_2_what_the_documentation_sends_is_taken(api: Api, path: str, body: str) -> None:
    given = json.loads(body)
    if path == "/upstreams":
        given["alias"] = f"as-documented-{given['alias']}"
    elif path == "/explain":
        api.upstream(f"documented-{given['alias']}")
        given["alias"] = f"documented-{given['alias']}"
    answer = api.request("POST", path, json=given)
    assert answer.status_code in (200, 201), answer.text
