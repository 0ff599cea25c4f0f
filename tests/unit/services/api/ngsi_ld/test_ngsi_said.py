"""What entities say of bays, devices and counters: closed or silent before free, and what is simulated labelled."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from core.places import Origin, Sensor, SensorKind, Site
from core.store.entities import NewestValue
from services.api.ngsi_ld.entity_types import ENTITY_TYPES
from services.api.ngsi_ld.faults import Refused
from services.api.ngsi_ld.gathering import tell
from services.api.ngsi_ld.said import Subject, Teller
from services.api.ngsi_ld.urns import format_urn, parse_urn

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
TELLER = Teller(NOW, "https://vigie.example")
STREET = Site("93051", "rue", "Rue Vaquier", 2.55, 48.85, 3)
QUARTER = timedelta(minutes=15)


def subject(
    kind: SensorKind,
    *values: NewestValue,
    number: int = 7,
    origin: Origin = Origin.FIELD,
    interval_s: int | None = None,
) -> Subject:
    sensor = Sensor("a-7", kind, "Capteur", STREET, origin, number, NOW, interval_s=interval_s)
    return Subject(number, STREET, sensor, {value.metric: value for value in values})


def read(metric: str, value: float, age: timedelta = timedelta(0), quality: int = 0) -> NewestValue:
    return NewestValue(41, 7, metric, NOW - age, value, quality, 0)


@pytest.mark.parametrize(
    ("values", "status"),
    [
        ([read("occupied", 1)], "occupied"),
        ([read("occupied", 0)], "free"),
        ([read("occupied", 0, 3 * QUARTER)], "free"),
        ([read("occupied", 0, 3 * QUARTER + timedelta(seconds=1))], "unknown"),
        ([read("occupied", 0, quality=1)], "free"),
        ([read("occupied", 0, quality=2)], "unknown"),
        ([read("occupied", 0), read("closed", 1)], "closed"),
        ([read("occupied", 1), read("closed", 0)], "occupied"),
        ([read("occupied", 0), read("closed", 1, 4 * QUARTER)], "free"),
        ([], "unknown"),
    ],
)
def test_a_bay_is_closed_or_unknown_before_it_is_free(values: list[NewestValue], status: str) -> None:
    told = tell(ENTITY_TYPES["ParkingSpot"], subject(SensorKind.BAY, *values), TELLER)
    assert told["status"]["value"] == status
    assert told["refParkingSite"]["object"] == "urn:ngsi-ld:OnStreetParking:vigie:3"


def test_a_sensor_that_speaks_seldom_is_not_silent_between() -> None:
    hour_old = [read("occupied", 0, timedelta(hours=1))]
    kind = ENTITY_TYPES["ParkingSpot"]
    assert tell(kind, subject(SensorKind.BAY, *hour_old), TELLER)["status"]["value"] == "unknown"
    assert tell(kind, subject(SensorKind.BAY, *hour_old, interval_s=3_600), TELLER)["status"]["value"] == "free"


def test_one_whose_rhythm_was_learnt_is_silent_by_that() -> None:
    kind = ENTITY_TYPES["ParkingSpot"]
    hour_old = read("occupied", 0, timedelta(hours=1))
    seldom, often = replace(hour_old, silent_after_s=7_200.0), replace(hour_old, silent_after_s=1_800.0)
    assert tell(kind, subject(SensorKind.BAY, seldom), TELLER)["status"]["value"] == "free"
    assert tell(kind, subject(SensorKind.BAY, often, interval_s=3_600), TELLER)["status"]["value"] == "unknown"


def parking(*members: Subject) -> dict[str, object]:
    told = tell(ENTITY_TYPES["OnStreetParking"], Subject(3, STREET, members=members), TELLER)
    return {name: attribute.get("value") for name, attribute in told.items() if isinstance(attribute, dict)}


def test_a_parking_of_silent_bays_says_how_many_there_are_and_no_more() -> None:
    silent = [subject(SensorKind.BAY, read("occupied", 0, timedelta(days=1)), number=k) for k in (1, 2)]
    told = parking(*silent)
    assert told["totalSpotNumber"] == 2
    assert "availableSpotNumber" not in told
    assert parking(subject(SensorKind.BAY))["totalSpotNumber"] == 1


def test_a_parking_counts_each_bay_once() -> None:
    told = parking(
        subject(SensorKind.BAY, read("occupied", 1), number=1),
        subject(SensorKind.BAY, read("occupied", 0), number=2),
        subject(SensorKind.BAY, number=3),
    )
    numbers = [told[f"{name}Number"] for name in ("occupiedSpot", "availableSpot", "outOfServiceSlot", "unknownSpot")]
    assert numbers == [1, 1, 0, 1]


def test_what_is_simulated_says_so_on_the_entity_and_on_each_value() -> None:
    simulated = subject(SensorKind.BIN, read("fill_ratio", 0.4), origin=Origin.SIMULATED)
    told = tell(ENTITY_TYPES["WasteContainer"], simulated, TELLER)
    assert told["dataProvider"]["value"] == "Vigie (simulated)"
    assert told["origin"]["value"] == "simulated"
    assert told["fillingLevel"]["origin"]["value"] == "simulated"
    field = tell(ENTITY_TYPES["WasteContainer"], subject(SensorKind.BIN, read("fill_ratio", 0.4)), TELLER)
    assert "origin" not in field["fillingLevel"]


def test_a_device_reports_or_is_silent_and_says_what_it_measures() -> None:
    kind = ENTITY_TYPES["Device"]
    fresh = tell(kind, subject(SensorKind.BIN, read("fill_ratio", 0.4), read("rssi_dbm", -90)), TELLER)
    assert (fresh["deviceState"]["value"], fresh["controlledProperty"]["value"]) == ("reporting", ["fillingLevel"])
    assert fresh["controlledAsset"]["object"] == ["urn:ngsi-ld:WasteContainer:vigie:7"]
    old = tell(kind, subject(SensorKind.BIN, read("fill_ratio", 0.4, timedelta(hours=4))), TELLER)
    assert old["deviceState"]["value"] == "silent"
    never = tell(kind, subject(SensorKind.METER), TELLER)
    assert (never["deviceState"], never["controlledProperty"]["value"]) == (
        {"type": "Property", "value": "silent"},
        ["energy"],
    )
    assert "dateLastValueReported" not in never


def test_a_count_says_which_interval_it_is_of() -> None:
    counted = subject(SensorKind.COUNTER, read("bikes_count", 12, timedelta(hours=1)))
    told = tell(ENTITY_TYPES["TrafficFlowObserved"], counted, TELLER)
    assert told["vehicleType"]["value"] == "bicycle"
    assert told["dateObservedFrom"]["value"] == "2026-03-02T11:00:00Z"
    assert told["dateObservedTo"]["value"] == "2026-03-02T12:00:00Z"
    vehicles = subject(SensorKind.COUNTER, read("vehicles_count", 12))
    assert "vehicleType" not in tell(ENTITY_TYPES["TrafficFlowObserved"], vehicles, TELLER)


def test_watts_are_not_spoilt_by_the_conversion() -> None:
    told = tell(ENTITY_TYPES["ACMeasurement"], subject(SensorKind.METER, read("power_kw", 12.3)), TELLER)
    assert told["totalActivePower"]["value"] == 12_300.0


def test_names_come_back_as_they_went() -> None:
    assert parse_urn(format_urn("Device", 2**31 - 1)) == ("Device", 2**31 - 1)
    for strange in ("urn:ngsi-ld:Device:vigie:0", "urn:ngsi-ld:Device:vigie:2147483648", "https://example.org/7"):
        assert parse_urn(strange) is None
    with pytest.raises(Refused):
        parse_urn("Device 7")
