"""The series that a rule of alarms is of: what a trial of it looks at."""

from __future__ import annotations

from core.alarms import Scope
from core.store.episodes import Watched
from core.store.pool import Connection


def read_in_scope(connection: Connection, scope: Scope, limit: int) -> list[Watched]:
    """Return the series in service of a scope that whoever asks sees, in order of their ids, at most ``limit``."""
    rows = connection.execute(
        """
        SELECT series.series_id, sensor.sensor_id, series.metric, sensor.interval_s, sensor.external_id, sensor.kind,
               site.site_id, site.commune_insee, sensor.retired_at
          FROM series JOIN sensor USING (sensor_id) JOIN site USING (site_id)
         WHERE sensor.retired_at IS NULL
           AND (%(metric)s::text IS NULL OR series.metric = %(metric)s)
           AND (%(kind)s::text IS NULL OR sensor.kind = %(kind)s)
           AND (%(commune)s::text IS NULL OR site.commune_insee = %(commune)s)
           AND (%(site_id)s::integer IS NULL OR site.site_id = %(site_id)s)
           AND (%(sensor_id)s::integer IS NULL OR sensor.sensor_id = %(sensor_id)s)
         ORDER BY series.series_id LIMIT %(limit)s
        """,
        {
            "metric": scope.metric,
            "kind": scope.kind,
            "commune": scope.commune_insee,
            "site_id": scope.site_id,
            "sensor_id": scope.sensor_id,
            "limit": limit,
        },
    )
    return [Watched(*row) for row in rows]


def read_sensor_names(connection: Connection, sensor_ids: list[int]) -> dict[int, str]:
    """Return what people call some sensors."""
    rows = connection.execute("SELECT sensor_id, name FROM sensor WHERE sensor_id = ANY(%s)", (sensor_ids,))
    return dict(rows.fetchall())
