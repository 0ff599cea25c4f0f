"""Hourly loads of a few buildings in two communes, with forecasts made by hand, to be scored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import cache

import numpy as np

from core.columns import Ints
from core.forecasts import QUANTILES, Forecast, ForecastStep
from core.metrics import Metric, metric_named
from core.model_life import Reign, StoredModel
from core.places import Sensor, SensorKind, Site
from core.readings import Batch, Message, Reading
from core.scores import FIRST_DAY, DaySums
from core.store.batches import write_batch
from core.store.forecasts import write_forecasts
from core.store.models import promote, write_model
from core.store.places import write_series
from core.store.pool import Connection
from core.store.sensors import declare_sensor
from models.artifacts import dumps
from models.boosting import BoostingSettings
from models.history import History
from models.train import TrainedModel, TrainingSettings, train

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
NOW = datetime(2026, 3, 16, 9, 1, tzinfo=UTC)
POWER: Metric = metric_named("power_kw")
STEPS = 48
_MESSAGE = Message("t", b"", NOW, 0)
_SPREAD = np.array([-4.0, -3.0, -1.0, 0.0, 1.0, 3.0, 4.0])


def load_kw(series: int, at: datetime) -> float:
    """Return what a building draws in an hour: a daily shape, and what no forecast knows."""
    noise = np.sin(at.timestamp() / 3600 * (1.7 + series)) * 4
    return float(50 * series + 20 * np.sin(at.hour / 24 * 2 * np.pi) + noise)


def write_buildings(connection: Connection, communes: Sequence[str], since: datetime) -> list[int]:
    """Declare a meter of power in each of these communes; return their series."""
    return [
        write_series(
            connection,
            declare_sensor(
                connection, Sensor(f"b{number}", SensorKind.METER, "Mairie", Site(insee, f"s{number}", "Mairie")), since
            ),
            POWER.name,
        )
        for number, insee in enumerate(communes, 1)
    ]


def write_loads(
    connection: Connection, series_ids: Sequence[int], start: datetime, end: datetime, *, but: Sequence[datetime] = ()
) -> None:
    """Write every hour's load but some: what was before `NOW` received by then, the rest at the end."""
    first = start.replace(minute=0, second=0)
    hours = [first + at * HOUR for at in range(int((end - first) / HOUR))]
    past = [hour for hour in hours if hour + HOUR <= NOW]
    for some, received_at in ((past, NOW - timedelta(seconds=30)), (hours[len(past) :], end)):
        rows = [Reading(one, hour, load_kw(one, hour)) for hour in some if hour not in but for one in series_ids]
        if rows:
            write_batch(connection, Batch(received_at, rows, [_MESSAGE] * len(rows)))


def write_issue(
    connection: Connection,
    issued_at: datetime,
    errors_kw: Mapping[int, float],
    *,
    model_id: int | None = None,
    fallback: str | None = "no_model",
) -> None:
    """Write an issue whose medians are wrong by so much, by series, and whose naive is the load of a week before."""
    origin = issued_at.replace(minute=0)
    made = [
        Forecast(
            series_id=series_id,
            issued_at=issued_at,
            step=HOUR,
            history_until=origin - HOUR,
            steps=[
                ForecastStep(
                    at,
                    tuple((load_kw(series_id, at) + error + _SPREAD).tolist()),
                    load_kw(series_id, at - 7 * DAY),
                    None,
                )
                for at in (origin + lead * HOUR for lead in range(STEPS))
            ],
            model_id=model_id,
            fallback=None if model_id else fallback,
        )
        for series_id, error in errors_kw.items()
    ]
    write_forecasts(connection, made)


def pinball_by_hand(truth: float, quantiles: Sequence[float]) -> float:
    """Return the mean pinball loss of a step, as the books say it."""
    losses = [
        level * (truth - said) if truth >= said else (1 - level) * (said - truth)
        for level, said in zip(QUANTILES, quantiles, strict=True)
    ]
    return sum(losses) / len(losses)


@cache
def small_model() -> TrainedModel:
    """Return a model of the first three buildings, as good as a few trees make it."""
    hours = 40 * 24
    start = NOW.replace(minute=0) - hours * HOUR
    values = np.array([[load_kw(one, start + at * HOUR) for at in range(hours)] for one in (1, 2, 3)])
    assert POWER.plan is not None
    history = History(POWER, POWER.plan, (1, 2, 3), start, start + hours * HOUR, values)
    settings = TrainingSettings(BoostingSettings(trees=40, leaves=8, hours_per_leaf=20, threads=1), rows_max=4_000)
    return train(history, settings)


def keep_model(connection: Connection, trained_at: datetime) -> int:
    """Keep `small_model` as if it had been trained at an instant; return its id."""
    model = small_model()
    kept = StoredModel(
        metric=POWER.name,
        trained_at=trained_at,
        history_start=model.history_start,
        history_end=trained_at,
        rows=model.rows,
        series=model.series,
        duration_s=1.0,
        card=model.card,
    )
    return write_model(connection, kept, dumps(model))


def crown(connection: Connection, model_id: int, since: datetime) -> None:
    """Let a model speak."""
    promote(connection, Reign(POWER.name, since, model_id, "vigie", "test"))


def day_sums(series_id: int, model_id: int, day: date, skill: float, *, issued: bool) -> DaySums:
    """Return the sums of a day of 240 steps, of which the naive loses 1 kW each."""

    def one(value: int) -> Ints:
        return np.array([value], dtype=np.int64)

    return DaySums(
        one(series_id),
        one((day - FIRST_DAY).days),
        one(model_id),
        np.array([issued]),
        one(0),
        one(1),
        one(240),
        np.array([240 * (1 - skill)]),
        np.array([240.0]),
        np.array([300.0]),
        np.array([400.0]),
        one(192),
        one(216),
        np.full((1, 7), 120, dtype=np.int64),
    )
