"""The command line of the benchmark."""

import argparse
import signal
import sys
from pathlib import Path
from typing import Final, NoReturn

import msgspec

from bench.phases import NAMES
from bench.plot import draw
from bench.process import OUT, BenchError
from bench.report import Report, show
from bench.run import prepared
from dragoman.errors import DragomanError

QUICK: Final = 0.2
"""Factor of all durations for a smoke run."""
TRIES: Final = 3
"""How often a phase that other programs disturb is measured at most."""


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measures the gateway beside a bare floor.")
    parser.add_argument("--rounds", type=int, metavar="N", help="times each is measured (default 3, or 1 if quick)")
    parser.add_argument(
        "--quick", action="store_true", help="one short round: whether it runs, not what it costs; no bar counts"
    )
    parser.add_argument("--only", type=_phases, metavar="PHASES", default=NAMES, help=f"of {', '.join(NAMES)}")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every figure to FILE")
    arguments = parser.parse_args()
    if arguments.rounds is not None and arguments.rounds < 1:
        parser.error("--rounds must be at least 1")
    return arguments


def _phases(text: str) -> tuple[str, ...]:
    names = tuple(text.split(","))
    unknown = [name for name in names if name not in NAMES]
    if unknown:
        raise argparse.ArgumentTypeError(f"no such phase: {', '.join(unknown)}")
    return names


def main() -> int:
    arguments = parse_arguments()
    if sys.platform != "linux":
        print("bench: needs Linux: it reads /proc and uses epoll", file=sys.stderr)
        return 2
    signal.signal(signal.SIGTERM, _leave)
    rounds = arguments.rounds or (1 if arguments.quick else 3)
    try:
        scale, tries = (QUICK, 1) if arguments.quick else (1.0, TRIES)
        with prepared(only=arguments.only, scale=scale, tries=tries, say=_say) as bench:
            report = Report.of(list(bench.rounds(rounds)), pinned=bench.cores.measured is not None)
    except (BenchError, DragomanError) as error:
        print(f"bench: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    show(report)
    if arguments.json is not None:
        arguments.json.write_bytes(msgspec.json.format(msgspec.json.encode(report)) + b"\n")
    if arguments.only == NAMES:
        _draw(report)
    return 1 if report.errors or (report.missed and not arguments.quick) else 0


def _draw(report: Report) -> None:
    path = OUT / "bench.png"
    try:
        draw(report, path)
    except ImportError:
        print("bench: no picture: matplotlib is not installed", file=sys.stderr)
    else:
        _say(f"picture: {path}")


def _say(text: str) -> None:
    """Progress goes to stderr, so that stdout holds the table alone."""
    print(text, file=sys.stderr, flush=True)


def _leave(number: int, frame: object) -> NoReturn:
    """Unwinds on SIGTERM, which ends every process that was started."""
    raise SystemExit(128 + number)


if __name__ == "__main__":
    sys.exit(main())
