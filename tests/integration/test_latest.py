"""The newest readings, and what was expected of them, however many forecasts there were."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from core.forecasts import QUANTILES, Forecast, ForecastStep
from core.places import Sensor, SensorKind, Site
from core.quality.calibrations import Calibration
from core.readings import Batch, Message, Reading
from core.store import calibrations, forecasts, places, sensors
from core.store.batches import write_batch
from core.store.expectations import PIECES_MAX
from core.store.latest import read_latest
from core.store.pool import Connection, connected
from services.states import State, states_of

pytestmark = pytest.mark.integration
T0 = datetime(2026, 3, 2, 8, tzinfo=UTC)
MINUTE, STEP = timedelta(minutes=1), timedelta(minutes=15)
MESSAGE = Message("vigie/v1/93051/room/s1/up", b"{}", T0, 2)


@pytest.fixture
def connection(database_url: str) -> Iterator[Connection]:
    with connected(database_url) as connection:
        sensor = Sensor("s1", SensorKind.INDOOR_AIR, "Salle 1", Site("93051", "ecole", "École", 2.55, 48.85))
        sensor_id = sensors.adopt_sensor(connection, sensor, T0)
        for metric in ("co2_ppm", "temperature_c"):
            places.write_series(connection, sensor_id, metric)
        yield connection


def issue(connection: Connection, issued_at: datetime, level: float, steps: int = 8) -> None:
    """Issue a forecast of the first series: ``level`` in its first step, one more in each after it."""
    start = issued_at - (issued_at - T0) % STEP
    told = [
        ForecastStep(start + lead * STEP, tuple(level + lead + quantile for quantile in QUANTILES))
        for lead in range(steps)
    ]
    forecasts.write_forecasts(connection, [Forecast(1, issued_at, STEP, issued_at - STEP, told, None, "no_model")])


def expected_at(connection: Connection, observed_at: datetime) -> float | None:
    """Return the median that a reading of the first series is held against, had it been the newest."""
    connection.execute("TRUNCATE latest")
    write_batch(connection, Batch(observed_at, [Reading(1, observed_at, 1.0)], [MESSAGE]))
    [latest] = read_latest(connection)
    return latest.expected_p50


def searched_at(connection: Connection, observed_at: datetime) -> float | None:
    """Return the same, found in the forecasts alone."""
    with connection.transaction(force_rollback=True):
        connection.execute("UPDATE expectation SET since = '{}', p05 = '{}', p50 = '{}', p95 = '{}'")
        return expected_at(connection, observed_at)


def test_a_reading_is_held_against_the_newest_issue_before_it(connection: Connection) -> None:
    assert expected_at(connection, T0) is None
    issue(connection, T0 + MINUTE, 100.0)
    issue(connection, T0 + 21 * MINUTE, 200.0)
    told = {minute: expected_at(connection, T0 + minute * MINUTE) for minute in (0, 1, 14, 15, 20, 21, 30, 130, 137)}
    assert told == {0: None, 1: 100.5, 14: 100.5, 15: 101.5, 20: 101.5, 21: 200.5, 30: 201.5, 130: 207.5, 137: None}


def test_what_is_kept_says_what_the_forecasts_say(connection: Connection) -> None:
    for number in range(PIECES_MAX + 4):
        issue(connection, T0 + number * STEP + (number % 4) * 5 * MINUTE, 100.0 * number)
    # One that comes late, and is older than the newest: from then on the forecasts are searched.
    instants = [T0 + number * 7 * MINUTE for number in range(70)]
    kept = [expected_at(connection, instant) for instant in instants]
    assert kept == [searched_at(connection, instant) for instant in instants]
    issue(connection, T0 + 2 * MINUTE, 7_000.0)
    late = [expected_at(connection, instant) for instant in instants]
    assert late == [searched_at(connection, instant) for instant in instants]
    assert late[1] == 7_000.5


def test_latest_are_calibrated_and_come_by_pages(connection: Connection) -> None:
    rows = [Reading(1, T0, 600.0), Reading(2, T0, 20.0)]
    write_batch(connection, Batch(T0, rows, [MESSAGE] * 2))
    calibrations.write_calibration(connection, Calibration(1, T0 - MINUTE, T0, 2.0, -1.0, "Nadia"))
    assert [(one.series_id, one.value) for one in read_latest(connection)] == [(1, 1_199.0), (2, 20.0)]
    assert [one.series_id for one in read_latest(connection, limit=1)] == [1]
    assert [one.series_id for one in read_latest(connection, after=1, limit=1)] == [2]
    assert len(read_latest(connection, commune="75056")) == 0


def test_a_bin_that_was_emptied_is_as_expected(connection: Connection) -> None:
    """Its level is forecast as if nobody emptied it: only what is fuller than that is out of the ordinary."""
    bin_ = Sensor("b1", SensorKind.BIN, "Bac 1", Site("93051", "bacs", "Bacs", 2.55, 48.85))
    series_id = places.write_series(connection, sensors.adopt_sensor(connection, bin_, T0), "fill_ratio")
    told = [ForecastStep(T0, (0.60, 0.61, 0.63, 0.65, 0.67, 0.69, 0.70))]
    hour = timedelta(hours=1)
    forecasts.write_forecasts(connection, [Forecast(series_id, T0, hour, T0 - hour, told, None, "no_model")])
    for minute, level, state in ((10, 0.05, State.NORMAL), (20, 0.72, State.WATCH)):
        observed_at = T0 + minute * MINUTE
        write_batch(connection, Batch(observed_at, [Reading(series_id, observed_at, level)], [MESSAGE]))
        latest = read_latest(connection)
        [newest] = latest
        assert (newest.expected_p05, newest.expected_p50, newest.expected_p95) == (0.0, 0.65, 0.70)
        assert states_of(latest, observed_at) == [state]
