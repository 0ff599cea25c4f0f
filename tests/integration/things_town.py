"""A small town behind SensorThings on a real PostgreSQL, for the tests that ask it and the clients that read it."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
from api_process import api_running

from core.places import Origin, Sensor, SensorKind, Site
from core.quality.calibrations import Calibration
from core.readings import Arrival, Batch, Flag, Frame, Quality, Reading
from core.sensor_life import DeviceModel, Signature
from core.store import batches, calibrations, devices, frames, places, sensor_life, sensors
from core.store.pool import Connection, connected
from vigie.embedded import DatabaseServer

START = datetime(2026, 3, 2, 8, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
COUNT = 1_500
TOTAL = COUNT + 4 + 2
LONG_AGO = START - timedelta(days=4_100)
MOVED = START + 500 * MINUTE
CALIBRATED = START + 1_400 * MINUTE


@dataclass
class Town:
    """A school with a room sensor that was moved there, a bay, and a simulated bin without a point."""

    api: httpx.Client
    co2: int
    occupied: int
    school: int
    station: int
    url: str

    def ask(self, path: str, **options: str) -> httpx.Response:
        """Answer a request; the options' names get their dollar sign here."""
        return self.api.get(f"/sensorthings/v1.1{path}", params={f"${name}": value for name, value in options.items()})

    def get(self, path: str, **options: str) -> Any:
        """Return the JSON of a good answer."""
        answer = self.ask(path, **options)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def follow(self, url: str) -> Any:
        """Return the JSON of a page that a link leads to."""
        answer = self.api.get(url)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def ids(self, path: str, **options: str) -> list[Any]:
        """Return the ids of a collection's first page."""
        return [item["@iot.id"] for item in self.get(path, **options)["value"]]

    def refused(self, path: str, **options: str) -> tuple[int, str]:
        """Return the status and the words of a refusal."""
        answer = self.ask(path, **options)
        assert answer.headers["content-type"] == "application/problem+json"
        return answer.status_code, answer.json()["detail"]


@contextmanager
def things_town(server: DatabaseServer, template: str) -> Iterator[Town]:
    """Furnish a fresh database, run the API on it, and drop it at the end."""
    name = f"things_{uuid.uuid4().hex}"
    url = server.create(name, template=template)
    with connected(url) as connection:
        ids = _furnished(connection)
    with api_running(url) as api:
        api.base_url = api.base_url.copy_with(path="/")
        yield Town(api, *ids, url)
    server.drop(name)


def _furnished(connection: Connection) -> tuple[int, int, int, int]:
    devices.write_device_models(
        connection, [DeviceModel("milesight-am319", "Milesight", "AM319", (SensorKind.INDOOR_AIR,))]
    )
    station = Site("93066", "station-rn1", "Station RN1", 2.3587, 48.9331)
    school = Site("93051", "ecole", "École Jaurès", 2.5561, 48.8452)
    room = Sensor("salle-2", SensorKind.INDOOR_AIR, "Salle 2", station, model="milesight-am319", interval_s=60)
    room_id = sensors.adopt_sensor(connection, room, START)
    bay = Sensor("bay-1", SensorKind.BAY, "Aire 1", Site("93051", "aire-1", "Aire de l'église", 2.55, 48.84))
    bay_id = sensors.adopt_sensor(connection, bay, START)
    bin_ = Sensor("bin-1", SensorKind.BIN, "Bac 1", Site("93051", "bac-1", "Bac 1"), Origin.SIMULATED)
    bin_id = sensors.adopt_sensor(connection, bin_, START)
    co2 = places.write_series(connection, room_id, "co2_ppm")
    places.write_series(connection, room_id, "temperature_c")
    occupied = places.write_series(connection, bay_id, "occupied")
    places.write_series(connection, bin_id, "fill_ratio")
    rows = [Reading(co2, START + k * MINUTE, 400.0 + k % 700) for k in range(COUNT)]
    rows[7] = Reading(co2, START + 7 * MINUTE, 5_000.0, Quality.BAD, Flag.SPIKE)
    rows += [Reading(occupied, START + k * MINUTE, float(k % 2)) for k in range(4)]
    closed = places.write_series(connection, bay_id, "closed")
    rows += [Reading(closed, at, 0.0) for at in (LONG_AGO, START)]
    batches.write_batch(connection, Batch(START + timedelta(days=2), rows))
    frames.write_frames(connection, [Frame(room_id, "session", 7, START)], START, Arrival.LIVE)
    held = sensor_life.hold_sensor(connection, room_id)
    sensor_life.move_sensor(connection, held, school, MOVED, Signature("somebody", MOVED))
    calibrations.write_calibration(connection, Calibration(co2, CALIBRATED, CALIBRATED, 2.0, 1.0, "somebody"))
    found = {site.code: site.site_id for site in places.read_sites(connection)}
    return co2, occupied, found["ecole"] or 0, found["station-rn1"] or 0
