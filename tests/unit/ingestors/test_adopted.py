"""Who an external id means, and from when to when: after moves, replacements and retirements."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from core.places import Sensor, SensorKind, Site
from core.sensor_life import Device, FormerDevice, FormerPlace
from ingestors.adopted import Known, known_by_external_id

T0 = datetime(2026, 3, 2, tzinfo=UTC)
DAY = timedelta(days=1)
HERE, THERE = Site("93051", "mairie", "Mairie"), Site("93066", "gymnase", "Gymnase")
BIN = Sensor("b1", SensorKind.BIN, "Borne", HERE, sensor_id=1, model="eye")
OTHER = Sensor("b2", SensorKind.BIN, "Borne 2", THERE, sensor_id=2)


def test_a_sensor_is_known_by_its_external_id() -> None:
    assert known_by_external_id([BIN], [], []) == {"b1": Known(BIN, {"93051": None})}
    retired = replace(BIN, retired_at=T0)
    assert known_by_external_id([retired], [], []) == {"b1": Known(retired, {"93051": None}, until=T0)}


def test_a_commune_that_was_left_counts_until_then_unless_the_sensor_came_back() -> None:
    moved = replace(BIN, site=THERE)
    places = [FormerPlace(1, "93051", T0), FormerPlace(1, "92002", T0 + DAY), FormerPlace(1, "93051", T0 + 2 * DAY)]
    known = known_by_external_id([moved, OTHER], [], places)
    assert known["b1"].communes == {"93051": T0 + 2 * DAY, "92002": T0 + DAY, "93066": None}
    assert known["b2"].communes == {"93066": None}
    assert known_by_external_id([BIN], [], places)["b1"].communes == {"93051": None, "92002": T0 + DAY}


def test_a_former_device_counts_until_its_removal_with_its_own_model() -> None:
    devices = [
        FormerDevice(Device("old", None), 1, T0),
        FormerDevice(Device("older", "ear"), 1, T0 + DAY),
    ]
    known = known_by_external_id([BIN], devices, [])
    assert known["old"] == Known(replace(BIN, external_id="old", model=None), {"93051": None}, until=T0)
    older = replace(BIN, external_id="older", model="ear")
    assert known["older"] == Known(older, {"93051": None}, until=T0 + DAY, since=T0)
    assert known["b1"] == Known(BIN, {"93051": None}, since=T0 + DAY)


def test_a_device_that_serves_elsewhere_counts_there_from_its_removal_on() -> None:
    known = known_by_external_id([BIN, OTHER], [FormerDevice(Device("b2"), 1, T0)], [])
    assert known["b2"] == Known(OTHER, {"93066": None}, since=T0)
    assert known["b1"].since == T0
