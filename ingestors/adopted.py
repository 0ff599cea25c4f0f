"""The adopted sensors as the ingest process knows them: by external id, with the ids of their series."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from core.places import Sensor
from core.store.places import read_sensors, read_series, write_series
from core.store.pool import Connection


@dataclass(frozen=True, slots=True)
class Known:
    """An adopted sensor, as one of its external ids names it.

    Parameters
    ----------
    communes
        INSEE codes that its native topics may name, each with the instant up to which it may (None: still).
    until
        Readings observed from then on are refused: its retirement, or the removal of this device; None: never.
    """

    sensor: Sensor
    communes: dict[str, datetime | None]
    until: datetime | None = None


class AdoptedSensors:
    """Adopted sensors and their series, as last read from the store."""

    def __init__(self) -> None:
        self._by_external_id: dict[str, Known] = {}
        self._series: dict[tuple[int, str], int] = {}

    def refresh(self, connection: Connection) -> None:
        """Read all of them again."""
        self._by_external_id = {
            sensor.external_id: Known(sensor, {sensor.site.commune_insee: None}, sensor.retired_at)
            for sensor in read_sensors(connection)
        }
        self._series = {(one.sensor_id, one.metric): one.series_id for one in read_series(connection)}

    def named(self, external_id: str) -> Known | None:
        """Return the adopted sensor of this external id, or None."""
        return self._by_external_id.get(external_id)

    def series_id(self, connection: Connection, sensor: Sensor, metric: str) -> int:
        """Return the id of a sensor's series, writing the series at its first reading."""
        assert sensor.sensor_id is not None, "an adopted sensor was read from the store"
        key = (sensor.sensor_id, metric)
        if key not in self._series:
            self._series[key] = write_series(connection, *key)
        return self._series[key]
