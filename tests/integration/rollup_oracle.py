"""An oracle of roll-ups: the slow way, reading by reading in plain Python, from the definitions in docs/history.md."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from math import fsum
from zoneinfo import ZoneInfo

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
PARIS = ZoneInfo("Europe/Paris")
Row = dict[str, float | int | None]


@dataclass(frozen=True)
class Told:
    """A reading as it counts: calibrated value, quality (0 good, 1 suspect, 2 bad), what it showed, its gain."""

    at: datetime
    value: float
    quality: int
    raw: float
    gain: float


def hour_of(at: datetime) -> datetime:
    """Return the start of the UTC hour."""
    return at.replace(minute=0, second=0, microsecond=0)


def hours_told(readings: Sequence[Told], nature: str, interval: timedelta) -> dict[datetime, Row]:
    """Return the roll-up of every hour, from readings in order of time."""
    by_hour: dict[datetime, list[Told]] = {}
    for one in readings:
        by_hour.setdefault(hour_of(one.at), []).append(one)
    sound = [one for one in readings if one.quality < 2]
    slots = _slots(sound, set(by_hour), interval)
    rows: dict[datetime, Row] = {}
    for hour, some in by_hour.items():
        values = [one.value for one in some if one.quality < 2]
        rows[hour] = {
            "count": len(some),
            "good": sum(one.quality == 0 for one in some),
            "slots": slots.get(hour, 0),
            "mean": fsum(values) / len(values) if values else None,
            "low": min(values, default=None),
            "high": max(values, default=None),
            "last": values[-1] if values else None,
            "increment": (fsum(values) if values else None) if nature == "count" else None,
            "known_s": None,
        }
    if nature == "index":
        totals = _totals(sound)
        for hour, row in rows.items():
            row["increment"] = _grown(totals, hour)
    if nature == "state":
        _hold(rows, sound, interval)
    return rows


def _slots(sound: Sequence[Told], hours: set[datetime], interval: timedelta) -> dict[datetime, int]:
    stands = min(interval, HOUR)
    filled: dict[datetime, timedelta] = {}
    for place, one in enumerate(sound):
        hour = hour_of(one.at)
        until = min(one.at + stands, sound[place + 1].at if place + 1 < len(sound) else one.at + stands)
        filled[hour] = filled.get(hour, timedelta()) + min(until, hour + HOUR) - one.at
        if until > hour + HOUR and hour + HOUR in hours:
            filled[hour + HOUR] = filled.get(hour + HOUR, timedelta()) + until - hour - HOUR
    if interval > HOUR:
        return {hour_of(one.at): 1 for one in sound}
    most = max(round(HOUR / interval), 1)
    return {hour: min(round(time / stands), most) for hour, time in filled.items()}


def _totals(sound: Sequence[Told]) -> list[tuple[datetime, float]]:
    """Return an index that only grows as if it had begun at zero: a change of calibration consumes nothing."""
    total = 0.0
    totals = [(one.at, total) for one in sound[:1]]
    for one, two in pairwise(sound):
        total += (two.raw - one.raw) * two.gain
        totals.append((two.at, total))
    return totals


def _grown(totals: Sequence[tuple[datetime, float]], hour: datetime) -> float | None:
    begins, ends = (_total_at(totals, at) for at in (hour, hour + HOUR))
    return None if begins is None or ends is None else ends - begins


def _total_at(totals: Sequence[tuple[datetime, float]], at: datetime) -> float | None:
    for then, total in totals:
        if then == at:
            return total
    for (one, total), (two, following) in pairwise(totals):
        if one < at < two and two - one <= 2 * HOUR:
            return total + (following - total) * ((at - one) / (two - one))
    return None


def _hold(rows: dict[datetime, Row], sound: Sequence[Told], interval: timedelta) -> None:
    """Weigh states by the time that they held, and add the hours that nobody spoke in."""
    held: dict[datetime, list[tuple[float, float]]] = {}
    for place, one in enumerate(sound):
        until = one.at + min(3 * interval, 72 * HOUR)
        if place + 1 < len(sound):
            until = min(until, sound[place + 1].at)
        hour = hour_of(one.at)
        while hour < until:
            lasted = min(until, hour + HOUR) - max(one.at, hour)
            held.setdefault(hour, []).append((lasted.total_seconds(), one.value))
            hour += HOUR
    for row in rows.values():
        row.update(mean=None, low=None, high=None, last=None)
    for hour, pieces in held.items():
        empty: Row = {"count": 0, "good": 0, "slots": 0, "increment": None}
        known = fsum(seconds for seconds, _ in pieces)
        rows.setdefault(hour, empty).update(
            mean=fsum(seconds * value for seconds, value in pieces) / known,
            low=min(value for _, value in pieces),
            high=max(value for _, value in pieces),
            last=pieces[-1][1],
            known_s=max(1, round(known)),
        )


def days_told(hours: dict[datetime, Row], nature: str, interval: timedelta) -> dict[date, Row]:
    """Return the roll-up of every local day of Europe/Paris, from the hours."""
    by_day: dict[date, list[Row]] = {}
    for hour in sorted(hours):
        by_day.setdefault(hour.astimezone(PARIS).date(), []).append(hours[hour])
    return {day: _come_to(rows, nature, interval) for day, rows in by_day.items()}


def _come_to(rows: Sequence[Row], nature: str, interval: timedelta) -> Row:
    def some(name: str) -> list[float]:
        return [value for row in rows if (value := row[name]) is not None]

    enough = 0.75 * max(round(HOUR / interval), 1)
    weighed = [
        (row["known_s"] or 0 if nature == "state" else 1, row["mean"]) for row in rows if row["mean"] is not None
    ]
    total = fsum(weight for weight, _ in weighed)
    return {
        "count": int(fsum(some("count"))),
        "good": int(fsum(some("good"))),
        "slots": int(fsum(some("slots"))),
        "hours": len(some("increment" if nature in {"index", "count"} else "mean")),
        "hours_valid": sum((row["slots"] or 0) >= enough for row in rows),
        "mean": fsum(weight * mean for weight, mean in weighed) / total if total else None,
        "low": min(some("low"), default=None),
        "high": max(some("high"), default=None),
        "last": some("last")[-1] if some("last") else None,
        "increment": fsum(some("increment")) if some("increment") else None,
        "known_s": int(fsum(some("known_s"))) if some("known_s") else None,
    }


def utc(year: int, month: int, day: int, hour: int = 0) -> datetime:
    """Return an hour in UTC."""
    return datetime(year, month, day, hour, tzinfo=UTC)
