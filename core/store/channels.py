"""Series as completeness looks at them: how often they should speak, and since when."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from core.store.pool import Connection


@dataclass(frozen=True, slots=True)
class Channel:
    """A series as completeness looks at it: how often it should speak, and from when until when.

    ``interval_s`` and ``retired_at`` are None where its sensor has none.
    """

    series_id: int
    sensor_id: int
    external_id: str
    name: str
    metric: str
    interval_s: int | None
    first_hour: datetime
    retired_at: datetime | None


def read_channels(connection: Connection, *, commune: str | None = None, series_id: int | None = None) -> list[Channel]:
    """Return the series of a commune, or one, that ever had a reading, in order of sensor and series."""
    rows = connection.execute(
        """
        WITH asked AS MATERIALIZED (
            SELECT series.series_id, sensor.sensor_id, sensor.external_id, sensor.name, series.metric,
                   sensor.interval_s, sensor.retired_at
              FROM series JOIN sensor USING (sensor_id) JOIN site USING (site_id)
             WHERE (%(commune)s::text IS NULL OR site.commune_insee = %(commune)s)
               AND (%(series_id)s::integer IS NULL OR series.series_id = %(series_id)s)
        )
        SELECT series_id, sensor_id, external_id, name, metric, interval_s, oldest.hour, retired_at
          FROM asked JOIN first_hours((SELECT array_agg(series_id) FROM asked)) AS oldest USING (series_id)
         ORDER BY sensor_id, series_id
        """,
        {"commune": commune, "series_id": series_id},
    )
    return [Channel(*row) for row in rows]
