import io

import msgspec
import pytest

from dragoman.cli import output
from dragoman.cli.output import align, coloured, complain, dump, local_time, printable, table


class Screen(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_columns_are_as_wide_as_their_widest_cell() -> None:
    assert align([("a", "bb"), ("ccc", "d")]) == ["a    bb", "ccc  d"]


def test_a_table_is_plain_where_nobody_watches(capsys: pytest.CaptureFixture[str]) -> None:
    table(("x", "y"), [("1", "a\nb\x1b[31m")])
    assert capsys.readouterr().out == "x  y\n1  a\\nb\\x1b[31m\n"


def test_a_table_may_stand_aside_of_the_result(capsys: pytest.CaptureFixture[str]) -> None:
    table(("x", "y"), [("1", "2")], aside=True)
    assert capsys.readouterr() == ("", "x  y\n1  2\n")


def test_what_steers_a_terminal_is_escaped_but_for_what_is_kept() -> None:
    assert printable("é ok") == "é ok"
    assert printable("a\tb\r\n\x9b2J\u202e") == "a\\tb\\r\\n\\x9b2J\\u202e"
    assert printable("a\tb\n", keep="\n\t") == "a\tb\n"


def test_an_error_is_one_line_and_its_way_out_another(capsys: pytest.CaptureFixture[str]) -> None:
    complain("broken\nin two", "mend it")
    complain("no hint")
    assert capsys.readouterr().err == "error: broken\\nin two\n  hint: mend it\nerror: no hint\n"


def test_colours_are_for_terminals_that_want_them() -> None:
    assert coloured(Screen(), {})
    assert not coloured(io.StringIO(), {})
    assert not coloured(Screen(), {"NO_COLOR": "1"})
    assert coloured(Screen(), {"NO_COLOR": ""})
    assert not coloured(Screen(), {"TERM": "dumb"})


def test_json_is_indented_and_whole(capsys: pytest.CaptureFixture[str]) -> None:
    dump({"a": [1], "b": "é"})
    out = capsys.readouterr().out
    assert msgspec.json.decode(out) == {"a": [1], "b": "é"} and out.count("\n") > 3


def test_no_time_is_no_text() -> None:
    assert local_time(None) == ""
    assert len(local_time(0.0)) == len("1970-01-01 00:00:00")


def test_a_failure_keeps_its_way_out() -> None:
    failure = output.Failure("it broke", "mend it")
    assert (failure.message, failure.hint, str(failure)) == ("it broke", "mend it", "it broke")
