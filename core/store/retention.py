"""How long the raw readings of a metric family are kept, and how they are let go of: chunk by chunk, all counted.

Nothing is deleted until a person says so (`write_retention`). Roll-ups and forecasts stay. Since readings go, the
instant from which a family's raw readings are whole is written down before the first of them is deleted
(`raise_kept_since`): what was rolled up before is not rolled up again from what is left (`services.quality`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from psycopg.errors import LockNotAvailable, SerializationFailure

from core.audit import Act, What
from core.clock import EPOCH
from core.metrics import METRICS, Family, metric_named
from core.store.audit import record
from core.store.chunks import LOCK_MS_MAX, Chunk, lock_chunk
from core.store.pool import Connection

RAW_DAYS_MIN: Mapping[Family, int] = {
    Family.AIR: 180,
    Family.BIN: 180,
    Family.BAY: 180,
    Family.ENERGY: 400,
    Family.MOBILITY: 180,
    Family.HEALTH: 180,
}
"""Models are fitted on the last 120 days of raw readings (``VIGIE_HISTORY_DAYS``), and two months more let a late month
come in and a replay of a decision see what it saw. A year of energy and a month: until the invoice of a year was
compared with its readings."""
RAW_DAYS_MAX = 36_500


@dataclass(frozen=True, slots=True)
class Retention:
    """What was said last of a family: raw readings are kept so many days at least, or for ever (None)."""

    family: Family
    raw_days: int | None
    author: str
    set_at: datetime


def write_retention(connection: Connection, retention: Retention) -> None:
    """Write how long a family's raw readings are kept from now on; what was said before stays written."""
    former = read_retention(connection).get(retention.family)
    connection.execute(
        """
        INSERT INTO retention (family, raw_days, author, set_at)
        VALUES (%(family)s, %(raw_days)s, %(author)s, %(set_at)s)
        """,
        {
            "family": retention.family,
            "raw_days": retention.raw_days,
            "author": retention.author,
            "set_at": retention.set_at,
        },
    )
    before = None if former is None else {"raw_days": former.raw_days}
    after = {"raw_days": retention.raw_days, "said_by": retention.author}
    record(connection, Act(What.RETENTION_SET, f"retention:{retention.family}", before=before, after=after))


def write_metric_families(connection: Connection) -> None:
    """Write which family each metric is of, as the code knows it: what may go is checked where it is deleted."""
    with connection.cursor() as cursor:
        cursor.executemany(
            """
            INSERT INTO metric_family (metric, family) VALUES (%s, %s)
            ON CONFLICT (metric) DO UPDATE SET family = excluded.family WHERE metric_family.family <> excluded.family
            """,
            [(metric.name, metric.family) for metric in METRICS.values()],
        )


def read_retention(connection: Connection) -> dict[Family, Retention]:
    """Return what was said last of each family that anything was said of."""
    rows = connection.execute(
        """
        SELECT DISTINCT ON (family) family, raw_days, author, set_at FROM retention
         ORDER BY family, retention_id DESC
        """
    )
    return {Family(family): Retention(Family(family), *told) for family, *told in rows}


def read_kept_since(connection: Connection) -> dict[Family, datetime]:
    """Return since when the raw readings are whole, of the families of which some were let go of."""
    rows = connection.execute("SELECT family, since FROM raw_kept ORDER BY family")
    return {Family(family): since for family, since in rows}


def read_whole_since(connection: Connection, family: Family) -> datetime:
    """Return since when the raw readings of a family are whole: `core.clock.EPOCH` where none were ever let go of."""
    row = connection.execute("SELECT since FROM raw_kept WHERE family = %s", (family,)).fetchone()
    return EPOCH if row is None else row[0]


def raise_kept_since(connection: Connection, family: Family, since: datetime) -> None:
    """Write that raw readings of a family may be missing before an instant; it never goes back."""
    connection.execute(
        """
        INSERT INTO raw_kept (family, since) VALUES (%(family)s, %(since)s)
        ON CONFLICT (family) DO UPDATE SET since = greatest(raw_kept.since, excluded.since)
        """,
        {"family": family, "since": since},
    )


# One look into the index for each series, whatever the planner thinks of a join.
_HELD = """
    SELECT series.metric, series.series_id
      FROM series CROSS JOIN LATERAL (
           SELECT FROM reading WHERE reading.series_id = series.series_id
              AND observed_at >= %(start)s::timestamptz AND observed_at < %(end)s::timestamptz LIMIT 1) AS one
     ORDER BY series.series_id
"""
_COUNT = """
    SELECT series_id, count(*) FROM reading
     WHERE observed_at >= %(start)s::timestamptz AND observed_at < %(end)s::timestamptz
       AND (%(series_ids)s::integer[] IS NULL OR series_id = ANY(%(series_ids)s)) GROUP BY series_id
"""
# The owner deletes and drops, whoever asks, and only what people said goes (infra/migrations/0015.least-rights.sql).
_DELETE = "SELECT delete_readings(%(series_ids)s::integer[], %(start)s::timestamptz, %(end)s::timestamptz)"
# What was touched and is not judged yet still needs its readings.
_WAITING = """
    SELECT DISTINCT mark.series_id
      FROM touched CROSS JOIN LATERAL unnest(touched.series_ids, touched.hours) AS mark (series_id, hour)
     WHERE mark.hour >= %(start)s::timestamptz AND mark.hour < %(end)s::timestamptz
"""
_TELL = """
    INSERT INTO pruned (day, what, reason, bound, messages, bytes)
    VALUES (%(day)s, 'reading', %(family)s, 'age', %(readings)s, 0)
    ON CONFLICT (day, what, reason, bound, external_id) DO UPDATE SET messages = pruned.messages + excluded.messages
"""


def read_held(connection: Connection, chunk: Chunk) -> dict[Family, list[int]]:
    """Return the series that have readings in a chunk of ``reading``, by family."""
    held: dict[Family, list[int]] = {}
    for metric, series_id in connection.execute(_HELD, chunk.bounds, prepare=False):
        held.setdefault(metric_named(metric).family, []).append(series_id)
    return held


def count_readings(connection: Connection, chunk: Chunk, series_ids: Sequence[int] | None = None) -> dict[int, int]:
    """Return how many readings of each series a chunk holds, of some series or of all that have any."""
    asked = {"series_ids": None if series_ids is None else list(series_ids)} | chunk.bounds
    return dict(connection.execute(_COUNT, asked, prepare=False).fetchall())


def delete_readings(connection: Connection, chunk: Chunk, family: Family, series_ids: Sequence[int], day: date) -> int:
    """Delete what a chunk holds of some series of a family, counted in ``pruned``, in one transaction; return how many.

    Series whose hours there wait to be judged are left out, until they are. None goes where some are being written.
    """
    try:
        with connection.transaction():
            # Marks and readings of one instant: what comes later stays, and so does its mark.
            connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            waiting = {series_id for (series_id,) in connection.execute(_WAITING, chunk.bounds)}
            free = [series_id for series_id in series_ids if series_id not in waiting]
            # TimescaleDB deletes compressed pieces whole, and does not say how many rows they were.
            readings = sum(count_readings(connection, chunk, free).values())
            connection.execute(_DELETE, {"series_ids": free} | chunk.bounds, prepare=False)
            if readings:
                connection.execute(_TELL, {"day": day, "family": family, "readings": readings})
    except SerializationFailure:
        return 0
    return readings


def drop_readings(connection: Connection, chunk: Chunk, held: Mapping[Family, Sequence[int]], day: date) -> int | None:
    """Drop a chunk all of whose readings go, counted in ``pruned``, in one transaction; return how many.

    Not, and None, where some of its hours wait to be judged, series came to it that were not ``held``, or somebody is
    in it for longer than `LOCK_MS_MAX`.
    """
    family_of = {series_id: family for family, ids in held.items() for series_id in ids}
    try:
        with connection.transaction():
            counts = count_readings(connection, chunk)
            lock_chunk(connection, chunk, LOCK_MS_MAX)
            if connection.execute(_WAITING, chunk.bounds).fetchone():
                return None
            # Looked for again now that nobody writes: what came while they were counted may be of another family.
            if any(set(ids) - family_of.keys() for ids in read_held(connection, chunk).values()):
                return None
            for family in held:
                readings = sum(count for series_id, count in counts.items() if family_of[series_id] is family)
                connection.execute(_TELL, {"day": day, "family": family, "readings": readings})
            connection.execute("SELECT drop_readings(%(start)s::timestamptz, %(end)s::timestamptz)", chunk.bounds)
    except LockNotAvailable:
        return None
    return sum(counts.values())
