"""What a look at an upstream found."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Checkup:
    """One row of `dragoman doctor`: what was looked at, whether it holds, and what mends it."""

    name: str
    ok: bool
    detail: str = ""
    fix: str = ""
    data: dict[str, str] = field(default_factory=dict)
