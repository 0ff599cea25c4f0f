"""Where a rule or a maintenance window is of: a commune, one of its sites, or one of its sensors."""

from __future__ import annotations

from core.errors import VigieError
from core.store.people import read_site_communes
from core.store.pool import Connection
from core.store.sensors import read_sensor


class PlaceUnknown(VigieError):
    """A site or a sensor does not stand in the commune, or is not seen; ``field`` names it."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(reason)
        self.field = field


def check_place(connection: Connection, commune: str | None, site_id: int | None, sensor_id: int | None) -> int | None:
    """Return the site of a place: the one that is named, or that of the sensor; None where it is neither.

    Raises
    ------
    PlaceUnknown
        If the site or the sensor is not of the commune, or the sensor not of the site.
    """
    if site_id is not None and read_site_communes(connection, [site_id]).get(site_id, ("", ""))[0] != commune:
        raise PlaceUnknown("site_id", f"there is no site {site_id} in {commune}")
    if sensor_id is None:
        return site_id
    sensor = read_sensor(connection, sensor_id)
    if sensor is None or sensor.site.commune_insee != commune or site_id not in {None, sensor.site.site_id}:
        raise PlaceUnknown("sensor_id", f"there is no sensor {sensor_id} there")
    return sensor.site.site_id
