"""The report as a picture: absolute figures side by side, and the gateway as a multiple of the floor."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from bench.report import Report, Row

_FLOOR: Final = "#b8b8b0"
_GATEWAY: Final = "#2b6a8f"
_BAR: Final = "#b3402e"


def draw(report: Report, path: Path) -> None:
    """Writes a PNG. Raises `ImportError` without matplotlib."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    pyplot.rcParams.update({"font.size": 9, "axes.spines.top": False, "axes.spines.right": False})
    figure, axes = pyplot.subplots(2, 3, figsize=(20, 9), layout="constrained")
    groups: dict[str, list[Row]] = {}
    for row in report.rows:
        groups.setdefault(row.group, []).append(row)
    cpu, translated, rate, latency, footprint = groups.values()
    for axis, rows in zip(axes.flat, (cpu, translated, latency, footprint), strict=False):
        _absolute(axis, rows)
    _ratios(axes[1][1], [*cpu, *rate, *footprint])
    _ratios(axes[1][2], translated)
    figure.suptitle(
        "The gateway beside the bare floor (red: the most that is allowed)",
        fontweight="bold",
        x=0.01,
        ha="left",
        fontsize=12,
    )
    figure.supxlabel(report.notes()[0], fontsize=8, color="#555555")
    figure.savefig(path, dpi=140)
    pyplot.close(figure)


def _absolute(axis: Any, rows: Sequence[Row]) -> None:
    """Two bars to a row, with the spread over the rounds."""
    for shift, colour, name in ((-0.2, _FLOOR, "floor"), (0.2, _GATEWAY, "gateway")):
        spreads = [row.floor if name == "floor" else row.gateway for row in rows]
        places = [place + shift for place in range(len(rows))]
        values = [spread.median for spread in spreads]
        reach = [[s.median - s.least for s in spreads], [s.most - s.median for s in spreads]]
        axis.barh(places, values, 0.38, color=colour, label=name, xerr=reach, ecolor="#555555", capsize=2)
        for place, spread in zip(places, spreads, strict=True):
            axis.annotate(
                str(spread).partition(" ")[0], (max(spread.most, 0), place), (4, 0), textcoords="offset points",
                va="center", fontsize=8,
            )  # fmt: skip
    for place, row in enumerate(rows):
        _mark(axis, place, row, "value")
    axis.set_yticks(range(len(rows)), [row.title for row in rows])
    axis.invert_yaxis()
    axis.margins(x=0.15)
    axis.set_title(rows[0].group, loc="left", fontweight="bold")
    axis.legend(frameon=False, loc="best")


def _ratios(axis: Any, rows: Sequence[Row]) -> None:
    """The ratio of each row, and its bar where that is one of the ratio."""
    for place, row in enumerate(rows):
        ratio = row.ratio
        if ratio is None:
            continue
        reach = [[ratio.median - ratio.least], [ratio.most - ratio.median]]
        axis.barh(place, ratio.median, 0.5, color=_GATEWAY, xerr=reach, ecolor="#555555", capsize=2)
        axis.annotate(
            f"{ratio.median:.2f}x", (ratio.most, place), (4, 6), textcoords="offset points", va="center", fontsize=8
        )
        _mark(axis, place, row, "ratio")
    axis.axvline(1, color=_FLOOR, linewidth=1)
    axis.set_yticks(range(len(rows)), [row.title for row in rows])
    axis.invert_yaxis()
    axis.margins(x=0.15)
    axis.set_title("Gateway / floor", loc="left", fontweight="bold")


def _mark(axis: Any, place: int, row: Row, of: str) -> None:
    """The most that is allowed, where the row has a bar of that kind."""
    if row.bar is not None and row.bar.of == of:
        axis.plot([row.bar.most, row.bar.most], [place - 0.4, place + 0.4], color=_BAR, linewidth=2)
