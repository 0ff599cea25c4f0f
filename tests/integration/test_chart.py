"""Charts on a real server: from the finest source that is cheap, no extreme lost, gaps as gaps."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from core.clock import Window
from core.metrics import Family
from core.places import Sensor, SensorKind, Site
from core.quality.calibrations import Calibration
from core.readings import Batch, Flag, Message, Quality, Reading
from core.store import calibrations, places, sensors
from core.store.batches import write_batch
from core.store.pool import Connection, connected
from core.store.retention import raise_kept_since
from services.chart import DOUBTFUL_MAX, Chart, ChartAsked, Source, read_chart
from services.quality import judge_touched

pytestmark = pytest.mark.integration
T0 = datetime(2026, 3, 2, tzinfo=UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
MESSAGE = Message("vigie/v1/93051/indoor_air/s1/up", b"{}", T0, 2)
LEVEL, STATE = 1, 2


@pytest.fixture
def connection(database_url: str) -> Iterator[Connection]:
    with connected(database_url) as connection:
        sensor = Sensor("s1", SensorKind.INDOOR_AIR, "Salle 1", Site("93051", "ecole", "École", 2.55, 48.85))
        sensor_id = sensors.adopt_sensor(connection, sensor, T0)
        for metric in ("co2_ppm", "occupied"):
            places.write_series(connection, sensor_id, metric)
        yield connection


def write(connection: Connection, *rows: Reading, received_at: datetime = T0 + DAY) -> None:
    write_batch(connection, Batch(received_at, rows, [MESSAGE] * len(rows)))


def chart_of(
    connection: Connection, series_id: int, window: Window, points: int = 800, as_of: datetime | None = None
) -> Chart:
    return read_chart(connection, series_id, ChartAsked(window, points, as_of), T0 + 90 * DAY)


def rows_of(chart: Chart) -> list[tuple[float, float | None]]:
    """Return hours after T0 and mean of each point, None where the line breaks."""
    hours = (chart.curve.times - chart.curve.times[0]) / 3.6e9
    return [(hour, None if np.isnan(mean) else mean) for hour, mean in zip(hours, chart.curve.mean, strict=True)]


def test_few_readings_are_drawn_as_they_are_with_their_gap(connection: Connection) -> None:
    write(connection, *(Reading(LEVEL, T0 + minutes * MINUTE, 600.0 + minutes) for minutes in (0, 10, 20, 120)))
    chart = chart_of(connection, LEVEL, Window(T0, T0 + DAY))
    assert (chart.source, chart.step, chart.doubtful_count) == (Source.RAW, None, 0)
    assert [mean for _, mean in rows_of(chart)] == [600.0, 610.0, 620.0, None, 720.0]
    assert rows_of(chart)[3][0] == 0.5


def test_many_readings_come_to_few_points_and_no_extreme_is_lost(connection: Connection) -> None:
    random = np.random.default_rng(3)
    values = random.normal(600, 50, 7 * 144)
    values[[137, 700]] = 1_900.0, 330.0
    write(connection, *(Reading(LEVEL, T0 + n * 10 * MINUTE, value) for n, value in enumerate(values.tolist())))
    chart = chart_of(connection, LEVEL, Window(T0, T0 + 7 * DAY), points=100)
    assert (chart.source, chart.step) == (Source.RAW, 2 * HOUR)
    assert len(chart.curve) == 84
    assert (chart.curve.high.max(), chart.curve.low.min()) == (1_900.0, 330.0)
    assert chart.curve.last[-1] == values[-1]


def test_what_is_bad_is_told_beside_the_curve_and_not_in_it(connection: Connection) -> None:
    rows = [Reading(LEVEL, T0 + n * 10 * MINUTE, 600.0 + n) for n in range(6)]
    bad = Reading(LEVEL, T0 + 65 * MINUTE, 30_000.0, Quality.BAD, Flag.CLOCK)
    suspect = Reading(LEVEL, T0 + 75 * MINUTE, 640.0, Quality.SUSPECT)
    write(connection, *rows, bad, suspect)
    chart = chart_of(connection, LEVEL, Window(T0, T0 + DAY))
    assert chart.curve.high[~np.isnan(chart.curve.high)].max() == 640.0
    assert chart.doubtful == [bad, suspect]
    assert chart.doubtful_count == 2
    narrow = chart_of(connection, LEVEL, Window(T0, T0 + 70 * MINUTE))
    assert narrow.doubtful == [bad]


def test_of_many_doubtful_the_newest_are_told_and_all_counted(connection: Connection) -> None:
    many = DOUBTFUL_MAX + 20
    write(connection, *(Reading(LEVEL, T0 + n * MINUTE, 600.0, Quality.SUSPECT) for n in range(many)))
    chart = chart_of(connection, LEVEL, Window(T0, T0 + DAY))
    assert chart.doubtful_count == many
    assert chart.doubtful[-1].observed_at == T0 + (many - 1) * MINUTE
    assert len(chart.doubtful) == DOUBTFUL_MAX


def test_a_state_is_drawn_from_what_held_when_the_window_began(connection: Connection) -> None:
    # Held for three intervals of 15 minutes at most.
    rows = [(-20, 1.0), (10, 0.0), (20, 1.0), (120, 0.0)]
    write(connection, *(Reading(STATE, T0 + minutes * MINUTE, value) for minutes, value in rows))
    chart = chart_of(connection, STATE, Window(T0, T0 + 3 * HOUR))
    minutes = [(round(60 * hour), mean) for hour, mean in rows_of(chart)]
    assert minutes == [(0, 1.0), (10, 0.0), (20, 1.0), (65, None), (120, 0.0), (165, None)]


def test_long_windows_are_drawn_from_hours_and_longer_ones_from_days(connection: Connection) -> None:
    write(connection, *(Reading(LEVEL, T0 + n * HOUR / 2, 600.0 + n % 48) for n in range(48 * 30)))
    while judge_touched(connection).hours_touched:
        pass
    month = Window(T0, T0 + 30 * DAY)
    hours = chart_of(connection, LEVEL, Window(T0 - 200 * DAY, month.end))
    assert (hours.source, hours.step) == (Source.HOUR, 12 * HOUR)
    assert (len(hours.curve), hours.curve.low.min(), hours.curve.high.max()) == (60, 600.0, 647.0)
    days = chart_of(connection, LEVEL, Window(T0 - 3_000 * DAY, month.end))
    assert (days.source, days.step) == (Source.DAY, 4 * DAY)
    assert (days.curve.low.min(), days.curve.high.max()) == (600.0, 647.0)
    assert 8 <= len(days.curve) <= 9


def test_where_readings_were_let_go_of_the_hours_are_drawn(connection: Connection) -> None:
    write(connection, *(Reading(LEVEL, T0 + n * HOUR / 2, 600.0 + n) for n in range(4)))
    while judge_touched(connection).hours_touched:
        pass
    raise_kept_since(connection, Family.AIR, T0 + HOUR)
    connection.execute("DELETE FROM reading WHERE observed_at < %s", (T0 + HOUR,))
    before, after = (chart_of(connection, LEVEL, Window(start, T0 + DAY)) for start in (T0, T0 + HOUR))
    assert (before.source, [mean for _, mean in rows_of(before)]) == (Source.HOUR, [600.5, 602.5])
    assert (after.source, [mean for _, mean in rows_of(after)]) == (Source.RAW, [602.0, 603.0])


def test_a_chart_is_of_what_was_known(connection: Connection) -> None:
    write(connection, Reading(LEVEL, T0, 600.0), received_at=T0 + HOUR)
    write(connection, Reading(LEVEL, T0 + MINUTE, 700.0), received_at=T0 + 3 * HOUR)
    calibrations.write_calibration(connection, Calibration(LEVEL, T0, T0 + 2 * HOUR, 2.0, 0.0, "Nadia"))
    found = [rows_of(chart_of(connection, LEVEL, Window(T0, T0 + DAY), as_of=T0 + hours * HOUR)) for hours in (1, 2, 3)]
    assert [[mean for _, mean in one] for one in found] == [[600.0], [1_200.0], [1_200.0, 1_400.0]]


def test_nothing_is_drawn_of_a_series_without_readings(connection: Connection) -> None:
    for window in (Window(T0, T0 + DAY), Window(T0 - 200 * DAY, T0), Window(T0 - 3_000 * DAY, T0)):
        assert len(chart_of(connection, LEVEL, window).curve) == 0
    with pytest.raises(KeyError):
        chart_of(connection, 9, Window(T0, T0 + DAY))
