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
from bench.run import DISTURBED, Footprint, Round, Visit, errors, readings

Verdict = Literal["", "held", "close", "MISSED"]
TOLERANCE: Final = 0.1
"""How far beyond its bar a ratio is no miss yet. On a busy machine the floor beside itself came out between 0.95 and
1.08 as the median of three rounds: less cannot be told from noise, and a bar that noise can miss is soon ignored."""


class Bar(msgspec.Struct, frozen=True):
    """The most that is allowed: in the measure's unit, or as a multiple of the floor."""

    most: float
    of: Literal["value", "ratio"]

    def judge(self, value: "Spread", ratio: "Spread | None") -> Verdict:
        """A ratio by its median, for noise goes both ways; a value by its least, for other programs only add to it."""
        if self.of == "value":
            return "held" if value.least <= self.most else "MISSED"
        if ratio is None or ratio.median > self.most * (1 + TOLERANCE):
            return "MISSED"
        return "held" if ratio.median <= self.most else "close"

    def __str__(self) -> str:
        return f"<= {self.most:g}x" if self.of == "ratio" else f"<= {self.most:g}"


@dataclass(frozen=True)
class Measure:
    """One figure of a visit; with `less` the same figure of the bare upstream is subtracted."""

    group: str
    title: str
    phase: str
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
    """A measure as it came out; without a bar there is no verdict."""

    group: str
    title: str
    floor: Spread
    gateway: Spread
    ratio: Spread | None
    """None where noise was larger than what was to be measured."""
    bar: Bar | None
    verdict: Verdict


def _cpu(group: str, title: str, phase: str, most: float | None = None) -> Measure:
    bar = None if most is None else Bar(most, "ratio")
    return Measure(group, title, phase, lambda visit: visit.phases[phase].cpu_us, bar)


def _footprint(title: str, read: Callable[[Footprint], float], most: float) -> Measure:
    def of(visit: Visit) -> float:
        assert visit.footprint is not None
        return read(visit.footprint)

    return Measure(_FOOTPRINT, title, OPEN_STREAMS.name, of, Bar(most, "value"))


def _wall(group: str, title: str, phase: str, what: str, *, added: bool) -> list[Measure]:
    """Median and 99th percentile of one duration."""

    def at(q: str) -> Measure:
        def of(reading: Reading) -> float:
            spread: Percentiles = getattr(reading.load, what)
            value: float = getattr(spread, q)
            return value

        less = (lambda direct: of(direct[phase])) if added else None
        return Measure(group, f"{title}, {q}", phase, lambda visit: of(visit.phases[phase]), less=less)

    return [at("p50"), at("p99")]


def _per_stream_kb(footprint: Footprint) -> float:
    return (footprint.streams.pss_kb - footprint.before_streams_kb) / OPEN_STREAMS.conns


_CPU: Final = "CPU time, µs"
_TRANSLATED: Final = "CPU time of translations, µs, beside the floor's Chat"
_CROSSINGS: Final = (("Responses", "Chat"), ("Messages", "Chat"), ("Chat", "Responses"), ("Chat", "Messages"))
_RATE: Final = "Rate, one core"
_LATENCY: Final = "Latency, µs"
_FOOTPRINT: Final = "Memory and start"

MEASURES: Final[tuple[Measure, ...]] = (
    _cpu(_CPU, "chat call", "chat", 2),
    _cpu(_CPU, "streamed event", "stream", 1.5),
    _cpu(_CPU, "streamed event, upstream's own model name", "stream-same", 1.5),
    _cpu(_CPU, "Responses event, passed", "responses-stream", 1.5),
    _cpu(_CPU, "Messages event, passed", "messages-stream", 1.5),
    _cpu(_CPU, "alias call", "alias", 2),
    _cpu(_CPU, "alias streamed event", "alias-stream", 1.5),
    *(_cpu(_TRANSLATED, f"{front} call over {back}", f"{front}-over-{back}".lower()) for front, back in _CROSSINGS),
    _cpu(_TRANSLATED, "Responses call over Chat, kept", "responses-kept"),
    *(
        _cpu(_TRANSLATED, f"{front} event over {back}", f"{front}-over-{back}-stream".lower(), 3)
        for front, back in _CROSSINGS
    ),
    _cpu(_TRANSLATED, "Responses event over Chat, kept", "responses-kept-stream", 3),
    Measure(_RATE, "chat calls/s, 48 connections", "chat", lambda visit: visit.phases["chat"].rate),
    *_wall(_LATENCY, "added to a call, 1 connection", "chat-1", "latency", added=True),
    *_wall(_LATENCY, "added to a call, 400 calls/s", "chat-paced", "latency", added=True),
    *_wall(_LATENCY, "added to first content, 1 stream", "stream-1", "first", added=True),
    *_wall(_LATENCY, "an event's way, 100 streams x 50/s", "stream", "delay", added=False),
    _footprint("idle, MB", lambda footprint: footprint.idle_kb / 1024, 85),
    _footprint("per open stream of 1,000, KB", _per_stream_kb, 40),
    _footprint("start to first answer, s", lambda footprint: footprint.ready_seconds, 1.5),
    _footprint("--help, s, beside a Python that does nothing", lambda footprint: footprint.help_seconds, 0.2),
)


def rows(rounds: Sequence[Round]) -> list[Row]:
    """The measures of those phases that were measured."""
    phases = {*rounds[0].gateway.phases, *((OPEN_STREAMS.name,) if rounds[0].gateway.footprint else ())}
    return [_row(measure, rounds) for measure in MEASURES if measure.phase in phases]


def _row(measure: Measure, rounds: Sequence[Round]) -> Row:
    less = [0.0 if measure.less is None else measure.less(one.direct) for one in rounds]
    floor = [measure.read(one.floor) - base for one, base in zip(rounds, less, strict=True)]
    gateway = [measure.read(one.gateway) - base for one, base in zip(rounds, less, strict=True)]
    ours, ratio = Spread.over(gateway), None
    if min(*floor, *gateway) > 0:
        ratio = Spread.over([over / under for over, under in zip(gateway, floor, strict=True)])
    verdict = "" if measure.bar is None else measure.bar.judge(ours, ratio)
    return Row(measure.group, measure.title, Spread.over(floor), ours, ratio, measure.bar, verdict)


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
        return [row for row in self.rows if row.verdict == "MISSED"]

    def notes(self) -> list[str]:
        """What a reader must know to judge the figures."""
        facts = ", ".join(self.machine.values())
        found = [
            f"{facts}; medians [min..max] of {len(self.rounds)} round{'s' if len(self.rounds) != 1 else ''}",
            "The floor (bench/floor.py) is uvicorn and aiohttp with the least job; the gateway runs with a stored"
            " key, the ledger on SQLite and the JSON access log.",
            "Streamed events are those with content; the upstream's model name differs from the one asked for unless"
            " the row says otherwise. Added latency is beyond the same load on the mock upstream alone.",
            f"A ratio is judged by its median, and within {TOLERANCE:.0%} beyond its bar is close to it but no miss;"
            " memory and time by the least of the rounds.",
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
        colour = {"held": "green", "close": "yellow", "MISSED": "bold red", "": ""}[row.verdict]
        table.add_row(*(cell.replace("[", r"\[") for cell in cells), f"[{colour}]{verdict}[/]" if colour else verdict)
    console = Console()
    console.print(table)
    console.print()
    for note in report.notes():
        console.print(note, style="dim", highlight=False, markup=False)


def _number(value: float) -> str:
    size = abs(value)
    return f"{value:,.0f}" if size >= 100 else f"{value:.1f}" if size >= 10 else f"{value:.2f}"
