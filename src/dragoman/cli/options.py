"""Options that several verbs share, and how a length of time is written."""

import re
from typing import Final

import click

_UNITS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_DURATION: Final = re.compile(r"([0-9]{1,9})([smhdw])")

config = click.option(
    "-c", "--config", "path", metavar="FILE", help="Configuration file; default ./dragoman.toml, then the user's."
)
as_json = click.option("--json", "as_json", is_flag=True, help="Write JSON.")


class Duration(click.ParamType[float]):
    """A length of time such as `90s`, `15m`, `24h`, `7d` or `2w`, in seconds."""

    name = "duration"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> float:
        match = _DURATION.fullmatch(str(value))
        if match is None:
            self.fail(f"{value!r} is no length of time; write 90s, 15m, 24h, 7d or 2w", param, ctx)
        return float(int(match[1]) * _UNITS[match[2]])
