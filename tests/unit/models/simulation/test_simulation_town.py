from __future__ import annotations

import json
import os
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.clock import Window
from core.metrics import METRICS, forecast_metrics
from core.places import Origin, SensorKind, communes
from models.simulation.days import OPENED, SeededDay
from models.simulation.faults import FaultKind
from models.simulation.town import FAULTS, MEMBERS, Town, town

REAL_DATA = Path(os.environ.get("VIGIE_REAL_DATA_DIR", "../shared/data"))
CONTOURS = REAL_DATA / "geography" / "communes_mgp_130_2026_light.geojson"
DAY = Window(datetime(2026, 3, 10, tzinfo=UTC), datetime(2026, 3, 11, tzinfo=UTC))

FAULTY = {fault.external_id for fault in FAULTS if fault.kind in {FaultKind.LATE, FaultKind.DUPLICATE}}
FEW = tuple(member for member in MEMBERS if member.sensor.external_id in FAULTY)
"""The late and the duplicate: five families, and all that makes cutting hard."""


@settings(max_examples=12, deadline=None)
@given(
    start_s=st.integers(0, 400 * 86_400),
    length_s=st.integers(1, 30 * 3600),
    cut=st.floats(0, 1),
)
def test_cutting_a_window_in_two_gives_the_same_deliveries(start_s: int, length_s: int, cut: float) -> None:
    start = datetime(2025, 10, 1, tzinfo=UTC) + timedelta(seconds=start_s)
    window = Window(start, start + timedelta(seconds=length_s))
    middle = start + cut * window.length
    whole = list(Town(3, FEW).deliveries(window))
    late_part = list(Town(3, FEW).deliveries(Window(middle, window.end)))
    early_part = list(Town(3, FEW).deliveries(Window(window.start, middle)))
    assert early_part + late_part == whole
    assert all(delivery.deliver_at in window for delivery in whole)


def test_a_day_of_the_whole_town_is_ordered_admitted_and_never_before_its_observation() -> None:
    source = town()
    names = {sensor.external_id for sensor in source.sensors}
    day = list(source.deliveries(DAY))
    assert {delivery.external_id for delivery in day} == names
    assert all(one.deliver_at <= other.deliver_at for one, other in pairwise(day))
    for delivery in day:
        assert METRICS[delivery.metric].admits(delivery.value)
        assert delivery.observed_at <= delivery.deliver_at < delivery.observed_at + timedelta(days=1)
        assert delivery.observed_at.utcoffset() == timedelta(0)
    assert {metric.name for metric, _ in forecast_metrics()} - {delivery.metric for delivery in day} == {
        "gas_power_kw",
        "vehicles_count",
        "pedestrians_count",
    }


@pytest.mark.parametrize("offset", [0, 1])
def test_all_that_was_read_in_a_day_is_delivered_by_the_end_of_the_next(offset: int) -> None:
    start = DAY.start + timedelta(days=offset)
    day = SeededDay(1, start.toordinal())
    delivered = {
        (delivery.external_id, delivery.metric, int(delivery.observed_at.timestamp()), delivery.value)
        for delivery in Town(1, FEW).deliveries(Window(start, start + timedelta(days=2)))
    }
    read = {
        (trace.external_id, trace.metric, observed_s, value)
        for member in FEW
        for trace in member.traces(day)
        for observed_s, value in zip(trace.observed_s.tolist(), trace.values.tolist(), strict=True)
    }
    assert read <= delivered


def test_one_series_has_one_value_at_one_instant() -> None:
    seen: dict[tuple[str, str, datetime], float] = {}
    repeated = 0
    for delivery in town().deliveries(DAY):
        key = delivery.external_id, delivery.metric, delivery.observed_at
        repeated += key in seen
        assert seen.setdefault(key, delivery.value) == delivery.value
    assert repeated == sum(1 for _ in town().deliveries(DAY)) - len(seen)


def test_something_arrives_in_every_two_minutes_of_a_live_day() -> None:
    instants = sorted({delivery.deliver_at for delivery in town().deliveries(DAY)})
    assert max(later - sooner for sooner, later in pairwise(instants)) < timedelta(minutes=2)


def test_the_same_seed_is_the_same_town_and_another_is_not() -> None:
    hour = Window(DAY.start, DAY.start + timedelta(hours=1))
    assert list(Town(5, FEW).deliveries(hour)) == list(Town(5, FEW).deliveries(hour))
    assert list(Town(5, FEW).deliveries(hour)) != list(Town(6, FEW).deliveries(hour))


def test_nothing_is_delivered_before_the_town_opened() -> None:
    opened = datetime(OPENED.year, OPENED.month, OPENED.day, tzinfo=UTC)
    source = Town(1, FEW)
    assert list(source.deliveries(Window(opened - timedelta(days=900), opened))) == []
    assert list(source.deliveries(Window(opened - timedelta(days=1), opened + timedelta(hours=1)))) != []


def test_sensors_are_labelled_simulated_and_stand_in_real_communes() -> None:
    sensors = town().sensors
    assert len(sensors) == 7 + 2 + 24 + 10 + 6 + 2
    assert len({sensor.external_id for sensor in sensors}) == len(sensors)
    sites = {(sensor.site.commune_insee, sensor.site.code): sensor.site for sensor in sensors}
    for sensor in sensors:
        assert sensor.origin is Origin.SIMULATED
        assert sensor.external_id == sensor.external_id.lower()
        assert not set(sensor.external_id) & set("/+# ")
        assert len(sensor.external_id) <= 64
        assert sites[sensor.site.commune_insee, sensor.site.code] == sensor.site
        assert communes()[sensor.site.commune_insee].merged_into is None


@pytest.mark.real_data
@pytest.mark.skipif(not CONTOURS.exists(), reason=f"the contours of the communes are not at {CONTOURS}")
def test_sites_lie_within_their_commune() -> None:
    contours = {row["properties"]["insee"]: row["geometry"] for row in json.loads(CONTOURS.read_text())["features"]}
    for sensor in town().sensors:
        site = sensor.site
        assert site.longitude is not None
        assert site.latitude is not None
        assert _inside(contours[site.commune_insee], site.longitude, site.latitude), site


def _inside(geometry: dict[str, Any], longitude: float, latitude: float) -> bool:
    assert geometry["type"] == "Polygon"
    crossings = 0
    for (x0, y0), (x1, y1) in pairwise(geometry["coordinates"][0]):
        if (y0 > latitude) != (y1 > latitude):
            crossings += longitude < x0 + (latitude - y0) * (x1 - x0) / (y1 - y0)
    return crossings % 2 == 1


def test_stations_say_that_they_speak_each_hour() -> None:
    """Their metrics expect more: by those they would be silent most of the time."""
    intervals = {one.interval_s for one in town(1).sensors if one.kind is SensorKind.OUTDOOR_AIR}
    assert intervals == {3_600}
