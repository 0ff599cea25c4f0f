"""Drift as a service: the promise of each champion, held against what it issued, by commune and day.

An alarm is raised where a model loses more than it promised, or its intervals hold too rarely or too often; it ends
when that is over, or when another model speaks.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

import structlog

from core.clock import PARIS, in_utc
from core.decisions import Value
from core.events import EventName, PlatformAlarm, Severity
from core.metrics import Metric, forecast_metrics
from core.places import communes
from core.scores import Sums
from core.store.events import DAILY, end_alarms, raise_alarm
from core.store.models import read_champion, read_newest_trainings
from core.store.pool import Connection, Pool
from core.store.scores import read_commune_trends
from models.drift import drifting_since, excess, worse_by

log = structlog.get_logger(__name__)

WATCHED = timedelta(days=60)
"""Days that are longer ago say nothing about now."""
COVERAGE_WATCHED = timedelta(days=28)
FEWEST_DAYS, FEWEST_STEPS = 14, 500
"""Of fewer scored days, or steps, nothing is said about coverage."""
COVERAGE_90_MIN, COVERAGE_90_MAX = 0.85, 0.95
REFITTED_AFTER = timedelta(days=3)
"""A drift asks for a new model no sooner than so long after the newest one: that one is on trial."""


@dataclass(frozen=True, slots=True)
class Drift:
    """What a champion does not keep in a commune.

    Parameters
    ----------
    name
        Which alarm tells it.
    since
        The first day of it.
    figure
        The share that is lost beyond the promise, or the share of truths that p05-p95 held.
    """

    name: EventName
    commune_insee: str
    since: date
    figure: float


def drifts_of(connection: Connection, metric: str, at: datetime) -> list[Drift]:
    """Return what the champion of a metric does not keep, in the communes that the connection sees."""
    champion = read_champion(connection, metric, as_of=at)
    if champion is None:
        return []
    today = at.astimezone(PARIS).date()
    trends = read_commune_trends(connection, champion.model_id, today - WATCHED)
    promises = _promises(champion.card, trends)
    return [
        drift
        for insee, trend in trends.items()
        for drift in (*_losing(insee, trend, promises[insee]), *_covering(insee, trend, today - COVERAGE_WATCHED))
    ]


def is_drifting(connection: Connection, metric: str, at: datetime) -> bool:
    """Whether the champion of a metric loses more than it promised, in any commune that the connection sees."""
    return any(drift.name is EventName.ALARM_FORECAST_DRIFT for drift in drifts_of(connection, metric, at))


def look_for_drift(pool: Pool, metric: Metric, now: datetime) -> None:
    """Raise the alarms of a metric, and end those that are over: each a commune of its own."""
    with pool.connection() as connection, connection.transaction():
        found = {(drift.name, drift.commune_insee): drift for drift in drifts_of(connection, metric.name, now)}
        for drift in found.values():
            if raise_alarm(connection, _alarm(metric, drift), now, reminded=DAILY):
                log.warning(drift.name.value, metric=metric.name, commune=drift.commune_insee, figure=drift.figure)
        # Of communes that nothing is said about any more, too: another model speaks there.
        over = [
            _alarm(metric, Drift(name, insee, now.date(), 0.0))
            for name in (EventName.ALARM_FORECAST_DRIFT, EventName.ALARM_FORECAST_COVERAGE)
            for insee in communes()
            if (name, insee) not in found
        ]
        end_alarms(connection, over, now)


def drifted_models_due(pool: Pool, now: datetime) -> list[str]:
    """Return the metrics whose champion drifts, and whose newest model was trained `REFITTED_AFTER` ago or earlier."""
    with pool.connection() as connection:
        trained = read_newest_trainings(connection)
        return [
            metric.name
            for metric, _ in forecast_metrics()
            if metric.name in trained
            and trained[metric.name] <= now - REFITTED_AFTER
            and is_drifting(connection, metric.name, now)
        ]


def _promises(card: Mapping[str, Any], insees: Iterable[str]) -> dict[str, float]:
    """Return what share of the naive's loss each commune lost on the held-out weeks; of all, where it had no series."""
    judged, promises = card.get("by_commune", {}), {}
    for insee in insees:
        own = judged.get(insee, card["validation"])
        promises[insee] = own["pinball"] / own["pinball_naive"] if own["pinball_naive"] > 0 else 0.0
    return promises


def _losing(insee: str, trend: Sequence[tuple[date, Sums]], promised: float) -> Iterator[Drift]:
    days = [(day, excess(sums.pinball, sums.pinball_naive, promised)) for day, sums in trend]
    told = [(day, value) for day, value in days if value is not None]
    first = drifting_since([value for _, value in told])
    if first is not None:
        worse = worse_by([value for _, value in told[first:]])
        yield Drift(EventName.ALARM_FORECAST_DRIFT, insee, told[first][0], worse)


def _covering(insee: str, trend: Sequence[tuple[date, Sums]], since: date) -> Iterator[Drift]:
    watched = [(day, sums) for day, sums in trend if day >= since]
    steps = sum(sums.steps for _, sums in watched)
    if len(watched) < FEWEST_DAYS or steps < FEWEST_STEPS:
        return
    held = sum(sums.within_90 for _, sums in watched) / steps
    if not COVERAGE_90_MIN <= held <= COVERAGE_90_MAX:
        yield Drift(EventName.ALARM_FORECAST_COVERAGE, insee, watched[0][0], held)


def _alarm(metric: Metric, drift: Drift) -> PlatformAlarm:
    figures: dict[EventName, dict[str, Value]] = {
        EventName.ALARM_FORECAST_DRIFT: {"worse_ratio": round(drift.figure, 3)},
        EventName.ALARM_FORECAST_COVERAGE: {"held_ratio": round(drift.figure, 3)},
    }
    return PlatformAlarm(
        name=drift.name,
        severity=Severity.WARNING,
        since=in_utc(datetime.combine(drift.since, time(), PARIS)),
        subject=f"forecast:{metric.name}:{drift.commune_insee}",
        commune_insee=drift.commune_insee,
        values={
            "metric_key": f"metric.{metric.name}",
            "commune": communes()[drift.commune_insee].name,
            **figures[drift.name],
        },
    )
