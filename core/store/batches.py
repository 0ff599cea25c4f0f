"""The one way in: a batch of readings, rejections and asides, in one transaction."""

from __future__ import annotations

from typing import Any

import numpy as np
from psycopg.errors import CheckViolation

from core.columns import Columns, Ints, from_microseconds
from core.readings import Arrival, Batch, BatchOutcome, Flag, Quality
from core.store.asides import write_asides
from core.store.gateways import write_heard
from core.store.live import lock_live, write_live_bodies
from core.store.months import lacks_month, make_months, months_met
from core.store.pool import Connection
from core.store.raw_frames import write_as_came
from core.store.rejections import write_rejections
from core.store.staging import stage
from core.store.stretches import stretches

# The first of a batch wins, as the first of all does. What comes back are the first ones of the batch that met another,
# already stored; most often there is none, and the comparison is left out. In order of key, so that two ingest
# processes meet in one order and never wait for each other in a circle.
_INSERT = """
    WITH stored AS (
        INSERT INTO reading (series_id, observed_at, value, quality, flags, received_at)
        SELECT series_id, observed_at, value, quality, flags, %(received_at)s
          FROM staging WHERE first ORDER BY series_id, observed_at
        ON CONFLICT (series_id, observed_at) DO NOTHING
        RETURNING series_id, observed_at
    )
    SELECT position FROM staging
     WHERE first AND (SELECT count(*) FROM stored) < %(firsts)s
       AND NOT EXISTS (SELECT FROM stored
                        WHERE stored.series_id = staging.series_id AND stored.observed_at = staging.observed_at)
"""
# The bounds say no more than the join; constants let TimescaleDB leave out the other chunks.
_CONFLICTS = """
    SELECT staging.position FROM staging JOIN reading USING (series_id, observed_at)
     WHERE staging.position = ANY(%(positions)s) AND staging.value <> reading.value
       AND reading.series_id = ANY(%(series_ids)s)
       AND reading.observed_at BETWEEN %(earliest)s::timestamptz AND %(latest)s::timestamptz
     ORDER BY staging.position
"""
_DOUBT = """
    UPDATE reading SET flags = reading.flags | %(flag)s, quality = greatest(reading.quality, %(suspect)s)
     WHERE reading.series_id = %(series_id)s AND reading.observed_at = ANY(%(instants)s)
       AND reading.observed_at BETWEEN %(earliest)s::timestamptz AND %(latest)s::timestamptz
       AND reading.flags & %(flag)s = 0
"""
_DOUBT_LATEST = """
    UPDATE latest SET flags = latest.flags | %(flag)s, quality = greatest(latest.quality, %(suspect)s)
     WHERE (series_id, observed_at) IN (
            SELECT series_id, observed_at FROM staging WHERE position = ANY(%(conflicts)s) ORDER BY series_id)
       AND latest.flags & %(flag)s = 0
"""
# A reading that was not stored moves nothing: the one stored at its instant was compared with the latest before it.
# The page is told calibrated values, one text of JSON for each commune.
_LATEST = """
    WITH moved AS (
        INSERT INTO latest (series_id, observed_at, value, quality, flags, received_at)
        SELECT series_id, observed_at, value, quality, flags, %(received_at)s
          FROM staging WHERE newest ORDER BY series_id
        ON CONFLICT (series_id) DO UPDATE
           SET observed_at = excluded.observed_at, value = excluded.value, quality = excluded.quality,
               flags = excluded.flags, received_at = excluded.received_at
         WHERE latest.observed_at < excluded.observed_at
        RETURNING series_id, observed_at, value, quality
    )
    SELECT site.commune_insee,
           json_agg(json_build_object(
               'series_id', moved.series_id, 'sensor_id', series.sensor_id, 'metric', series.metric,
               'observed_at', replace(to_json(moved.observed_at) #>> '{}', '+00:00', 'Z'),
               'value', moved.value * coalesce(calibration.gain, 1) + coalesce(calibration.shift, 0),
               'quality', moved.quality) ORDER BY moved.series_id)::text
      FROM moved JOIN series USING (series_id) JOIN sensor USING (sensor_id) JOIN site USING (site_id)
      LEFT JOIN calibration_as_of(NULL) AS calibration
             ON calibration.series_id = moved.series_id
            AND moved.observed_at >= calibration.valid_from AND moved.observed_at < calibration.valid_until
     GROUP BY site.commune_insee ORDER BY site.commune_insee
"""
_TOUCHED = """
    INSERT INTO touched (series_ids, hours)
    SELECT array_agg(series_id), array_agg(hour)
      FROM (SELECT DISTINCT series_id, date_bin('1 hour', observed_at, timestamptz '2000-01-01 00:00:00+00') AS hour
              FROM staging WHERE NOT position = ANY(%(unchanged)s)) AS changed
    HAVING count(*) > 0
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

    Idempotent: written twice, it counts once. A reading whose instant already has another value is a ``conflict``: the
    first stays, flagged, and the second is kept as a rejection. The hours that changed are marked as touched. A batch
    that meets a month which is not there is taken back, makes its months, and is written again.

    Returns
    -------
    BatchOutcome
        What became of each reading, by its position in the batch.
    """
    readings = Columns.of(batch.readings)
    try:
        return _write(connection, batch, readings)
    except CheckViolation as refused:
        if not lacks_month(refused):
            raise
    make_months(connection, months_met(readings.observed_us))
    return _write(connection, batch, readings)


def _write(connection: Connection, batch: Batch, readings: Columns) -> BatchOutcome:
    with connection.transaction():
        outcome = BatchOutcome.of(0)
        bodies: list[tuple[str, str]] = []
        if len(readings):
            outcome = _write_readings(connection, batch, readings)
            bodies = connection.execute(_LATEST, {"received_at": batch.received_at}).fetchall()
            connection.execute(_TOUCHED, {"unchanged": outcome.duplicates.tolist()})
        rejections = [*batch.rejections, *batch.conflict_rejections(outcome)]
        # A replay says nothing of how often a message came.
        replayed_at = batch.received_at if batch.arrival is Arrival.REPLAYED else None
        write_rejections(connection, rejections, replayed_at=replayed_at)
        write_asides(connection, batch.asides)
        # Rows of a sensor, in its order, before the lock of the live feed: whoever writes the same waits the same way.
        if batch.as_came is not None:
            write_as_came(connection, batch.as_came(outcome), batch.raw_frames_kept, batch.received_at)
        write_heard(connection, batch.heard)
        if outcome.stored:
            left_out = np.concatenate((outcome.duplicates, outcome.conflicts)).tolist()
            lock_live(connection)
            write_live_bodies(connection, batch.received_at, bodies)
            connection.execute(_RECEPTION, {"left_out": left_out, "received_at": batch.received_at})
    return outcome


def _write_readings(connection: Connection, batch: Batch, readings: Columns) -> BatchOutcome:
    first = stage(connection, readings)
    arguments = {"received_at": batch.received_at, "firsts": int(first.sum())}
    met = connection.execute(_INSERT, arguments).fetchall()
    left_out = np.union1d(np.flatnonzero(~first), np.array([position for (position,) in met], np.int64))
    if not len(left_out):
        return BatchOutcome.of(len(readings))
    conflicts = _doubt(connection, readings, left_out)
    duplicates = np.setdiff1d(left_out, conflicts, assume_unique=True)
    return BatchOutcome(len(readings) - len(left_out), duplicates, conflicts)


def _doubt(connection: Connection, readings: Columns, left_out: Ints) -> Ints:
    """Return which of those left out had another value than the one stored, and flag the one that stays."""
    instants = readings.observed_us[left_out]
    arguments: dict[str, Any] = {
        "positions": left_out.tolist(),
        "series_ids": np.unique(readings.series_id[left_out]).tolist(),
        "earliest": from_microseconds(int(instants.min())),
        "latest": from_microseconds(int(instants.max())),
        "flag": int(Flag.DUPLICATE_TIME),
        "suspect": int(Quality.SUSPECT),
    }
    # Planned for these very values, as are the changes: a plan for any takes apart every compressed row.
    # Of a young table and a staged batch the planner knows nothing: it took each of 5,000 readings to all 5,000 staged
    # ones, for 13 seconds a batch (measured on an import that was given again).
    connection.execute("SET LOCAL enable_nestloop = off")
    conflicts = [position for (position,) in connection.execute(_CONFLICTS, arguments, prepare=False)]
    connection.execute("SET LOCAL enable_nestloop = DEFAULT")
    doubtful = np.array(conflicts, np.int64)
    if conflicts:
        ordered = doubtful[np.lexsort((readings.observed_us[doubtful], readings.series_id[doubtful]))]
        for part in stretches(readings.series_id[ordered], readings.observed_us[ordered]):
            observed = [from_microseconds(one) for one in readings.observed_us[ordered[part]].tolist()]
            of = {"series_id": int(readings.series_id[ordered[part.start]]), "instants": observed}
            bounds = {"earliest": observed[0], "latest": observed[-1]}
            connection.execute(_DOUBT, arguments | of | bounds, prepare=False)
        connection.execute(_DOUBT_LATEST, arguments | {"conflicts": conflicts})
    return doubtful
