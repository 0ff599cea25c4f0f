"""The one way in: a batch of readings, rejections and asides, in one transaction."""

from __future__ import annotations

from core.readings import Batch, BatchOutcome
from core.store.live import lock_live, write_live_readings
from core.store.pool import Connection
from core.store.rejections import write_asides, write_rejections

_STAGE = """
    CREATE TEMPORARY TABLE IF NOT EXISTS staging (
        position integer, series_id integer, observed_at timestamptz, value double precision, quality smallint
    ) ON COMMIT DELETE ROWS
"""
_COPY = "COPY staging (position, series_id, observed_at, value, quality) FROM STDIN (FORMAT BINARY)"

# The first of a batch wins, as the first of all does; what comes back are the positions that were not stored.
_INSERT = """
    WITH first AS (
        SELECT DISTINCT ON (series_id, observed_at) position, series_id, observed_at, value, quality
          FROM staging ORDER BY series_id, observed_at, position
    ), stored AS (
        INSERT INTO reading (series_id, observed_at, value, quality, received_at)
        SELECT series_id, observed_at, value, quality, %(received_at)s FROM first
        ON CONFLICT (series_id, observed_at) DO NOTHING
        RETURNING series_id, observed_at
    )
    SELECT position FROM staging
    EXCEPT
    SELECT first.position FROM first JOIN stored USING (series_id, observed_at)
"""
_CONFLICTS = """
    SELECT staging.position FROM staging JOIN reading USING (series_id, observed_at)
     WHERE staging.position = ANY(%(positions)s) AND staging.value <> reading.value
"""
# Ordered by key, so that two ingest processes lock rows in one order and never each other.
_LATEST = """
    WITH newest AS (
        SELECT DISTINCT ON (series_id) series_id, observed_at, value, quality
          FROM staging WHERE NOT position = ANY(%(left_out)s)
         ORDER BY series_id, observed_at DESC
    ), moved AS (
        INSERT INTO latest (series_id, observed_at, value, quality, received_at)
        SELECT series_id, observed_at, value, quality, %(received_at)s FROM newest ORDER BY series_id
        ON CONFLICT (series_id) DO UPDATE
           SET observed_at = excluded.observed_at, value = excluded.value, quality = excluded.quality,
               received_at = excluded.received_at
         WHERE latest.observed_at < excluded.observed_at
        RETURNING series_id, observed_at, value, quality
    )
    SELECT site.commune_insee, series.series_id, sensor.sensor_id, series.metric, moved.observed_at, moved.value,
           moved.quality
      FROM moved JOIN series USING (series_id) JOIN sensor USING (sensor_id) JOIN site USING (site_id)
"""


# Rows of one commune, kind and minute are shared between ingest processes: written last, in key order, under the
# lock of the live feed.
_RECEPTION = """
    INSERT INTO reception (commune_insee, kind, minute, stored)
    SELECT site.commune_insee, sensor.kind, date_trunc('minute', %(received_at)s::timestamptz), count(*)
      FROM staging JOIN series USING (series_id) JOIN sensor USING (sensor_id) JOIN site USING (site_id)
     WHERE NOT staging.position = ANY(%(left_out)s)
     GROUP BY site.commune_insee, sensor.kind
     ORDER BY site.commune_insee, sensor.kind
    ON CONFLICT (minute, commune_insee, kind) DO UPDATE SET stored = reception.stored + excluded.stored
"""


def write_batch(connection: Connection, batch: Batch) -> BatchOutcome:
    """Write all of a batch in one transaction: readings, latest values, rejections, asides and the live feed.

    Idempotent: written twice, it counts once. A reading whose instant already has another value is a
    ``conflict``: the first stays, and the caller keeps the second as a rejection.

    Returns
    -------
    BatchOutcome
        What became of each reading, by its position in the batch.
    """
    with connection.transaction():
        outcome = _write_readings(connection, batch)
        write_rejections(connection, [*batch.rejections, *batch.conflict_rejections(outcome)])
        write_asides(connection, batch.asides)
    return outcome


def _write_readings(connection: Connection, batch: Batch) -> BatchOutcome:
    if not batch.readings:
        return BatchOutcome(0, frozenset(), frozenset())
    connection.execute(_STAGE)
    with connection.cursor() as cursor, cursor.copy(_COPY) as copy:
        copy.set_types(["int4", "int4", "timestamptz", "float8", "int2"])
        for position, reading in enumerate(batch.readings):
            copy.write_row((position, reading.series_id, reading.observed_at, reading.value, int(reading.quality)))
    left_out = [row[0] for row in connection.execute(_INSERT, {"received_at": batch.received_at})]
    conflicts = frozenset(
        row[0] for row in (connection.execute(_CONFLICTS, {"positions": left_out}) if left_out else ())
    )
    moved = connection.execute(_LATEST, {"left_out": left_out, "received_at": batch.received_at}).fetchall()
    lock_live(connection)
    write_live_readings(connection, batch.received_at, moved)
    connection.execute(_RECEPTION, {"left_out": left_out, "received_at": batch.received_at})
    return BatchOutcome(len(batch.readings) - len(left_out), frozenset(left_out) - conflicts, conflicts)
