"""Care of the database: how large it is and how it does, and what keeps its own jobs from the writers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import structlog
from psycopg import errors, sql

from core.store.engine import Engine, EngineName, read_engine
from core.store.pool import Connection

log = structlog.get_logger(__name__)

SIZES_KEPT = timedelta(days=400)
GROWTH_DAYS = 28
"""Growth is told from the sizes noted over so many days, or those that there are."""

# Months and chunks count as the table that they are parts of. Figures are those that the server keeps: no row is read.
# A part without an estimate is new, or it was compressed: its rows are then told by the extension.
_RELATIONS = """
    WITH relation AS (
        SELECT pg_class.oid, CASE nspname WHEN 'public' THEN relname::text ELSE nspname || '.' || relname END AS name
          FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
         WHERE relkind IN ('r', 'p') AND NOT relispartition AND relpersistence <> 't'
           AND nspname NOT IN ('pg_catalog', 'information_schema') AND nspname !~ '^(pg_toast|pg_temp|_?timescaledb_)'
           AND NOT EXISTS (SELECT FROM pg_depend
                            WHERE classid = 'pg_class'::regclass AND objid = pg_class.oid AND deptype = 'e')
    ), part AS (
        SELECT oid, name, false AS is_part FROM relation
        UNION ALL
        SELECT inhrelid, name, true FROM relation JOIN pg_inherits ON inhparent = relation.oid
    )
    SELECT part.name, sum(pg_table_size(part.oid))::bigint, sum(pg_indexes_size(part.oid))::bigint,
           coalesce(sum(CASE WHEN reltuples >= 0 THEN reltuples WHEN NOT is_part THEN n_live_tup END)
                        FILTER (WHERE relkind = 'r'), 0)::bigint,
           coalesce(sum(n_dead_tup), 0)::bigint,
           max(greatest(last_vacuum, last_autovacuum)), max(greatest(last_analyze, last_autoanalyze)),
           count(*) FILTER (WHERE is_part)
      FROM part JOIN pg_class ON pg_class.oid = part.oid LEFT JOIN pg_stat_user_tables ON relid = part.oid
     GROUP BY part.name ORDER BY part.name
"""
_COMPRESSED = """
    SELECT hypertable.table_name, count(*),
           sum(pg_table_size(to_regclass(format('%I.%I', packed.schema_name, packed.table_name))))::bigint,
           sum(pg_indexes_size(to_regclass(format('%I.%I', packed.schema_name, packed.table_name))))::bigint,
           coalesce(sum(size.uncompressed_heap_size + size.uncompressed_toast_size + size.uncompressed_index_size), 0)
               ::bigint,
           coalesce(sum(size.numrows_pre_compression), 0)::bigint
      FROM _timescaledb_catalog.chunk
      JOIN _timescaledb_catalog.chunk AS packed ON packed.id = chunk.compressed_chunk_id
      JOIN _timescaledb_catalog.hypertable ON hypertable.id = chunk.hypertable_id
      LEFT JOIN _timescaledb_catalog.compression_chunk_size AS size ON size.chunk_id = chunk.id
     WHERE hypertable.schema_name = 'public'
     GROUP BY hypertable.table_name
"""
# The owner looks: of the server's own figures, a login is told those of its own sessions only.
_SERVER = """
    SELECT database_bytes, transaction_age, oldest_transaction_s, connections, connections_max, replicas, replica_lag_s,
           backed_up_at
      FROM server_care()
"""


@dataclass(frozen=True, slots=True)
class RelationCare:
    """How a relation does, with all its parts; ``rows`` and ``dead_rows`` are the server's estimates.

    Parameters
    ----------
    table_bytes, index_bytes
        On disk, what is compressed included.
    compressed_bytes, uncompressed_bytes
        Of the parts that are compressed: what they take, indexes included, and what they took before.
    vacuumed_at, analyzed_at
        When a part was last vacuumed or analyzed; None when none was.
    parts, parts_compressed
        Months or chunks.
    """

    name: str
    table_bytes: int
    index_bytes: int
    rows: int
    dead_rows: int
    vacuumed_at: datetime | None
    analyzed_at: datetime | None
    parts: int
    parts_compressed: int = 0
    compressed_bytes: int = 0
    uncompressed_bytes: int = 0


@dataclass(frozen=True, slots=True)
class ServerCare:
    """How the server does.

    Parameters
    ----------
    transaction_age
        Transactions since the oldest row that is not frozen; the server stops writing at two thousand million.
    oldest_transaction_s
        How long the oldest open transaction of this database has been open, our own left out.
    connections, connections_max
        In use on the server, of all its databases, and how many it gives to accounts that are not superusers.
    replicas, replica_lag_s
        Standbys that are connected, and how far the farthest is behind; None when none is, or none says.
    """

    database_bytes: int
    transaction_age: int
    oldest_transaction_s: float
    connections: int
    connections_max: int
    replicas: int
    replica_lag_s: float | None
    backed_up_at: datetime | None


@dataclass(frozen=True, slots=True)
class Care:
    """The database as it is now, its relations in order of their names."""

    engine: Engine
    server: ServerCare
    relations: tuple[RelationCare, ...]


@dataclass(frozen=True, slots=True)
class Growth:
    """How much a relation grew in a day, on average over so many ``days``."""

    relation: str
    bytes_per_day: float
    rows_per_day: float
    days: int


def read_care(connection: Connection) -> Care:
    """Return how the database does: three look-ups in what the server keeps of itself."""
    engine = read_engine(connection)
    row = connection.execute(_SERVER).fetchone()
    assert row is not None, "there is the database that we are in"
    return Care(engine, ServerCare(*row), tuple(_relations(connection, engine)))


def _relations(connection: Connection, engine: Engine) -> Iterator[RelationCare]:
    compressed: dict[str, tuple[int, ...]] = {}
    if engine.name is EngineName.TIMESCALE:
        compressed = {name: tuple(figures) for name, *figures in connection.execute(_COMPRESSED)}
    for name, table, index, rows, dead, vacuumed_at, analyzed_at, parts in connection.execute(_RELATIONS):
        packed, packed_table, packed_index, before, packed_rows = compressed.get(name, (0, 0, 0, 0, 0))
        yield RelationCare(
            name=name,
            table_bytes=table + packed_table,
            index_bytes=index + packed_index,
            rows=rows + packed_rows,
            dead_rows=dead,
            vacuumed_at=vacuumed_at,
            analyzed_at=analyzed_at,
            parts=parts,
            parts_compressed=packed,
            compressed_bytes=packed_table + packed_index,
            uncompressed_bytes=before,
        )


def note_sizes(connection: Connection, day: date) -> None:
    """Note the sizes of all relations, once a day, and let go of those that are no longer kept."""
    relations = read_care(connection).relations
    with connection.cursor() as cursor:
        cursor.executemany(
            """
            INSERT INTO storage_day (day, relation, table_bytes, index_bytes, rows) VALUES (%s, %s, %s, %s, %s)
            ON CONFLICT (relation, day) DO UPDATE
               SET table_bytes = excluded.table_bytes, index_bytes = excluded.index_bytes, rows = excluded.rows
            """,
            [(day, one.name, one.table_bytes, one.index_bytes, one.rows) for one in relations],
        )
    connection.execute("DELETE FROM storage_day WHERE day < %s", (day - SIZES_KEPT,))


def read_growth(connection: Connection) -> dict[str, Growth]:
    """Return the growth of each relation whose size was noted on two days at least, by its name."""
    rows = connection.execute(
        """
        WITH noted AS (
            SELECT relation, day, table_bytes + index_bytes AS bytes, rows,
                   first_value(day) OVER each AS since, first_value(table_bytes + index_bytes) OVER each AS bytes_since,
                   first_value(rows) OVER each AS rows_since, max(day) OVER (PARTITION BY relation) AS until
              FROM storage_day WHERE day >= (SELECT max(day) FROM storage_day) - %s
            WINDOW each AS (PARTITION BY relation ORDER BY day)
        )
        SELECT relation, (bytes - bytes_since)::float8 / (day - since), (rows - rows_since)::float8 / (day - since),
               day - since
          FROM noted WHERE day = until AND day > since
        """,
        (GROWTH_DAYS,),
    )
    return {row[0]: Growth(*row) for row in rows}


_EMPTY_ROW_BY_ROW = "ALTER DATABASE {} SET timescaledb.compress_truncate_behaviour = 'truncate_or_delete'"
_WAIT_BRIEFLY = "ALTER DATABASE {} SET lock_timeout = '2s'"


def let_writers_pass(connection: Connection) -> None:
    """Have the jobs of TimescaleDB give way to who reads a chunk, so that late readings never stand behind both.

    A chunk is compressed, and joined to another, under locks that wait for its readers; behind that wait stands whoever
    writes to it. Measured on 2.28.3: a late reading stood for as long as a backup held the chunk. With this a job waits
    two seconds for a lock, deletes row by row where it may not empty a chunk (it tries for 5.5 s), and leaves the rest
    for later: a late reading stood eight seconds at most. Settings of the database: they are in no dump and in no copy
    of it, so they are set whenever it is migrated or restored. Our own sessions set their own time-outs.
    """
    row = connection.execute(
        "SELECT current_setting('timescaledb.compress_truncate_behaviour', true) IS NOT NULL, current_database()"
    ).fetchone()
    assert row is not None, "a SELECT without FROM returns a row"
    has_jobs, name = row
    if not has_jobs:
        return
    database = sql.Identifier(name)
    try:
        with connection.transaction():
            connection.execute(sql.SQL(_EMPTY_ROW_BY_ROW).format(database))
            connection.execute(sql.SQL(_WAIT_BRIEFLY).format(database))
    except errors.InsufficientPrivilege:
        log.warning("late_readings_may_wait", reason="the account is not the owner of the database")
