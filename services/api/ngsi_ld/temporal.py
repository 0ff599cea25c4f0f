"""The history of entities as NGSI-LD writes it: instances, values, sums over periods (clauses 4.5.7 to 4.5.9, 4.5.19).

Sums come from the hourly roll-ups: periods are whole hours of UTC, or local days, weeks and months of Europe/Paris.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any, Final, TypeAlias

from core.clock import EPOCH, PARIS, Window, floor_to_step, format_instant, in_utc
from core.metrics import Nature, metric_named
from core.places import Origin
from core.quality.days import month_of, week_of
from core.readings import Quality
from core.store.entities import Instance, SeriesHour
from services.api.ngsi_ld.faults import Fault, Refused
from services.api.ngsi_ld.said import Json, Measured, label, worth

HOUR: Final = timedelta(hours=1)
METHODS: Final = ("avg", "min", "max", "sum", "totalCount")
_HOURS: Final = re.compile(r"PT([1-9]\d{0,3})H")
_UNTIL: Final = timedelta(days=1)

Bounds: TypeAlias = tuple[datetime, datetime]
Period: TypeAlias = Callable[[datetime], Bounds]
"""The period that holds an hour: its start and its end."""


def window_asked(timerel: str | None, start: datetime | None, end: datetime | None, now: datetime) -> Window:
    """Return the window of a temporal query (clause 4.11): the start is included, the end is not.

    Raises
    ------
    Refused
        If the relation is none of the three, or its instants are not what it needs.
    """
    if timerel is None and start is None and end is None:
        return Window(EPOCH, now + _UNTIL)
    if timerel not in {"before", "after", "between"} or start is None or (end is None) is (timerel == "between"):
        said = "timerel is before or after with timeAt, or between with timeAt and endTimeAt"
        raise Refused(Fault.BAD_REQUEST_DATA, said)
    if timerel == "before":
        return Window(EPOCH, start)
    # A sensor's clock may be ahead of ours, within the tolerance of ingestion.
    until = end or max(start, now + _UNTIL)
    if until < start:
        raise Refused(Fault.BAD_REQUEST_DATA, "endTimeAt lies before timeAt")
    return Window(start, until)


def instance_form(what: Measured, instance: Instance, origin: Origin) -> Json:
    """Return one reading as an instance of its attribute."""
    return {
        "type": "Property",
        "value": what.converted(instance.value),
        "unitCode": what.unit_code,
        "observedAt": format_instant(instance.observed_at),
        **worth(instance.quality, instance.flags),
        **label(origin),
    }


def values_form(what: Measured, instances: Iterable[Instance], origin: Origin) -> Json | None:
    """Return the values and their times alone; readings marked bad are left out, for nothing could say so of them."""
    values = [
        [what.converted(one.value), format_instant(one.observed_at)] for one in instances if one.quality != Quality.BAD
    ]
    return {"type": "Property", "values": values, "unitCode": what.unit_code, **label(origin)} if values else None


@dataclass(frozen=True, slots=True)
class Cut:
    """Where an answer was cut, so that no instance of any attribute falls between two answers (clause 6.3.10).

    Parameters
    ----------
    instances
        What is left, by series.
    at
        The last instant that is told whole; None where nothing was cut.
    """

    instances: dict[int, list[Instance]]
    at: datetime | None


def cut(found: Iterable[Instance], each: int, *, newest_first: bool) -> Cut:
    """Cut instances, in order of series and time or time backwards, of which some have more than ``each``."""
    whole = {series_id: list(rows) for series_id, rows in groupby(found, key=lambda one: one.series_id)}
    ends = [rows[each - 1].observed_at for rows in whole.values() if len(rows) > each]
    if not ends:
        return Cut(whole, None)
    at = max(ends) if newest_first else min(ends)
    kept = {
        series_id: [one for one in rows if (one.observed_at >= at if newest_first else one.observed_at <= at)]
        for series_id, rows in whole.items()
    }
    return Cut({series_id: rows for series_id, rows in kept.items() if rows}, at)


def content_range(window: Window, found: Cut, last_n: int | None, *, ends: bool) -> str:
    """Return what part of the window an answer that was cut holds, as the Content-Range of clause 6.3.10.

    ``ends`` says whether the question named the window's end. With ``lastN`` an answer goes backwards.
    """
    assert found.at is not None, "only what was cut has a range"
    times = [one.observed_at for rows in found.instances.values() for one in rows]
    begins = min(times) if window.start == EPOCH else window.start
    if last_n is not None:
        begins = window.end if ends else max(times)
    size = "*" if last_n is None else str(last_n)
    return f"date-time {format_instant(begins)}-{format_instant(found.at)}/{size}"


def methods_asked(names: Iterable[str] | None) -> tuple[str, ...]:
    """Return the aggregation methods, in one order.

    Raises
    ------
    Refused
        If none is named, or one that roll-ups do not know.
    """
    asked = frozenset(names or ())
    if not asked:
        raise Refused(Fault.BAD_REQUEST_DATA, "aggregatedValues needs aggrMethods")
    if strange := sorted(asked - set(METHODS)):
        raise Refused(Fault.OPERATION_NOT_SUPPORTED, f"aggrMethods: {strange[0][:60]} is none of {', '.join(METHODS)}")
    return tuple(method for method in METHODS if method in asked)


def period_asked(duration: str, window: Window) -> Period:
    """Return the periods of an ISO 8601 duration: hours from the window's first, or local days, weeks or months.

    Raises
    ------
    Refused
        If roll-ups do not come to such periods.
    """
    if duration in {"PT0S", "P0D"}:
        return lambda _: (window.start, window.end)
    hours = _HOURS.fullmatch(duration)
    if hours is not None:
        length, origin = int(hours[1]) * HOUR, floor_to_step(window.start, HOUR)

        def of_hours(hour: datetime) -> Bounds:
            start = origin + (hour - origin) // length * length
            return start, start + length

        return of_hours
    first_day = {"P1D": lambda day: day, "P7D": week_of, "P1W": week_of, "P1M": month_of}.get(duration)
    if first_day is None:
        said = f"aggrPeriodDuration {duration[:20]!r} is none of PT0S, PT<n>H, P1D, P1W, P1M"
        raise Refused(Fault.OPERATION_NOT_SUPPORTED, said)
    longest = timedelta(days={"P1D": 1, "P1M": 31}.get(duration, 7))

    def of_days(hour: datetime) -> Bounds:
        first = first_day(hour.astimezone(PARIS).date())
        start = datetime(first.year, first.month, first.day, tzinfo=PARIS)
        beyond = first + longest
        after = month_of(beyond) if duration == "P1M" and beyond.month != first.month else beyond
        end = datetime(after.year, after.month, after.day, tzinfo=PARIS)
        return in_utc(start), in_utc(end)

    return of_days


def aggregated_form(what: Measured, rows: Sequence[SeriesHour], methods: Sequence[str], period: Period) -> Json | None:
    """Return the sums of one series over periods; one without a value is absent.

    Raises
    ------
    Refused
        InvalidRequest where a method means nothing for the metric: only counts and indexes have a sum.
    """
    nature = metric_named(what.metric).nature
    if "sum" in methods and nature not in {Nature.COUNT, Nature.INDEX}:
        raise Refused(Fault.INVALID_REQUEST, f"aggrMethods: {what.attribute} is a {nature}, and has no sum")
    periods = [(bounds, list(hours)) for bounds, hours in groupby(rows, key=lambda row: period(row.hour))]
    told: Json = {"type": "Property"}
    for method in methods:
        of = _OF[method]
        sums = [(of(hours, nature), bounds) for bounds, hours in periods]
        told[method] = [
            [value if method == "totalCount" else what.converted(value), *map(format_instant, bounds)]
            for value, bounds in sums
            if value is not None
        ]
    return {**told, "unitCode": what.unit_code} if any(told[method] for method in methods) else None


def _mean(hours: Sequence[SeriesHour], nature: Nature) -> float | None:
    """Return the mean of the hours' means; of a state, weighted by how long it was known."""
    weighted = [
        (one.mean, (one.known_s or 0) if nature is Nature.STATE else 1) for one in hours if one.mean is not None
    ]
    total = sum(weight for _, weight in weighted)
    return sum(mean * weight for mean, weight in weighted) / total if total else None


def _sum(hours: Sequence[SeriesHour], _: Nature) -> float | None:
    known = [one.increment for one in hours if one.increment is not None]
    return sum(known) if known else None


_OF: Final[dict[str, Callable[[Sequence[SeriesHour], Nature], Any]]] = {
    "avg": _mean,
    "min": lambda hours, _: min((one.low for one in hours if one.low is not None), default=None),
    "max": lambda hours, _: max((one.high for one in hours if one.high is not None), default=None),
    "sum": _sum,
    "totalCount": lambda hours, _: sum(one.count for one in hours),
}
