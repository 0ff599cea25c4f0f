"""The adopted sensors as the ingest process knows them: by external id, with the ids of their series."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from core.places import Sensor
from core.sensor_life import FormerDevice, FormerPlace
from core.store.places import read_series
from core.store.pool import Connection
from core.store.sensors import read_sensors_with_past
from ingestors.series import KnownSeries


@dataclass(frozen=True, slots=True)
class Known:
    """An adopted sensor, as one of its external ids names it: its device's, or a former device's.

    Parameters
    ----------
    sensor
        Of a former device: with that device's external id and model, so that its frames are decoded as its own.
    communes
        INSEE codes that its native topics may name, each with the instant up to which it may (None: still). A reading
        observed from that instant on, on a topic of that commune, is refused (``wrong_topic``).
    since
        Readings observed before are refused (``retired``): the device lay in the workshop, or was another sensor's;
        None: there is no such instant.
    until
        Readings observed from then on are refused (``retired``): its retirement, or the removal of this device; None:
        never.
    """

    sensor: Sensor
    communes: dict[str, datetime | None]
    until: datetime | None = None
    since: datetime | None = None


class AdoptedSensors:
    """Adopted sensors and their series, as last read from the store."""

    def __init__(self) -> None:
        self._by_external_id: dict[str, Known] = {}
        self.series = KnownSeries()
        """Their series, by whole arrays."""

    def refresh(self, connection: Connection) -> None:
        """Read all of them again."""
        self._by_external_id = known_by_external_id(*read_sensors_with_past(connection))
        self.series = KnownSeries(read_series(connection))

    def named(self, external_id: str) -> Known | None:
        """Return the adopted sensor of this external id, or None."""
        return self._by_external_id.get(external_id)


def known_by_external_id(
    sensors: Iterable[Sensor], devices: Iterable[FormerDevice], places: Iterable[FormerPlace]
) -> dict[str, Known]:
    """Return each sensor under its external id, and under those of its former devices.

    ``devices`` and ``places`` come in time order. A device that serves another sensor by now is known as that one's,
    since it was removed from the first: what it observed before is refused, not credited to either.
    """
    by_id = {sensor.sensor_id: sensor for sensor in sensors}
    communes: dict[int | None, dict[str, datetime | None]] = {sensor_id: {} for sensor_id in by_id}
    for place in places:
        communes[place.sensor_id][place.commune_insee] = place.left_at
    for sensor_id, sensor in by_id.items():
        communes[sensor_id][sensor.site.commune_insee] = None
    known: dict[str, Known] = {}
    since: dict[int | str | None, datetime] = {}
    for former in devices:
        device, owner = former.device, by_id[former.sensor_id]
        sensor = replace(owner, external_id=device.external_id, model=device.model)
        began = _latest(since, owner.sensor_id, device.external_id)
        known[device.external_id] = Known(sensor, communes[owner.sensor_id], former.removed_at, began)
        # The device that came after it counts from then on, and so does this one wherever it went.
        since[owner.sensor_id] = since[device.external_id] = former.removed_at
    for sensor_id, sensor in by_id.items():
        began = _latest(since, sensor_id, sensor.external_id)
        known[sensor.external_id] = Known(sensor, communes[sensor_id], sensor.retired_at, began)
    return known


def _latest(since: dict[int | str | None, datetime], *keys: int | str | None) -> datetime | None:
    return max((since[key] for key in keys if key in since), default=None)
