"""Uplink health of a sensor: what came of what it sent, how late, by which gateways; its battery and its end."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Annotated, Literal

from fastapi import Query
from pydantic import Field

from core.clock import Window, now
from core.places import Sensor, Series
from core.store.gateways import GatewayShare
from core.store.places import read_series_of
from core.store.pool import Connection
from core.store.sensors import read_sensor
from services.api.answers import Answer, History, api_router, documented
from services.api.parameters import SensorId
from services.api.problems import Code, Problem
from services.battery import Battery, WhyNot, read_battery
from services.uplink import Uplink, read_uplink

router = api_router("sensors")

DAYS_MAX = 31
Days = Annotated[int, Query(ge=1, le=DAYS_MAX, description="How far back, in days of 24 h.")]
_GATEWAY = {
    "gateway": "mairie-toit",
    "name": "mairie-toit",
    "share": 0.94,
    "frames": 945,
    "rssi_dbm": -97.5,
    "snr_db": 7.5,
    "last_at": "2026-03-02T08:10:00Z",
    "longitude": 2.5486,
    "latitude": 48.8484,
}
_BATTERY = {
    "metric": "battery_v",
    "unit": "V",
    "now": 3.48,
    "points": [["2026-02-28", 3.49], ["2026-03-01", 3.48]],
    "empty_at_value": 2.2,
    "ends": {"earliest": "2027-11-12", "likely": "2028-03-04", "latest": "2028-08-20"},
    "why_not": None,
}
_UPLINK = {
    "network": "lorawan",
    "interval_s": 600,
    "received": 987,
    "expected": 1008,
    "ratio": 0.979,
    "missing": 21,
    "delay_median_s": 1.8,
    "delay_p95_s": 4.1,
    "rssi": [["2026-03-02T07:00:00Z", -97.5]],
    "snr": [["2026-03-02T07:00:00Z", 7.5]],
    "spreading_factor": 9,
    "gateways": [_GATEWAY],
    "gaps": [{"from": "2026-02-28T01:20:00Z", "until": "2026-02-28T04:20:00Z", "missing": 17}],
    "battery": _BATTERY,
}


class GatewayAnswer(Answer):
    """A gateway that heard a sensor."""

    gateway: str = Field(description="Its name on the network.")
    name: str = Field(description="As people call it; the same where nobody named it.")
    share: float = Field(description="Of the frames that came since gateways are known.")
    frames: int
    rssi_dbm: float | None = Field(description="Mean level.")
    snr_db: float | None = Field(description="Mean ratio of signal to noise.")
    last_at: datetime
    longitude: float | None
    latitude: float | None


class GapSpan(Answer):
    """A stretch in which messages are missing."""

    start: datetime = Field(alias="from")
    until: datetime | None = Field(description="Null while it lasts.")
    missing: int


class EndsAnswer(Answer):
    """When a battery will be empty: one time in ten before `earliest`, one in ten after `latest`."""

    earliest: date
    likely: date
    latest: date | None = Field(description="Null where nobody can say that it will.")


class BatteryAnswer(Answer):
    """A battery: its level by local day, and when it will be empty by the line through the last three months."""

    metric: str
    unit: str
    now: float | None
    points: list[tuple[date, float]] = Field(description="Day and mean, oldest first.")
    empty_at_value: float | None = Field(description="What counts as empty, as the rule of alarms says.")
    ends: EndsAnswer | None
    why_not: WhyNot | None = Field(description="Why no end is told.")


class UplinkAnswer(Answer):
    """How a sensor's messages come."""

    model_config = documented(_UPLINK)

    network: Literal["lorawan", "mqtt"] = Field(
        description="By LoRaWAN frame counters tell what is missing; else only how often the sensor should speak."
    )
    interval_s: int
    received: int = Field(description="Messages that came, at once or later.")
    expected: int
    ratio: float | None = Field(description="Null where none was due.")
    missing: int
    delay_median_s: float | None = Field(description="From observation to reception, of what came within a day.")
    delay_p95_s: float | None
    rssi: list[tuple[datetime, float]] = Field(description="Hour and mean level in dBm, at the best gateway.")
    snr: list[tuple[datetime, float]] = Field(description="Hour and mean ratio of signal to noise in dB, likewise.")
    spreading_factor: int | None = Field(description="Of the newest frame; null where the network does not say.")
    gateways: list[GatewayAnswer] = Field(description="The one that heard most first.")
    gaps: list[GapSpan] = Field(description="The newest first, 200 at most.")
    battery: BatteryAnswer | None = Field(description="Null where the sensor says nothing of one.")


@router.get("/sensors/{sensor_id}/uplink", operation_id="read_uplink", response_model_by_alias=True)
def read_sensor_uplink(sensor_id: SensorId, store: History, days: Days = 7) -> UplinkAnswer:
    """Return how a sensor's messages came over the last days, and how long its battery will last.

    A sensor that was not heard for three of its intervals is not heard: what it would have sent since is missing.
    """
    sensor, series = whole_sensor(store, sensor_id)
    at = now()
    end = min(at, sensor.retired_at or at)
    uplink = read_uplink(store, sensor, series, Window(end - timedelta(days=days), end))
    return _answer(uplink, read_battery(store, sensor, series, at))


def whole_sensor(store: Connection, sensor_id: int) -> tuple[Sensor, list[Series]]:
    """Return a sensor and its series.

    Raises
    ------
    Problem
        404 if there is none of this id, or it is not seen.
    """
    sensor = read_sensor(store, sensor_id)
    if sensor is None:
        raise Problem(Code.NOT_FOUND, f"there is no sensor {sensor_id}")
    return sensor, read_series_of(store, [sensor_id])[sensor_id]


def _answer(uplink: Uplink, battery: Battery | None) -> UplinkAnswer:
    reception = uplink.reception
    newest = max(uplink.gateways, key=lambda one: one.last_at, default=None)
    return UplinkAnswer(
        network="lorawan" if reception.is_numbered else "mqtt",
        interval_s=int(uplink.interval.total_seconds()),
        received=reception.received,
        expected=reception.expected,
        ratio=reception.ratio,
        missing=reception.missing,
        delay_median_s=reception.delays.median_s,
        delay_p95_s=reception.delays.p95_s,
        rssi=[(one.hour, one.mean) for one in uplink.rssi],
        snr=[(one.hour, one.mean) for one in uplink.snr],
        spreading_factor=newest.spreading_factor if newest else None,
        gateways=[_gateway(one, uplink.frames) for one in uplink.gateways],
        gaps=[
            GapSpan.model_validate({"from": one.since, "until": one.until, "missing": one.missing})
            for one in reception.lacks
        ],
        battery=None if battery is None else _battery(battery),
    )


def _gateway(one: GatewayShare, frames: int) -> GatewayAnswer:
    return GatewayAnswer(
        gateway=one.gateway,
        name=one.name or one.gateway,
        share=min(1.0, one.frames / max(frames, 1)),
        frames=one.frames,
        rssi_dbm=one.rssi_dbm,
        snr_db=one.snr_db,
        last_at=one.last_at,
        longitude=one.longitude,
        latitude=one.latitude,
    )


def _battery(battery: Battery) -> BatteryAnswer:
    ends = battery.ends
    return BatteryAnswer(
        metric=battery.metric,
        unit=battery.unit,
        now=battery.points[-1][1] if battery.points else None,
        points=list(battery.points),
        empty_at_value=battery.empty_at,
        ends=None if ends is None else EndsAnswer(earliest=ends.earliest, likely=ends.likely, latest=ends.latest),
        why_not=battery.why_not,
    )
