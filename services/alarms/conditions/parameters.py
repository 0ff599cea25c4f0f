"""What a rule may say of its condition: one checked form each, amounts in the metric's stored unit.

Durations are minutes, days where the name says so; each has a bound, so that no rule asks for years of readings at
every turn.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from core.quality.traces import MINUTE_US

MINUTES_MAX = 14 * 24 * 60
Minutes = Annotated[float, Field(ge=0, le=MINUTES_MAX)]
Hour = Annotated[int, Field(ge=0, le=24)]
Weekday = Annotated[int, Field(ge=0, le=6)]
Share = Annotated[float, Field(ge=0, le=1)]


class Parameters(BaseModel):
    """What every condition's parameters have in common: no word too many, and none changed."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, populate_by_name=True)


class Threshold(Parameters):
    """Beyond a limit for so long; over when it has been back beyond another limit for so long.

    Parameters
    ----------
    side
        Which side of the limit is an alarm.
    raised_at, cleared_at
        ``raise`` and ``clear`` in JSON: it holds at ``raise`` and beyond, it is over short of ``clear``.
    minutes, clear_minutes
        How long without a gap, by the times of the readings; 0: the first reading is enough.
    mean_minutes
        Judge the mean of the last so many minutes, of which three quarters must be known; 0: the readings themselves.
    hours
        Local hours of Europe/Paris, ``[from, to)``, beyond midnight where ``from`` is the later; None: all day.
        Outside of them it is over.
    weekdays
        Local weekdays, Monday 0; None: all.
    """

    side: Literal["above", "below"] = "above"
    raised_at: float = Field(alias="raise")
    cleared_at: float = Field(alias="clear")
    minutes: Minutes = 0
    clear_minutes: Minutes = 0
    mean_minutes: Minutes = 0
    hours: tuple[Hour, Hour] | None = None
    weekdays: tuple[Weekday, ...] | None = None

    @model_validator(mode="after")
    def _hysteresis(self) -> Self:
        within = self.cleared_at <= self.raised_at if self.side == "above" else self.cleared_at >= self.raised_at
        if not within:
            raise ValueError(f"clear ({self.cleared_at:g}) lies beyond raise ({self.raised_at:g})")
        if self.hours is not None and self.hours[0] == self.hours[1]:
            raise ValueError("hours are empty: leave them out for the whole day")
        return self


class Rate(Parameters):
    """Moves faster than so much a minute, up or down, over so many minutes; over when slower than half of it."""

    per_minute: float = Field(gt=0)
    minutes: float = Field(gt=0, le=MINUTES_MAX)


class Stuck(Parameters):
    """The same value for too long.

    Parameters
    ----------
    minutes
        For so long; None: as the metric's quality rule says, and where it says nothing (a bin, a bay), for
        ``times_longest`` the series' longest run of the 28 days before.
    """

    minutes: Annotated[float, Field(gt=0, le=MINUTES_MAX)] | None = None
    times_longest: float = Field(default=2.5, ge=1, le=10)


class Silence(Parameters):
    """Nothing heard for ``factor`` times what the series' own rhythm makes unusual."""

    factor: float = Field(default=1.0, ge=0.5, le=20)


class Battery(Parameters):
    """At ``empty`` within so many days, by the line through its last months; or there already."""

    empty: float
    days: float = Field(default=30, gt=0, le=365)


class Expected(Parameters):
    """Outside of what was forecast, p05 to p95, by a share of that interval's width, for so long.

    Over when it has been inside for as long.
    """

    margin_ratio: float = Field(default=0.5, ge=0, le=10)
    minutes: Minutes = 60
    level: Literal["p05_p95"] = "p05_p95"


class WillExceed(Parameters):
    """Forecast to pass a value within so many hours, with at least this chance; over below 0.7 times the chance."""

    will_exceed: float
    within_hours: float = Field(default=24, gt=0, le=168)
    chance: float = Field(default=0.5, gt=0, le=1)


class Completeness(Parameters):
    """So many local days running with less than this share of the readings that were due."""

    ratio: Share = 0.75
    days: int = Field(default=2, ge=1, le=28)


def parse_expected(given: Mapping[str, Any]) -> Expected | WillExceed:
    """Check what a rule says of `Condition.EXPECTED`: one of two forms."""
    return (WillExceed if "will_exceed" in given else Expected).model_validate(given)


def minutes_us(minutes: float) -> int:
    """Return minutes as whole microseconds."""
    return round(minutes * MINUTE_US)
