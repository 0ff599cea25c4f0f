"""History as a service: the stepped values of a metric's series, with what stands around them, as known then."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from core.clock import Window, floor_to_step
from core.columns import MICROSECOND
from core.metrics import ForecastPlan, Metric, Nature, metric_named
from core.quality.steps import Means, Rhythms, Samples, Steps, steps_of
from core.store.arrow import ArrowConnection, one_snapshot
from core.store.history import READINGS_MAX, Selection, SeriesLabel, read_labels, read_samples, read_step_history
from core.store.pool import Connection
from core.store.settled import Asked, Settled, read_settled_means
from core.store.weather import read_weather_issues
from models.history import History, Surroundings
from models.weather import Weather
from services.quality import moved_hours, samples_as_of

HOUR = timedelta(hours=1)
SPOKEN_EVERY = timedelta(minutes=10)
"""How often a series speaks, about."""
_ROLLED_UP = (Nature.LEVEL, Nature.COUNT)
"""Of these, an hour's roll-up is the step that its readings come to; a state's may be held from before."""


@dataclass(frozen=True, slots=True)
class Reach:
    """How far a history reaches.

    Parameters
    ----------
    window
        From when until when; its end is the instant that the history speaks from.
    communes
        Of which communes, by INSEE code; None means all.
    as_known
        Whether as known at the window's end; else as known now.
    in_service
        Whether to leave out sensors that were retired by the window's end: what they measured is history to learn from
        and to score, but nobody forecasts it.
    """

    window: Window
    communes: tuple[str, ...] | None = None
    as_known: bool = True
    in_service: bool = False


def read_history(arrow: ArrowConnection, connection: Connection, metric: Metric, reach: Reach) -> History:
    """Read the stepped history of the series of a metric, with their sites, communes and weather.

    Raises
    ------
    ValueError
        If the metric is not forecast.
    """
    if metric.plan is None:
        raise ValueError(f"{metric.name} is not forecast")
    window = Window(floor_to_step(reach.window.start, metric.plan.step), reach.window.end)
    labels = _labels(connection, metric, reach)
    ids = tuple(label.series_id for label in labels)
    if not ids:
        return History.of(metric, window, (), ())
    steps = _known_steps(arrow, connection, labels, window) if reach.as_known else _present_steps(arrow, labels, window)
    history = History.of(metric, window, ids, steps)
    return replace(history, around=_around(connection, labels, window if reach.as_known else None))


def _present_steps(arrow: ArrowConnection, labels: Sequence[SeriesLabel], window: Window) -> Iterator[Steps]:
    """Yield the steps of a window as they are known now."""
    ids = tuple(label.series_id for label in labels)
    return read_step_history(arrow, Selection(series_ids=ids), window, _plan_of(labels).step)


def _known_steps(
    arrow: ArrowConnection, connection: Connection, labels: Sequence[SeriesLabel], window: Window
) -> Iterator[Steps | Means]:
    """Yield the steps of a window as they were known at its end, some series at a time.

    Whatever came later changes none of them: what moved since is judged anew from what had come by then.
    """
    metric = metric_named(labels[0].metric)
    rolled_up = _plan_of(labels).step == HOUR and metric.nature in _ROLLED_UP
    size = max(1, READINGS_MAX // max(1, window.length // SPOKEN_EVERY))
    for first in range(0, len(labels), size):
        part = labels[first : first + size]
        ids = tuple(label.series_id for label in part)
        asked = Asked(ids, window, window.end, moved_hours(connection, ids))
        yield from (_of_hours if rolled_up else _of_readings)(arrow, connection, part, asked)


def _of_hours(
    arrow: ArrowConnection, connection: Connection, labels: Sequence[SeriesLabel], asked: Asked
) -> Iterator[Steps | Means]:
    """Yield hours: settled ones from their roll-ups, the others from readings."""
    counted = metric_named(labels[0].metric).nature is Nature.COUNT
    settled, means = read_settled_means(arrow, asked, counted=counted)
    yield from means
    for samples in samples_as_of(connection, settled.unsettled(asked.window), asked.as_of):
        yield steps_of(samples.within(asked.window), HOUR)


def _of_readings(
    arrow: ArrowConnection, connection: Connection, labels: Sequence[SeriesLabel], asked: Asked
) -> Iterator[Steps]:
    """Yield steps from readings: those of settled days as they are judged, the others judged as of then."""
    rhythms, step = Rhythms.of(labels), _plan_of(labels).step
    # What is held at the window's start was read before it.
    rested_on = Window(asked.window.start - int(rhythms.lead.max()) * MICROSECOND, asked.window.end)
    with one_snapshot(arrow):
        judged = list(read_samples(arrow, rhythms, asked.window, as_of=asked.as_of))
        settled = Settled.read(arrow, replace(asked, window=rested_on))
    anew = list(samples_as_of(connection, settled.unsettled(rested_on), asked.as_of))
    every = Samples.joined([*(some.where(settled.holds(some.series, some.times)) for some in judged), *anew])
    yield rhythms.steps_of(every, asked.window, step)


def _plan_of(labels: Sequence[SeriesLabel]) -> ForecastPlan:
    plan = metric_named(labels[0].metric).plan
    assert plan is not None, "only metrics with a plan are read"
    return plan


def _labels(connection: Connection, metric: Metric, reach: Reach) -> list[SeriesLabel]:
    if reach.communes == ():
        return []
    in_service_at = reach.window.end if reach.in_service else None
    asked = Selection(communes=reach.communes or (), metrics=(metric.name,), in_service_at=in_service_at)
    return read_labels(connection, asked)


def _around(connection: Connection, labels: list[SeriesLabel], window: Window | None) -> Surroundings:
    """Return what stands around series: the weather as it was known at the window's end, if it is asked for."""
    communes = tuple(label.commune_insee for label in labels)
    # A site's code is its own within its commune only.
    sites = tuple(f"{label.commune_insee}:{label.site_code}" for label in labels)
    issues = [] if window is None else read_weather_issues(connection, sorted(set(communes)), window)
    return Surroundings(sites, communes, Weather.of(issues) if issues else None)
