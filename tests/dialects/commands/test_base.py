"""`dragoman.dialects.commands.base`."""

from dragoman.dialects.commands.base import MAX_WARNINGS, Facts


def test_a_flood_of_warnings_is_bounded() -> None:
    facts = Facts()

    for number in range(MAX_WARNINGS * 3):
        facts.warn(f"warning {number}")

    assert facts.warnings == [f"warning {number}" for number in range(MAX_WARNINGS)]
