"""The entity types that Vigie tells: one row each, of the Smart Data Models that its reference names.

A new type is one row here. What a model asks for and Vigie does not know (a meter's number of phases, a building's
use) stays out: missing stays missing.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import Enum
from typing import Final

from core.clock import format_instant
from core.metrics import metric_named
from core.places import SensorKind
from services.api.ngsi_ld import devices, parking, said
from services.api.ngsi_ld.said import Json, Measured, Saying, Subject, Teller, told
from services.api.ngsi_ld.urns import format_urn


class Grain(Enum):
    """What there is one entity for."""

    SENSOR = "sensor"
    SERIES = "series"
    SITE = "site"


@dataclass(frozen=True, slots=True)
class EntityType:
    """A type of entities.

    Parameters
    ----------
    subject
        The subject of Smart Data Models that the model belongs to: ``Environment``.
    kinds
        The kinds of sensors that it tells of.
    measured
        Its attributes that readings feed: what has a history.
    said
        Its other attributes.
    also_read
        Metrics that those need; None: all of the sensor's.
    spoken
        Whether an entity is there only once one of its metrics was read.
    """

    name: str
    subject: str
    grain: Grain
    kinds: tuple[SensorKind, ...]
    said: Mapping[str, Saying]
    measured: tuple[Measured, ...] = ()
    also_read: tuple[str, ...] | None = ()
    spoken: bool = False
    feeds: Mapping[str, Measured] = field(init=False)

    def __post_init__(self) -> None:
        # By metric: of a series' type, one attribute has several metrics.
        object.__setattr__(self, "feeds", {one.metric: one for one in self.measured})

    @property
    def metrics(self) -> tuple[str, ...] | None:
        """The metrics that telling all of it needs; None for all."""
        if self.also_read is None:
            return None
        return tuple(dict.fromkeys([*self.feeds, *self.also_read]))

    @property
    def attributes(self) -> tuple[str, ...]:
        """Names of its attributes, in the order in which they are told."""
        return tuple(dict.fromkeys([*self.said, *(one.attribute for one in self.measured)]))

    def metrics_for(self, attributes: Collection[str]) -> tuple[str, ...] | None:
        """Return the metrics that telling these attributes needs; None for all of the sensor's."""
        if all(name in STILL or name not in self.said for name in attributes):
            return tuple(one.metric for one in self.measured if one.attribute in attributes)
        return self.metrics

    def tell(self, attribute: str, subject: Subject, teller: Teller) -> Json | None:
        """Return one attribute of an entity, or None where there is nothing to say."""
        saying = self.said.get(attribute)
        if saying is not None:
            return saying(subject, teller)
        for one in self.measured:
            if one.attribute == attribute and (found := said.measured(one, subject)) is not None:
                return found
        return None


_PLACE: Final = {
    "name": said.name,
    "location": said.location,
    "address": said.address,
    "dataProvider": said.provider,
    "source": said.source,
    "origin": said.origin,
}
_OBSERVED: Final = {**_PLACE, "areaServed": said.area_served, "dateObserved": said.date_observed}
_INDOOR, _OUTDOOR = SensorKind.INDOOR_AIR, SensorKind.OUTDOOR_AIR
_INDEX_UNITS: Final = {
    "electricity_kwh": "KWH",
    "gas_kwh": "KWH",
    "heat_kwh": "KWH",
    "water_m3": "MTQ",
    "pulses_1_total": "C62",
    "pulses_2_total": "C62",
    "pulses_3_total": "C62",
}


def _type_of_location(subject: Subject, _: Teller) -> Json:
    indoor = subject.sensor is not None and subject.sensor.kind is _INDOOR
    return told("indoor" if indoor else "outdoor")


def _building(subject: Subject, _: Teller) -> Json | None:
    if subject.sensor is None or subject.sensor.kind is not _INDOOR or subject.site.site_id is None:
        return None
    return said.related(format_urn("Building", subject.site.site_id))


def _meter_type(subject: Subject, _: Teller) -> Json | None:
    return told(metric_named(next(iter(subject.values))).quantity) if subject.values else None


def _vehicle_type(subject: Subject, _: Teller) -> Json | None:
    """Return bicycle for a counter of bikes: what else it counts, a counter of vehicles does not say."""
    return told("bicycle") if "bikes_count" in subject.values else None


def _counted_from(subject: Subject, _: Teller) -> Json | None:
    newest = subject.newest_at()
    return None if newest is None else told(format_instant(newest))


def _counted_to(subject: Subject, _: Teller) -> Json | None:
    """Return when the interval ended that was counted: a count is of the interval that starts when it was observed."""
    newest = subject.newest_at()
    if newest is None:
        return None
    interval_s = subject.sensor.interval_s if subject.sensor else None
    step = metric_named(next(iter(subject.values))).step if interval_s is None else timedelta(seconds=interval_s)
    return told(format_instant(newest + step))


_COUNTED: Final = {
    **_OBSERVED,
    "refDevice": said.ref_device,
    "dateObservedFrom": _counted_from,
    "dateObservedTo": _counted_to,
}

_ROWS: Final = (
    EntityType(
        "AirQualityObserved",
        "Environment",
        Grain.SENSOR,
        (_INDOOR, _OUTDOOR),
        {
            **_OBSERVED,
            "refDevice": said.ref_device,
            "typeofLocation": _type_of_location,
            "refPointOfInterest": _building,
        },
        (
            Measured("co2", "co2_ppm", "59"),
            Measured("pm1", "pm1_ugm3", "GQ"),
            Measured("pm25", "pm25_ugm3", "GQ"),
            Measured("pm10", "pm10_ugm3", "GQ"),
            Measured("no2", "no2_ugm3", "GQ"),
            Measured("o3", "o3_ugm3", "GQ"),
            Measured("volatileOrganicCompoundsTotal", "tvoc_ugm3", "GQ"),
            Measured("temperature", "temperature_c", "CEL"),
            Measured("relativeHumidity", "humidity_ratio", "C62"),
            Measured("pressure", "pressure_hpa", "A97"),
            Measured("noiseLevel", "noise_dba", "2N"),
        ),
        spoken=True,
    ),
    EntityType(
        "IndoorEnvironmentObserved",
        "Environment",
        Grain.SENSOR,
        (_INDOOR,),
        {**_OBSERVED, "refDevice": said.ref_device, "refPointOfInterest": _building},
        (
            Measured("co2", "co2_ppm", "59"),
            Measured("temperature", "temperature_c", "CEL"),
            Measured("relativeHumidity", "humidity_ratio", "C62"),
            Measured("atmosphericPressure", "pressure_hpa", "A97"),
        ),
        spoken=True,
    ),
    EntityType(
        "WasteContainer",
        "WasteManagement",
        Grain.SENSOR,
        (SensorKind.BIN,),
        {**_PLACE, "areaServed": said.area_served, "refDevice": said.ref_devices},
        (
            Measured("fillingLevel", "fill_ratio", "C62"),
            Measured("cargoWeight", "weight_kg", "KGM"),
            Measured("temperature", "temperature_c", "CEL"),
            Measured("distance", "distance_mm", "MMT"),
            Measured("tilt", "tilt_deg", "DD"),
        ),
    ),
    EntityType(
        "ParkingSpot",
        "Parking",
        Grain.SENSOR,
        (SensorKind.BAY,),
        {
            **_PLACE,
            "areaServed": said.area_served,
            "status": parking.status,
            "category": parking.spot_category,
            "refParkingSite": parking.parking_site,
            "refDevice": said.ref_devices,
        },
        (Measured("occupied", "occupied", "C62"), Measured("closed", "closed", "C62")),
    ),
    EntityType(
        "OnStreetParking",
        "Parking",
        Grain.SITE,
        (SensorKind.BAY,),
        {
            **_PLACE,
            "areaServed": said.area_served,
            "category": parking.parking_category,
            "usageScenario": parking.usage_scenario,
            "occupancyDetectionType": parking.detection,
            "totalSpotNumber": parking.total_spots,
            "availableSpotNumber": parking.spots_that_are("free"),
            "occupiedSpotNumber": parking.spots_that_are("occupied"),
            "outOfServiceSlotNumber": parking.spots_that_are("closed"),
            "unknownSpotNumber": parking.spots_that_are("unknown"),
            "observationDateTime": parking.observation_time,
            "refParkingSpot": parking.parking_spots,
        },
        also_read=("occupied", "closed"),
    ),
    EntityType(
        "SmartMeteringObservation",
        "Device",
        Grain.SERIES,
        (SensorKind.METER,),
        {**_PLACE, "areaServed": said.area_served, "refDevice": said.ref_device, "meterType": _meter_type},
        tuple(Measured("totalConsumption", metric, unit) for metric, unit in _INDEX_UNITS.items()),
        spoken=True,
    ),
    EntityType(
        "ACMeasurement",
        "Energy",
        Grain.SENSOR,
        (SensorKind.METER,),
        {**_OBSERVED, "refDevice": said.ref_devices},
        (
            Measured("totalActivePower", "power_kw", "WTT", 1_000),
            Measured("totalActiveEnergyImport", "electricity_kwh", "KWH"),
        ),
        spoken=True,
    ),
    EntityType(
        "TrafficFlowObserved",
        "Transportation",
        Grain.SERIES,
        (SensorKind.COUNTER,),
        {**_COUNTED, "vehicleType": _vehicle_type},
        (Measured("intensity", "bikes_count", "C62"), Measured("intensity", "vehicles_count", "C62")),
        spoken=True,
    ),
    EntityType(
        "CrowdFlowObserved",
        "Transportation",
        Grain.SERIES,
        (SensorKind.COUNTER,),
        _COUNTED,
        (Measured("peopleCount", "pedestrians_count", "C62"),),
        spoken=True,
    ),
    EntityType(
        "Device",
        "Device",
        Grain.SENSOR,
        tuple(SensorKind),
        {
            **_PLACE,
            "serialNumber": devices.serial_number,
            "deviceCategory": devices.device_category,
            "controlledProperty": devices.controlled_property,
            "controlledAsset": devices.controlled_asset,
            "deviceState": devices.device_state,
            "dateLastValueReported": devices.date_last_value_reported,
        },
        (
            Measured("batteryLevel", "battery_ratio", "C62"),
            Measured("batteryVoltage", "battery_v", "VLT"),
            Measured("rssi", "rssi_dbm", "DBM"),
            Measured("signalToNoiseRatio", "snr_db", "2N"),
        ),
        also_read=None,
    ),
    EntityType("Building", "Building", Grain.SITE, (_INDOOR, SensorKind.METER), _PLACE),
)

ENTITY_TYPES: Final[dict[str, EntityType]] = {row.name: row for row in _ROWS}
"""Every type, in the order in which entities of several types are listed."""
STILL: Final = frozenset(
    {
        *_PLACE, "areaServed", "refDevice", "typeofLocation", "refPointOfInterest", "category", "refParkingSite",
        "usageScenario", "occupancyDetectionType", "totalSpotNumber", "refParkingSpot", "serialNumber",
        "deviceCategory", "controlledAsset",
    }
)  # fmt: skip
"""Attributes that no reading changes."""
OWN_TERMS: Final = frozenset(
    {
        "origin", "quality", "flags", "noiseLevel", "distance", "tilt", "occupied", "closed", "unknownSpotNumber",
        "batteryVoltage", "signalToNoiseRatio",
    }
)  # fmt: skip
"""Attributes that no Smart Data Model has: Vigie's own."""
