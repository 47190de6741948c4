"""What the rounds say: one row per measure, its bar, and whether the bar is held."""

import os
import platform
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Final, Literal

import msgspec

from bench.measure import Percentiles, Reading
from bench.phases import OPEN_STREAMS
from bench.run import DISTURBED, Round, Visit, errors, readings


class Bar(msgspec.Struct, frozen=True):
    """The most that is allowed: in the measure's unit, or as a multiple of the floor."""

    most: float
    of: Literal["value", "ratio"]

    def __str__(self) -> str:
        return f"<= {self.most:g}x" if self.of == "ratio" else f"<= {self.most:g}"


@dataclass(frozen=True)
class Measure:
    """One figure of a visit; with `less` the same figure of the bare upstream is subtracted."""

    group: str
    title: str
    read: Callable[[Visit], float]
    bar: Bar | None = None
    less: Callable[[dict[str, Reading]], float] | None = None


class Spread(msgspec.Struct, frozen=True):
    """A figure over the rounds."""

    median: float
    least: float
    most: float

    @classmethod
    def over(cls, values: Sequence[float]) -> "Spread":
        return cls(median(values), min(values), max(values))

    def __str__(self) -> str:
        if self.least == self.most:
            return _number(self.median)
        return f"{_number(self.median)} [{_number(self.least)}..{_number(self.most)}]"


class Row(msgspec.Struct, frozen=True):
    """A measure as it came out. `held` is None where there is no bar."""

    group: str
    title: str
    floor: Spread
    gateway: Spread
    ratio: Spread | None
    """None where noise was larger than what was to be measured."""
    bar: Bar | None
    held: bool | None

    @property
    def verdict(self) -> str:
        return "" if self.held is None else "held" if self.held else "MISSED"


def _cpu(phase: str) -> Callable[[Visit], float]:
    return lambda visit: visit.phases[phase].cpu_us


def _wall(group: str, title: str, phase: str, what: str, *, added: bool) -> list[Measure]:
    """Median and 99th percentile of one duration."""

    def at(q: str) -> Measure:
        def of(reading: Reading) -> float:
            spread: Percentiles = getattr(reading.load, what)
            value: float = getattr(spread, q)
            return value

        less = (lambda direct: of(direct[phase])) if added else None
        return Measure(group, f"{title}, {q}", lambda visit: of(visit.phases[phase]), less=less)

    return [at("p50"), at("p99")]


def _per_stream_kb(visit: Visit) -> float:
    footprint = visit.footprint
    return (footprint.streams.pss_kb - footprint.before_streams_kb) / OPEN_STREAMS.conns


_CPU: Final = "CPU time, µs"
_TRANSLATED: Final = "CPU time of translations, µs, beside the floor's Chat"
_CROSSINGS: Final = (("Responses", "Chat"), ("Messages", "Chat"), ("Chat", "Responses"), ("Chat", "Messages"))
_RATE: Final = "Rate, one core"
_LATENCY: Final = "Latency, µs"
_FOOTPRINT: Final = "Memory and start"

MEASURES: Final[tuple[Measure, ...]] = (
    Measure(_CPU, "chat call", _cpu("chat"), Bar(2, "ratio")),
    Measure(_CPU, "streamed event", _cpu("stream"), Bar(1.5, "ratio")),
    Measure(_CPU, "streamed event, upstream's own model name", _cpu("stream-same"), Bar(1.5, "ratio")),
    Measure(_CPU, "Responses event, passed", _cpu("responses-stream"), Bar(1.5, "ratio")),
    Measure(_CPU, "alias call", _cpu("alias"), Bar(2, "ratio")),
    Measure(_CPU, "alias streamed event", _cpu("alias-stream"), Bar(1.5, "ratio")),
    *(
        Measure(_TRANSLATED, f"{front} call over {back}", _cpu(f"{front}-over-{back}".lower()))
        for front, back in _CROSSINGS
    ),
    Measure(_TRANSLATED, "Responses call over Chat, kept", _cpu("responses-kept")),
    *(
        Measure(_TRANSLATED, f"{front} event over {back}", _cpu(f"{front}-over-{back}-stream".lower()), Bar(3, "ratio"))
        for front, back in _CROSSINGS
    ),
    Measure(_RATE, "chat calls/s, 48 connections", lambda v: v.phases["chat"].rate),
    *_wall(_LATENCY, "added to a call, 1 connection", "chat-1", "latency", added=True),
    *_wall(_LATENCY, "added to a call, 400 calls/s", "chat-paced", "latency", added=True),
    *_wall(_LATENCY, "added to first content, 1 stream", "stream-1", "first", added=True),
    *_wall(_LATENCY, "an event's way, 100 streams x 50/s", "stream", "delay", added=False),
    Measure(_FOOTPRINT, "idle, MB", lambda visit: visit.footprint.idle_kb / 1024, Bar(85, "value")),
    Measure(_FOOTPRINT, "per open stream of 1,000, KB", _per_stream_kb, Bar(40, "value")),
    Measure(_FOOTPRINT, "start to first answer, s", lambda visit: visit.footprint.ready_seconds, Bar(1.5, "value")),
)


def rows(rounds: Sequence[Round]) -> list[Row]:
    return [_row(measure, rounds) for measure in MEASURES]


def _row(measure: Measure, rounds: Sequence[Round]) -> Row:
    less = [0.0 if measure.less is None else measure.less(one.direct) for one in rounds]
    floor = [measure.read(one.floor) - base for one, base in zip(rounds, less, strict=True)]
    gateway = [measure.read(one.gateway) - base for one, base in zip(rounds, less, strict=True)]
    ours, ratio = Spread.over(gateway), None
    if min(*floor, *gateway) > 0:
        ratio = Spread.over([over / under for over, under in zip(gateway, floor, strict=True)])
    judged = ours if measure.bar is None or measure.bar.of == "value" else ratio
    held = None if measure.bar is None else judged is not None and judged.median <= measure.bar.most
    return Row(measure.group, measure.title, Spread.over(floor), ours, ratio, measure.bar, held)


class Report(msgspec.Struct, frozen=True):
    """Everything worth keeping of one run."""

    machine: dict[str, str]
    rows: list[Row]
    errors: int
    disturbance: float
    """Time spent waiting for a core, per time on it; the median of all readings."""
    rounds: list[Round]

    @classmethod
    def of(cls, rounds: Sequence[Round], *, pinned: bool) -> "Report":
        disturbance = median(reading.disturbance for reading in readings(rounds))
        return cls(machine(pinned=pinned), rows(rounds), errors(rounds), disturbance, list(rounds))

    @property
    def missed(self) -> list[Row]:
        return [row for row in self.rows if row.held is False]

    def notes(self) -> list[str]:
        """What a reader must know to judge the figures."""
        facts = ", ".join(self.machine.values())
        found = [
            f"{facts}; medians [min..max] of {len(self.rounds)} round{'s' if len(self.rounds) != 1 else ''}",
            "The floor (bench/floor.py) is uvicorn and aiohttp with the least job; the gateway runs with a stored"
            " key, the ledger on SQLite and the JSON access log.",
            "Streamed events are those with content; the upstream's model name differs from the one asked for unless"
            " the row says otherwise. Added latency is beyond the same load on the mock upstream alone.",
        ]
        if self.disturbance > DISTURBED:
            found.append(
                f"Other programs were busy: what was measured waited {self.disturbance:.0%} of its running time for a"
                " core. Trust ratios before figures, and CPU time before latency and rate."
            )
        if self.errors:
            found.append(f"{self.errors} answers were not complete: these figures are void.")
        return found


def machine(*, pinned: bool) -> dict[str, str]:
    """What the figures were measured on."""
    cores = os.cpu_count() or 1
    return {
        "cpu": _cpu_model(),
        "cores": f"{cores} core{'s' if cores != 1 else ''}{', each side pinned' if pinned else ', not pinned'}",
        "system": f"{platform.system()} {platform.release()}",
        "python": f"Python {platform.python_version()}",
    }


def _cpu_model() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


_HEAD: Final = ("", "floor", "gateway", "ratio", "bar", "")


def _cells(row: Row) -> tuple[str, ...]:
    bar = "" if row.bar is None else str(row.bar)
    return f"  {row.title}", str(row.floor), str(row.gateway), str(row.ratio or "-"), bar, row.verdict


def show(report: Report) -> None:
    """Prints the table and its notes; in colour on a terminal."""
    if sys.stdout.isatty():
        _show_rich(report)
    else:
        print(plain(report))


def plain(report: Report) -> str:
    """The table as aligned text."""
    lines: list[tuple[str, ...]] = [_HEAD]
    group = ""
    for row in report.rows:
        if row.group != group:
            group = row.group
            lines.append((group, "", "", "", "", ""))
        lines.append(_cells(row))
    widths = [max(len(line[column]) for line in lines) for column in range(len(_HEAD))]
    table = ["  ".join(map(_pad, line, widths, range(len(_HEAD)))).rstrip() for line in lines]
    return "\n".join([*table, "", *report.notes()])


def _pad(cell: str, width: int, column: int) -> str:
    return cell.rjust(width) if 0 < column < 4 else cell.ljust(width)


def _show_rich(report: Report) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    for column, name in enumerate(_HEAD):
        table.add_column(name, justify="right" if 0 < column < 4 else "left", no_wrap=True)
    group = ""
    for row in report.rows:
        if row.group != group:
            group = row.group
            table.add_row(f"[bold]{group}[/]")
        *cells, verdict = _cells(row)
        colour = {True: "green", False: "bold red", None: ""}[row.held]
        table.add_row(*(cell.replace("[", r"\[") for cell in cells), f"[{colour}]{verdict}[/]" if colour else verdict)
    console = Console()
    console.print(table)
    console.print()
    for note in report.notes():
        console.print(note, style="dim", highlight=False, markup=False)


def _number(value: float) -> str:
    size = abs(value)
    return f"{value:,.0f}" if size >= 100 else f"{value:.1f}" if size >= 10 else f"{value:.2f}"
