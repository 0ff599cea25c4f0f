"""Sensors around a sensor, by the points of their sites."""

from __future__ import annotations

from dataclasses import dataclass

from core.store.pool import Connection

METRES_A_DEGREE = 111_195.0
"""Of latitude, on the mean sphere of 6,371,008.8 m (IUGG)."""


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A sensor in service near another one."""

    sensor_id: int
    distance_m: float


def read_neighbours(connection: Connection, sensor_id: int, radius_m: float, *, limit: int = 20) -> list[Neighbour]:
    """Return the sensors in service around a sensor that are of its kind or measure a metric of its own, nearest first.

    Distances are along the great circle between sites; a sensor of the same site is 0 m away. Without a point of its
    own, a sensor has the neighbours of its site only.
    """
    rows = connection.execute(
        """
        WITH here AS MATERIALIZED (
            SELECT sensor.sensor_id, sensor.kind, site.site_id, site.longitude, site.latitude,
                   ARRAY(SELECT metric FROM series WHERE series.sensor_id = sensor.sensor_id) AS metrics
              FROM sensor JOIN site USING (site_id) WHERE sensor.sensor_id = %(sensor_id)s
        ), near AS MATERIALIZED (
            SELECT site.site_id,
                   CASE WHEN site.site_id = here.site_id THEN 0
                        ELSE 2 * 6371008.8 * asin(least(1, sqrt(
                                 sin(radians(site.latitude - here.latitude) / 2) ^ 2
                                 + cos(radians(site.latitude)) * cos(radians(here.latitude))
                                   * sin(radians(site.longitude - here.longitude) / 2) ^ 2))) END AS distance_m
              FROM here JOIN site
                ON site.site_id = here.site_id
                OR (site.latitude BETWEEN here.latitude - %(degrees)s AND here.latitude + %(degrees)s
                    AND site.longitude BETWEEN here.longitude - %(degrees)s / cos(radians(here.latitude))
                                           AND here.longitude + %(degrees)s / cos(radians(here.latitude)))
        )
        SELECT sensor.sensor_id, near.distance_m
          FROM here CROSS JOIN near JOIN sensor ON sensor.site_id = near.site_id
         WHERE sensor.sensor_id <> here.sensor_id AND sensor.retired_at IS NULL AND near.distance_m <= %(radius_m)s
           AND (sensor.kind = here.kind
                OR EXISTS (SELECT FROM series
                            WHERE series.sensor_id = sensor.sensor_id AND series.metric = ANY(here.metrics)))
         ORDER BY near.distance_m, sensor.sensor_id LIMIT %(limit)s
        """,
        {"sensor_id": sensor_id, "radius_m": radius_m, "degrees": radius_m / METRES_A_DEGREE, "limit": limit},
    )
    return [Neighbour(*row) for row in rows]
