import pytest

from dragoman.cli.table import draw
from tests.cli.program import Home, on_terminal


def test_cells_are_text_and_never_markup(capsys: pytest.CaptureFixture[str]) -> None:
    draw(("name", "what"), [("[red]x[/red]", "[link=http://h]y")])
    out = capsys.readouterr().out
    assert "[red]x[/red]" in out and "[link=http://h]y" in out


def test_a_terminal_gets_a_drawn_table(home: Home) -> None:
    with on_terminal(home, "routes", OPENAI_API_KEY="sk-x") as terminal:
        assert terminal.wait() == 0
        assert "─" in terminal.text and "gpt-*" in terminal.text
