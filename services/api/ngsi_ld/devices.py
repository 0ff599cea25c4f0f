"""What a Device entity says: its state, what it measures, whom it serves."""

from __future__ import annotations

from typing import Final

from core.clock import format_instant
from core.places import SensorKind
from services.api.ngsi_ld.said import Json, Subject, Teller, is_silent, related, told
from services.api.ngsi_ld.urns import format_urn

# The quantities that dataModel.Device 0.0.9 lists, by metric; a metric without one of them is not told.
_CONTROLLED: Final = {
    "co2_ppm": "airPollution",
    "pm1_ugm3": "airPollution",
    "pm25_ugm3": "airPollution",
    "pm10_ugm3": "airPollution",
    "no2_ugm3": "airPollution",
    "o3_ugm3": "airPollution",
    "tvoc_ugm3": "airPollution",
    "temperature_c": "temperature",
    "humidity_ratio": "humidity",
    "pressure_hpa": "atmosphericPressure",
    "noise_dba": "noiseLevel",
    "fill_ratio": "fillingLevel",
    "distance_mm": "depth",
    "weight_kg": "weight",
    "tilt_deg": "motion",
    "occupied": "occupancy",
    "closed": "occupancy",
    "power_kw": "power",
    "electricity_kwh": "electricityConsumption",
    "gas_kwh": "gasConsumption",
    "gas_power_kw": "power",
    "heat_kwh": "energy",
    "water_m3": "waterConsumption",
    "bikes_count": "trafficFlow",
    "vehicles_count": "trafficFlow",
    "pedestrians_count": "movementActivity",
    "passages_in_total": "movementActivity",
    "passages_out_total": "movementActivity",
    "battery_v": "batterySupply",
    "battery_ratio": "batteryLife",
}
_BY_KIND: Final = {
    SensorKind.INDOOR_AIR: "airPollution",
    SensorKind.OUTDOOR_AIR: "airPollution",
    SensorKind.BIN: "fillingLevel",
    SensorKind.BAY: "occupancy",
    SensorKind.METER: "energy",
    SensorKind.COUNTER: "trafficFlow",
}
_SERVED: Final = {
    SensorKind.INDOOR_AIR: "AirQualityObserved",
    SensorKind.OUTDOOR_AIR: "AirQualityObserved",
    SensorKind.BIN: "WasteContainer",
    SensorKind.BAY: "ParkingSpot",
}


def serial_number(subject: Subject, _: Teller) -> Json:
    """Return what the device is called on its network."""
    assert subject.sensor is not None, "a device is a sensor"
    return told(subject.sensor.external_id)


def controlled_property(subject: Subject, _: Teller) -> Json:
    """Return what it measures; of one that never spoke, what its kind does."""
    assert subject.sensor is not None, "a device is a sensor"
    measures = sorted({_CONTROLLED[metric] for metric in subject.values if metric in _CONTROLLED})
    return told(measures or [_BY_KIND[subject.sensor.kind]])


def device_category(subject: Subject, _: Teller) -> Json:
    """Return meter or sensor."""
    assert subject.sensor is not None, "a device is a sensor"
    return told(["meter" if subject.sensor.kind is SensorKind.METER else "sensor"])


def controlled_asset(subject: Subject, _: Teller) -> Json | None:
    """Return the container, spot or place of observation that it serves."""
    assert subject.sensor is not None, "a device is a sensor"
    served = _SERVED.get(subject.sensor.kind)
    return related([format_urn(served, subject.number)]) if served else None


def device_state(subject: Subject, teller: Teller) -> Json:
    """Return ``reporting``, or ``silent`` where nothing it measures is of now."""
    heard = any(not is_silent(subject, teller, metric) for metric in subject.values)
    return told("reporting" if heard else "silent", subject.newest_at())


def date_last_value_reported(subject: Subject, _: Teller) -> Json | None:
    """Return when its newest value was observed."""
    newest = subject.newest_at()
    return None if newest is None else told(format_instant(newest))
