import click
import pytest

from dragoman.cli.options import Duration


@pytest.mark.parametrize(
    "text, seconds", [("90s", 90), ("15m", 900), ("24h", 86_400), ("7d", 604_800), ("2w", 1_209_600), ("0s", 0)]
)
def test_a_length_of_time_is_a_number_and_a_unit(text: str, seconds: float) -> None:
    assert Duration().convert(text, None, None) == seconds


@pytest.mark.parametrize(
    "text", ["", "30", "d", "1y", "-1d", "1.5h", " 1h", "1h ", "1H", "9999999999s", "forever", "１h"]
)
def test_anything_else_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(click.BadParameter, match="24h"):
        Duration().convert(text, None, None)
