"""Whatever arrives in whatever order, hours and days are what a recomputation from the raw readings gives."""

from __future__ import annotations

import random
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from datetime import date, datetime, timedelta
from itertools import count
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from judging import HOUR, MINUTE, adopt, judge_all, write
from rollup_oracle import Row, Told, days_told, hours_told, utc

from core.clock import Window
from core.columns import from_microseconds
from core.metrics import metric_named
from core.quality.calibrations import Calibration
from core.quality.days import Days, day_numbered
from core.quality.hours import Hours
from core.quality.marks import every_hour_of
from core.readings import Quality
from core.sensor_life import Signature
from core.store import calibrations, sensor_life
from core.store.pool import Connection, connected
from core.store.rollups import read_days, read_zone_hours
from services.quality import roll_up_as_of
from vigie.embedded import DatabaseServer

pytestmark = pytest.mark.integration
NATURES = {
    "co2_ppm": "level",
    "power_kw": "level",
    "occupied": "state",
    "closed": "state",
    "bikes_count": "count",
    "electricity_kwh": "index",
}
VALUES = {
    "co2_ppm": [420.0, 655.0, 655.0, 700.0, 5_500.0],
    "power_kw": [0.0, 50.0, 52.0, 300.0],
    "occupied": [0.0, 1.0],
    "closed": [0.0, 1.0],
    "bikes_count": [0.0, 3.0, 12.0, 2_900.0],
}
# Around both changes of clocks, and where nothing changes.
STARTS = [utc(2025, 3, 29, 18), utc(2025, 10, 25, 20), utc(2026, 6, 14, 21)]
EVER = (date(2000, 1, 1), date(2099, 12, 31))
_names = count()


@dataclass(frozen=True)
class Arrivals:
    """What happens to one series: batches in order of arrival, and what a person sets between them."""

    metric: str
    interval_min: int
    batches: list[list[tuple[datetime, float]]]
    calibrate_at: int | None
    edit_at: int | None


@st.composite
def arrivals(draw: st.DrawFn) -> Arrivals:
    """Draw up to 60 readings of three days, late, doubled, in conflict and in any order."""
    metric = draw(st.sampled_from(sorted(NATURES)))
    interval = draw(st.sampled_from([10, 15, 60, 240]))
    start = draw(st.sampled_from(STARTS))
    jumps = draw(st.lists(st.sampled_from([0.5, 1, 1, 1, 1, 1, 2, 5, 13]), min_size=1, max_size=60))
    chance = draw(st.randoms(use_true_random=False))
    at, rows, shown = start, [], 1_000.0
    for jump in jumps:
        at += timedelta(minutes=jump * interval, seconds=chance.choice([0, 0, 7]))
        shown += chance.random() * jump
        rows.append((at, shown if metric == "electricity_kwh" else chance.choice(VALUES[metric])))
    again = [one for one in rows if chance.random() < 0.15]
    if NATURES[metric] != "index":
        again += [(at, VALUES[metric][0]) for at, _ in rows if chance.random() < 0.1]
    chance.shuffle(arrived := rows + again)
    size = draw(st.integers(3, 30))
    batches = [arrived[first : first + size] for first in range(0, len(arrived), size)]
    places = st.one_of(st.none(), st.integers(0, len(batches) - 1))
    return Arrivals(metric, interval, batches, draw(places), draw(places))


@pytest.fixture(scope="module")
def connection(database_server: DatabaseServer, template: str) -> Iterator[Connection]:
    name = f"recomputed_{uuid.uuid4().hex}"
    with connected(database_server.create(name, template=template)) as opened:
        opened.autocommit = True
        yield opened
    database_server.drop(name)


def rows_of(rolled: Hours | Days) -> dict[Any, Row]:
    """Return roll-ups by their hour or day, as the oracle tells them."""
    if isinstance(rolled, Days):
        left, keys = {"series", "days"}, [day_numbered(day) for day in rolled.days.tolist()]
    else:
        left, keys = {"series", "hours"}, [from_microseconds(hour) for hour in rolled.hours.tolist()]
    names = [one.name for one in fields(rolled) if one.name not in left]
    columns = [[None if value != value else value for value in getattr(rolled, name).tolist()] for name in names]  # noqa: PLR0124
    return {key: dict(zip(names, row, strict=True)) for key, *row in zip(keys, *columns, strict=True)}


def raw_of(connection: Connection, series_id: int) -> list[Told]:
    """Return what is stored of a series, calibrated, with its judged quality."""
    rows = connection.execute(
        """
        SELECT observed_at, value * coalesce(gain, 1) + coalesce(shift, 0), quality, value, coalesce(gain, 1)
          FROM reading LEFT JOIN calibration_as_of(NULL) AS calibrated
               ON calibrated.series_id = reading.series_id AND observed_at >= valid_from AND observed_at < valid_until
         WHERE reading.series_id = %s ORDER BY observed_at
        """,
        (series_id,),
    )
    return [Told(*row) for row in rows]


def assert_alike(found: dict[Any, Row], told: dict[Any, Row]) -> None:
    """Fail unless the same roll-ups are there, with the same figures but for the order of additions."""
    assert found.keys() == told.keys()
    for key, row in told.items():
        assert found[key].keys() == row.keys()
        for name, value in row.items():
            if value is None:
                assert found[key][name] is None, (key, name)
            else:
                assert found[key][name] == pytest.approx(value, rel=1e-9, abs=1e-6), (key, name)


def arrive(connection: Connection, drawn: Arrivals, chance: random.Random) -> tuple[int, list[tuple[datetime, Any]]]:
    """Have a series live through its arrivals; return its id, and the hours as they stood after each batch."""
    [series_id] = adopt(connection, f"capteur-{next(_names)}", drawn.metric, at=STARTS[0])
    [(sensor_id,)] = connection.execute("SELECT sensor_id FROM series WHERE series_id = %s", (series_id,))
    interval_s = drawn.interval_min * 60
    set_interval(connection, sensor_id, interval_s if drawn.edit_at is None else 2 * interval_s)
    stood = []
    for number, batch in enumerate(drawn.batches):
        now = STARTS[-1] + timedelta(days=30, hours=number)
        write(connection, [(series_id, at, value) for at, value in batch], at=now)
        if number == drawn.calibrate_at and drawn.metric in {"co2_ppm", "power_kw", "electricity_kwh"}:
            middle = sorted(at for at, _ in batch)[len(batch) // 2]
            calibrations.write_calibration(connection, Calibration(series_id, middle, now, 1.5, -10.0, "Nadia"))
        if number == drawn.edit_at:
            set_interval(connection, sensor_id, interval_s)
        if chance.random() < 0.7:
            judge_all(connection)
            stood.append((now, rows_of(read_zone_hours(connection, *every_hour_of(series_id)))))
    judge_all(connection)
    return series_id, stood


def set_interval(connection: Connection, sensor_id: int, interval_s: int) -> None:
    held = sensor_life.hold_sensor(connection, sensor_id)
    signed = Signature("Nadia", STARTS[0])
    sensor_life.edit_sensor(connection, held, replace(held, interval_s=interval_s), signed)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(arrivals(), st.randoms(use_true_random=False))
def test_any_arrivals_come_to_what_the_raw_readings_say(
    connection: Connection, drawn: Arrivals, chance: random.Random
) -> None:
    series_id, _ = arrive(connection, drawn, chance)
    nature, interval = NATURES[drawn.metric], timedelta(minutes=drawn.interval_min)
    assert metric_named(drawn.metric).nature == nature
    raw = raw_of(connection, series_id)
    hours = hours_told(raw, nature, interval)
    assert_alike(rows_of(read_zone_hours(connection, *every_hour_of(series_id))), hours)
    assert_alike(rows_of(read_days(connection, [series_id], *EVER)), days_told(hours, nature, interval))


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(arrivals(), st.randoms(use_true_random=False))
def test_as_of_an_instant_the_hours_are_what_they_were_then(
    connection: Connection, drawn: Arrivals, chance: random.Random
) -> None:
    # What a person edits of a sensor is not dated, and a conflict is flagged on the reading itself: neither is as of.
    first = {at: value for batch in reversed(drawn.batches) for at, value in reversed(batch)}
    kept = [[(at, first[at]) for at, _ in batch] for batch in drawn.batches]
    series_id, stood = arrive(
        connection, Arrivals(drawn.metric, drawn.interval_min, kept, drawn.calibrate_at, None), chance
    )
    window = Window(min(first) - 2 * HOUR, max(first) + 99 * HOUR)
    for at, rows in stood:
        assert_alike(rows_of(roll_up_as_of(connection, series_id, window, at + MINUTE)), rows)
    assert {one.quality for one in raw_of(connection, series_id)} <= {int(one) for one in Quality}
