"""What a bench finds: figures with a unit, some of them aimed at."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure of a bench; ``target`` None is reported without being aimed at."""

    name: str
    value: float
    unit: str
    better: str
    target: float | None = None
    met: bool | None = None

    def as_json(self) -> dict[str, float | str | bool | None]:
        """Return the figure as the bench's last line carries it."""
        return {
            "name": self.name,
            "value": round(self.value, 4),
            "unit": self.unit,
            "better": self.better,
            "target": self.target,
            "met": self.met,
        }


def below(name: str, value: float, unit: str, target: float) -> Figure:
    """Return a figure that is to stay below its target."""
    return Figure(name, value, unit, "lower", target, value < target)


def at_least(name: str, value: float, unit: str, target: float) -> Figure:
    """Return a figure that is to reach its target."""
    return Figure(name, value, unit, "higher", target, value >= target)


def tell(bench: str, figures: Sequence[Figure], *, as_json_only: bool) -> None:
    """Print the figures as a table, and as the one line of JSON that a machine reads."""
    if not as_json_only:
        for one in figures:
            aim = "" if one.target is None else f"   target {one.target:g}: {'met' if one.met else 'MISSED'}"
            print(f"{one.name:<44}{one.value:>16,.3f} {one.unit}{aim}")
    print(json.dumps({"bench": bench, "figures": [one.as_json() for one in figures]}))
