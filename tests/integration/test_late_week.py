"""A week that arrives late: what was issued before it came is made again to the last bit; what comes after knows it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

import pytest
from pydantic import SecretStr

from core.clock import floor_to_step, now
from core.forecasts import Forecast
from core.metrics import metric_named
from core.places import Sensor, SensorKind, Site
from core.readings import Batch, Message, Reading
from core.settings import WorkerSettings
from core.store.arrow import opened_arrow
from core.store.batches import write_batch
from core.store.places import write_series
from core.store.pool import Connection, Pool, open_pool
from core.store.sensors import declare_sensor
from services.forecast import Issue, make_forecasts
from services.quality import judge_touched
from services.training import train_model

pytestmark = pytest.mark.integration
POWER = metric_named("power_kw")
COMMUNE = "93051"
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
DAYS = 20
LATE_DAYS = range(9, 16)


@dataclass(frozen=True)
class Town:
    """Two meters of a town hall; the second has been silent for a week, but for its newest days."""

    pool: Pool
    settings: WorkerSettings
    start: datetime
    series: tuple[int, int]

    def hours(self, days: range, series_id: int) -> list[Reading]:
        """Return hourly loads of some days: near those of the day before, and far from those of a week before."""
        at = [self.start + day * DAY + hour * HOUR for day in days for hour in range(24)]
        day_by_day = [1 + 0.5 * math.sin((moment - self.start) // DAY * 0.45 + series_id) for moment in at]
        by_hour = [40 + 20 * math.sin(moment.hour / 24 * 2 * math.pi) + (7 * moment.hour) % 5 for moment in at]
        return [Reading(series_id, *row) for row in zip(at, map(float.__mul__, day_by_day, by_hour), strict=True)]

    def hear(self, readings: list[Reading]) -> None:
        """Receive readings now, and judge them."""
        with self.pool.connection() as connection:
            write_batch(connection, Batch(now(), readings, [Message("t", b"", now(), 0)] * len(readings)))
        with self.pool.connection() as connection:
            while judge_touched(connection).hours_touched:
                connection.commit()

    def issue(self, at: datetime) -> dict[int, Forecast]:
        """Make the issue of an instant, by series."""
        with self.pool.connection() as connection, opened_arrow(self.settings.dsn) as arrow:
            return {one.series_id: one for one in make_forecasts(connection, arrow, Issue(POWER, COMMUNE, at))}


def declared(connection: Connection, start: datetime, number: int) -> int:
    """Declare a meter, and return its series."""
    sensor = Sensor(f"meter-{number}", SensorKind.METER, "Mairie", Site(COMMUNE, "mairie", "Mairie"))
    return write_series(connection, declare_sensor(connection, sensor, start), POWER.name)


@pytest.fixture
def town(database_url: str) -> Iterator[Town]:
    start = floor_to_step(now() - DAYS * DAY, HOUR)
    settings = WorkerSettings(database_url=SecretStr(database_url), train_rows_max=3_000, threads=1)
    with open_pool(settings.dsn, 2) as pool:
        with pool.connection() as connection:
            series = (declared(connection, start, 1), declared(connection, start, 2))
        town = Town(pool, settings, start, series)
        town.hear(town.hours(range(DAYS), series[0]))
        for days in (range(LATE_DAYS.start), range(LATE_DAYS.stop, DAYS)):
            town.hear(town.hours(days, series[1]))
        yield town


def test_what_was_issued_is_made_again_when_a_week_arrives_late(town: Town) -> None:
    train_model(town.pool, town.settings, POWER, now(), "first")
    at = now()
    issued = town.issue(at)
    assert set(issued) == set(town.series)
    assert all(one.model_id is not None for one in issued.values()), [one.fallback for one in issued.values()]
    town.hear(town.hours(LATE_DAYS, town.series[1]))
    assert town.issue(at) == issued
    after = town.issue(now())
    assert [step.quantiles for step in after[town.series[1]].steps] != [
        step.quantiles for step in issued[town.series[1]].steps
    ]
