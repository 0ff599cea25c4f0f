from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import polars as pl
import pytest

from core.clock import Window
from core.metrics import METRICS
from core.places import Origin, SensorKind
from ingestors.replay import FILE_METRICS, FilesUnfit, ReplayFiles, shift_between
from ingestors.units import CONVERSIONS

FIRST = datetime(2019, 1, 1, tzinfo=UTC)
NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
WEEK = timedelta(weeks=1)
HOUR = timedelta(hours=1)


def write(folder: Path, hours: int) -> Path:
    folder.mkdir(exist_ok=True)
    times = [FIRST + HOUR * hour for hour in range(hours)]
    rows = [(time, "B 1", "electricity_kwh", float(time.hour)) for time in times]
    rows += [(time, "Air/2", "humidity_pct", 50.0) for time in times]
    rows += [(time, "Air/2", "wind_ms", 3.0) for time in times]
    frame = pl.DataFrame(rows, schema=["time", "sensor_id", "metric", "value"], orient="row")
    frame.write_parquet(folder / "long.parquet")
    return folder


def test_files_become_labelled_sensors_and_shifted_deliveries(tmp_path: Path) -> None:
    source = ReplayFiles([write(tmp_path / "City_Hall", 24 * 40)], commune="93059", now=NOW, history=timedelta(days=14))
    assert source.left_out == ("wind_ms",)
    assert source.shift % WEEK == timedelta(0)
    assert {one.external_id: one.kind for one in source.sensors} == {
        "city-hall-b-1": SensorKind.METER,
        "city-hall-air-2": SensorKind.OUTDOOR_AIR,
    }
    assert {(one.origin, one.site.commune_insee) for one in source.sensors} == {(Origin.REPLAYED, "93066")}
    history = list(source.deliveries(Window(NOW - timedelta(days=14), NOW)))
    power = [one for one in history if one.metric == "power_kw"]
    # Midnight's zero means missing in this source; the hour is known when it has passed.
    assert len(power) == 14 * 23
    assert {one.deliver_at - one.observed_at for one in power} == {HOUR}
    assert all(one.value == one.observed_at.hour for one in power)
    humidity = [one for one in history if one.metric == "humidity_ratio"]
    assert len(humidity) == 14 * 24
    assert {one.value for one in humidity} == {0.5}
    assert all(one.deliver_at <= two.deliver_at for one, two in pairwise(history))
    assert list(source.deliveries(Window(NOW, NOW + timedelta(days=1)))) != []


def test_cutting_a_window_gives_the_same_deliveries(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ingestors.replay.SLICE_ROWS", 100)
    source = ReplayFiles([write(tmp_path / "a", 24 * 20)], commune="75056", now=NOW, history=timedelta(days=9))
    start = NOW - timedelta(days=9)
    middle = start + timedelta(days=3, minutes=17)
    whole = list(source.deliveries(Window(start, NOW)))
    parts = [*source.deliveries(Window(start, middle)), *source.deliveries(Window(middle, NOW))]
    assert whole == parts
    assert len(whole) == 9 * (24 + 23)


@pytest.mark.parametrize(
    ("length", "history", "unit"), [(timedelta(days=1_000), 120, 52 * WEEK), (timedelta(days=60), 28, WEEK)]
)
def test_the_shift_keeps_the_weekday_and_if_it_can_the_season(length: timedelta, history: int, unit: timedelta) -> None:
    covered = Window(FIRST, FIRST + length)
    shift = shift_between(covered, NOW, timedelta(days=history))
    assert shift % unit == timedelta(0)
    assert covered.start + shift <= NOW - timedelta(days=history)
    assert covered.end + shift >= NOW


def test_a_file_shorter_than_the_history_ends_within_a_week_of_now() -> None:
    shift = shift_between(Window(FIRST, FIRST + timedelta(days=25)), NOW, timedelta(days=28))
    end = FIRST + timedelta(days=25) + shift
    assert shift % WEEK == timedelta(0)
    assert NOW <= end < NOW + WEEK


def test_unfit_files_are_named(tmp_path: Path) -> None:
    (tmp_path / "notes.csv").write_text("a,b\n1,2\n")
    with pytest.raises(FilesUnfit, match=r"notes\.csv is no long"):
        ReplayFiles([tmp_path / "notes.csv"], commune="75056", now=NOW, history=WEEK)
    (tmp_path / "other.csv").write_text("time,sensor_id,metric,value\n2020-01-01T00:00:00Z,a,free_spaces,2\n")
    with pytest.raises(FilesUnfit, match="free_spaces"):
        ReplayFiles([tmp_path / "other.csv"], commune="75056", now=NOW, history=WEEK)
    with pytest.raises(FilesUnfit, match="no Parquet or CSV file"):
        ReplayFiles([], commune="75056", now=NOW, history=WEEK)


def test_a_csv_with_times_in_utc_is_read(tmp_path: Path) -> None:
    (tmp_path / "air.csv").write_text("time,sensor_id,metric,value\n2020-01-06T00:00:00Z,a,no2_ppb,10\n")
    source = ReplayFiles([tmp_path / "air.csv"], commune="75056", now=NOW, history=timedelta(0))
    instant = datetime(2020, 1, 6, tzinfo=UTC) + source.shift
    found = list(source.deliveries(Window(instant, instant + HOUR)))
    assert [(one.metric, one.observed_at) for one in found] == [("no2_ugm3", instant)]
    assert found[0].value == pytest.approx(19.125)


def test_every_metric_of_files_is_one_of_ours() -> None:
    assert {row.metric for row in FILE_METRICS.values()} <= set(METRICS) == set(CONVERSIONS)
