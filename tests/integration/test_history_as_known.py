"""A history read as of an instant: whatever comes later, it is what was read then, to the bit."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.clock import Window, floor_to_step, now
from core.columns import to_microseconds
from core.metrics import metric_named
from core.places import Sensor, SensorKind, Site
from core.quality.calibrations import Calibration
from core.quality.marks import codes_of
from core.quality.steps import steps_of
from core.readings import Batch, Message, Reading
from core.store.arrow import ArrowConnection, opened_arrow
from core.store.batches import write_batch
from core.store.calibrations import write_calibration
from core.store.places import write_series
from core.store.pool import Connection, connected
from core.store.sensors import declare_sensor
from models.history import Floats, History
from services.history import Reach, read_history
from services.quality import judge_touched, samples_as_of

pytestmark = pytest.mark.integration
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
METRICS = ("no2_ugm3", "bikes_count", "co2_ppm", "occupied")
DAYS = 3


@dataclass(frozen=True)
class Write:
    """Readings of a series: (minutes before the present, value). Some are late, doubled, in conflict or stuck."""

    series: int
    rows: tuple[tuple[int, float], ...]


@dataclass(frozen=True)
class Recalibrate:
    """A series is calibrated, for the past too."""

    series: int
    minutes: int
    gain: float


class Judge:
    """The worker judges what was touched."""


_minutes = st.integers(1, DAYS * 24 * 60)
_values = st.sampled_from([300.0, 310.25, 330.5, 377.1, 420.3, 900.7, 0.0, 1.0])
_single = st.lists(st.tuples(_minutes, _values), min_size=1, max_size=12).map(tuple)


@st.composite
def _runs(draw: st.DrawFn) -> tuple[tuple[int, float], ...]:
    """Readings every ten minutes for hours: of one value they are stuck, once there are enough of them."""
    first, count = draw(_minutes), draw(st.integers(2, 120))
    wiggle, value = draw(st.booleans()), draw(_values)
    return tuple((first - 10 * n, value + (n % 5) * 0.3 * wiggle) for n in range(count) if first - 10 * n > 0)


_writes = st.builds(Write, st.integers(0, len(METRICS) - 1), st.one_of(_single, _runs()))
_calibrations = st.builds(Recalibrate, st.integers(0, len(METRICS) - 1), _minutes, st.sampled_from([0.9, 1.1]))
_acts = st.lists(st.one_of(_writes, _writes, _calibrations, st.builds(Judge)), min_size=2, max_size=9)


@pytest.fixture
def connection(database_url: str) -> Iterator[Connection]:
    with connected(database_url) as connection:
        yield connection


@pytest.fixture
def arrow(database_url: str) -> Iterator[ArrowConnection]:
    with opened_arrow(database_url) as arrow:
        yield arrow


def register(connection: Connection, number: int) -> dict[str, int]:
    """Register sensors of one example's own; return their series by metric."""
    site = Site("93051", f"place-{number}", "Place")
    series = {}
    for metric in METRICS:
        sensor = Sensor(f"{metric}-{number}", SensorKind.INDOOR_AIR, metric, site)
        series[metric] = write_series(connection, declare_sensor(connection, sensor, now() - timedelta(days=9)), metric)
    return series


def act(connection: Connection, what: object, series: dict[str, int], start: datetime) -> None:
    ids = list(series.values())
    if isinstance(what, Write):
        rows = [Reading(ids[what.series], start - minutes * MINUTE, value) for minutes, value in what.rows]
        # Received when it is written, as in life.
        write_batch(connection, Batch(now(), rows, [Message("t", b"", start, 0)] * len(rows)))
    elif isinstance(what, Recalibrate):
        at = start - what.minutes * MINUTE
        write_calibration(connection, Calibration(ids[what.series], at, now(), what.gain, 0.5, "Nadia"))
    else:
        judge_touched(connection)
    connection.commit()


def read(connection: Connection, arrow: ArrowConnection, metric: str, series_id: int, at: datetime) -> Floats:
    window = Window.ending(at, timedelta(days=DAYS + 1))
    history = read_history(arrow, connection, metric_named(metric), Reach(window, ("93051",)))
    connection.commit()
    values: Floats = history.values[history.series_ids.index(series_id)]
    return values


def read_all_anew(connection: Connection, metric: str, series_id: int, at: datetime) -> Floats:
    """Return hours from all readings that had come, judged anew: nothing that the store has ready is used."""
    window = Window(floor_to_step(at - timedelta(days=DAYS + 1), HOUR), at)
    starts = np.arange(to_microseconds(window.start), to_microseconds(at), 3_600_000_000)
    samples = samples_as_of(connection, codes_of(np.full(len(starts), series_id), starts), at)
    steps = [steps_of(some.within(window), HOUR) for some in samples]
    connection.commit()
    values: Floats = History.of(metric_named(metric), window, (series_id,), steps).values[0]
    return values


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(acts=_acts, number=st.integers(0, 10**9))
def test_what_was_read_is_read_again_whatever_comes_later(
    connection: Connection, arrow: ArrowConnection, acts: list[object], number: int
) -> None:
    series, start = register(connection, number), now()
    connection.commit()
    told: list[tuple[datetime, dict[str, Floats]]] = []
    for what in acts:
        act(connection, what, series, start)
        at = now()
        told.append((at, {metric: read(connection, arrow, metric, one, at) for metric, one in series.items()}))
    for at, then in told:
        for metric, values in then.items():
            again = read(connection, arrow, metric, series[metric], at)
            assert np.array_equal(again, values, equal_nan=True), (metric, at)
        for metric in ("no2_ugm3", "bikes_count"):
            anew = read_all_anew(connection, metric, series[metric], at)
            assert np.array_equal(anew, then[metric], equal_nan=True), metric


def test_a_sensor_found_stuck_later_was_not_stuck_then(connection: Connection, arrow: ArrowConnection) -> None:
    series, start = register(connection, 1), now()
    first = Write(0, tuple((60 * hour, 377.1) for hour in range(40, 34, -1)))
    act(connection, first, series, start)
    act(connection, Judge(), series, start)
    at = now()
    before = read(connection, arrow, "no2_ugm3", series["no2_ugm3"], at)
    assert np.isfinite(before).sum() == 6
    act(connection, Write(0, tuple((60 * hour, 377.1) for hour in range(34, 1, -1))), series, start)
    act(connection, Judge(), series, start)
    assert np.isfinite(read(connection, arrow, "no2_ugm3", series["no2_ugm3"], now())).sum() < 6
    assert np.array_equal(read(connection, arrow, "no2_ugm3", series["no2_ugm3"], at), before, equal_nan=True)
