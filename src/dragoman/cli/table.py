"""Tables drawn on a terminal. Imported only when there is one to draw: see `output.table`."""

from collections.abc import Sequence

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text


def draw(columns: Sequence[str], rows: Sequence[Sequence[str]], *, aside: bool = False) -> None:
    """Draws a table, on stderr if it stands `aside`; rich itself honours NO_COLOR and the terminal's width."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    Console(stderr=aside).print(table)
