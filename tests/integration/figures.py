"""What was measured, in milliseconds: the gateway, the provider behind it, and what the gateway adds."""

from collections import defaultdict
from dataclasses import dataclass, field
from statistics import fmean, quantiles

from dragoman.cli.output import align

Pairs = list[tuple[float, float | None]]


@dataclass
class Figures:
    """Named series of pairs: through the gateway, and without it where that was measured in turn."""

    _series: dict[str, Pairs] = field(default_factory=lambda: defaultdict(list))

    def add(self, name: str, gateway: float, direct: float | None) -> None:
        """One measurement in seconds; the two of a pair were taken one right after the other."""
        self._series[name].append((gateway * 1000, None if direct is None else direct * 1000))

    def values(self) -> dict[str, dict[str, dict[str, float]]]:
        """By series and side: n, mean, p50, p95, max; `overhead` is of the differences within the pairs."""
        return {
            name: {side: _summary(values) for side, values in _sides(pairs)} for name, pairs in self._series.items()
        }

    def lines(self) -> list[str]:
        rows: list[tuple[str, ...]] = [("", "", "n", "p50", "p95", "max")]
        for name, sides in self.values().items():
            for side, found in sides.items():
                numbers = [f"{found[key]:.1f}" for key in ("p50", "p95", "max")]
                rows.append((name, side, f"{found['n']:g}", *numbers))
                name = ""
        return align(rows) if len(rows) > 1 else []


def _sides(pairs: Pairs) -> list[tuple[str, list[float]]]:
    both = [(through, direct) for through, direct in pairs if direct is not None]
    sides = [("gateway", [through for through, _ in pairs])]
    if both:
        sides.append(("direct", [direct for _, direct in both]))
        sides.append(("overhead", [through - direct for through, direct in both]))
    return sides


def _summary(values: list[float]) -> dict[str, float]:
    cuts = quantiles(values, n=20, method="inclusive") if len(values) > 1 else values * 19
    found = {"n": len(values), "mean": fmean(values), "p50": cuts[9], "p95": cuts[18], "max": max(values)}
    return {key: round(value, 3) for key, value in found.items()}
