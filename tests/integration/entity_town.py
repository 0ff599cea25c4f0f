"""A town with one sensor of each kind and a reading of each of its metrics, for the integrators' interfaces."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from core.clock import Window, now
from core.places import Origin, Sensor, SensorKind, Site
from core.readings import Batch, Message, Quality, Reading
from core.store import batches, places, sensors
from core.store.pool import Connection, connected
from services.quality import judge_touched

COMMUNE = "93051"
MINUTES_10 = timedelta(minutes=10)
READINGS = 30
SCHOOL = Site(COMMUNE, "ecole", "École Jaurès", 2.5520, 48.8480)
STREET = Site(COMMUNE, "rue", "Rue du Docteur Jean Vaquier", 2.5600, 48.8500)
NOWHERE = Site(COMMUNE, "ailleurs", "Sans point")


@dataclass(frozen=True)
class Placed:
    """A sensor with the value of each of its metrics."""

    sensor: Sensor
    values: dict[str, float]


TOWN = (
    Placed(
        Sensor("salle-2", SensorKind.INDOOR_AIR, "Salle 2", SCHOOL),
        {"co2_ppm": 812.0, "temperature_c": 20.5, "humidity_ratio": 0.45, "pressure_hpa": 1013.0, "tvoc_ugm3": 120.0}
        | {"battery_ratio": 0.9, "battery_v": 3.3, "rssi_dbm": -90.0, "snr_db": 7.5},
    ),
    Placed(
        Sensor("station-1", SensorKind.OUTDOOR_AIR, "Station", STREET),
        {"pm1_ugm3": 5.0, "pm25_ugm3": 9.0, "pm10_ugm3": 14.0, "no2_ugm3": 31.0, "o3_ugm3": 60.0, "noise_dba": 61.0}
        | {"temperature_c": -2.0},
    ),
    Placed(
        Sensor("borne-1", SensorKind.BIN, "Borne verre", STREET, Origin.SIMULATED),
        {"fill_ratio": 0.4, "distance_mm": 900.0, "weight_kg": 120.0, "tilt_deg": 2.0, "temperature_c": 12.0},
    ),
    Placed(Sensor("aire-1", SensorKind.BAY, "Aire 1", STREET), {"occupied": 1.0}),
    Placed(Sensor("aire-2", SensorKind.BAY, "Aire 2", STREET), {"occupied": 0.0}),
    Placed(Sensor("aire-3", SensorKind.BAY, "Aire 3", STREET), {"occupied": 0.0, "closed": 1.0}),
    Placed(Sensor("aire-4", SensorKind.BAY, "Aire 4", STREET), {}),
    Placed(
        Sensor("compteur-1", SensorKind.METER, "Compteur", SCHOOL),
        {"power_kw": 12.345, "electricity_kwh": 100_000.0, "water_m3": 52.0},
    ),
    Placed(
        Sensor("boucle-1", SensorKind.COUNTER, "Boucle", STREET),
        {"bikes_count": 12.0, "vehicles_count": 240.0, "pedestrians_count": 33.0},
    ),
    Placed(Sensor("borne-2", SensorKind.BIN, "Borne sans point", NOWHERE), {"fill_ratio": 0.8}),
)


@dataclass(frozen=True)
class Standing:
    """What stands in the database: the ids of sensors by external id, of series by external id and metric."""

    present: datetime
    sensors: dict[str, int]
    series: dict[tuple[str, str], int]

    @property
    def history(self) -> Window:
        """The hours that the readings lie in."""
        return Window(self.present - READINGS * MINUTES_10, self.present + MINUTES_10)


def build_town(url: str) -> Standing:
    """Write the town: `READINGS` readings of every series, ten minutes apart, the newest now; judged and rolled up.

    Indexes grow by 1 a reading. The third newest CO2 is bad, as it was spoken.
    """
    present = now().replace(microsecond=0)
    standing = Standing(present, {}, {})
    with connected(url) as connection:
        for placed in TOWN:
            sensor_id = sensors.adopt_sensor(connection, placed.sensor, present - timedelta(days=30))
            standing.sensors[placed.sensor.external_id] = sensor_id
            for metric, value in placed.values.items():
                series_id = places.write_series(connection, sensor_id, metric)
                standing.series[placed.sensor.external_id, metric] = series_id
                _write(connection, present, series_id, metric, value)
        connection.commit()
        while judge_touched(connection).hours_touched:
            connection.commit()
    return standing


def _write(connection: Connection, present: datetime, series_id: int, metric: str, value: float) -> None:
    grows = metric.endswith(("_kwh", "_m3"))
    rows = [
        Reading(
            series_id,
            present - k * MINUTES_10,
            (9_999.0 if (metric, k) == ("co2_ppm", 2) else value) - (k if grows else 0),
            Quality.GOOD,
        )
        for k in range(READINGS)
    ]
    message = Message("vigie/v1/93051/bin/borne-1/up", b"", present, 0)
    batches.write_batch(connection, Batch(present, rows, [message] * len(rows)))
