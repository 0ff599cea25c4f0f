"""Chunks: the parts by time that ``reading`` and its like are stored in, months or TimescaleDB's own."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from core.clock import EPOCH
from core.store.engine import read_engine
from core.store.pool import Connection

LOCK_MS_MAX = 800
"""How long readings may wait behind a drop that does not get its lock; below the second after which the server looks
for circles, so that it is the drop that gives way."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """One part of a table.

    Parameters
    ----------
    relation
        Its own name, schema and all where that is another, quoted as SQL wants it.
    start, end
        Which instants it holds, half-open; ``start`` is None for the part of all before.
    is_hypertable
        Whether its table is one: it is then dropped by the extension.
    """

    table: str
    relation: str
    start: datetime | None
    end: datetime
    is_hypertable: bool

    @property
    def bounds(self) -> dict[str, object]:
        """Its instants as a statement takes them: ``start`` and ``end``."""
        return {"start": self.start or "-infinity", "end": self.end}


# A bound is told in words, and is what it was once read again.
_MONTHS = r"""
    WITH told AS (
        SELECT oid, pg_get_expr(relpartbound, oid) AS bound
          FROM pg_inherits JOIN pg_class ON oid = inhrelid WHERE inhparent = to_regclass(%(table)s)
    ), part AS (
        SELECT oid::regclass::text AS relation, substring(bound FROM 'FROM \(''(.+?)''\)')::timestamptz AS since,
               substring(bound FROM 'TO \(''(.+?)''\)')::timestamptz AS until
          FROM told
    )
    SELECT relation, since, until FROM part WHERE until <= %(ended_by)s ORDER BY until
"""
_CHUNKS = """
    SELECT format('%%I.%%I', chunk_schema, chunk_name), range_start, range_end FROM timescaledb_information.chunks
     WHERE hypertable_schema = current_schema() AND hypertable_name = %(table)s AND range_end <= %(ended_by)s
     ORDER BY range_end
"""


def read_chunks(connection: Connection, table: str, ended_by: datetime) -> list[Chunk]:
    """Return the chunks of a table that ended by an instant, the oldest first; none where it is stored whole."""
    is_hypertable = table in read_engine(connection).hypertables
    rows = connection.execute(
        _CHUNKS if is_hypertable else _MONTHS, {"table": table, "ended_by": ended_by}, prepare=False
    )
    return [Chunk(table, relation, start, end, is_hypertable) for relation, start, end in rows]


def compressed_until(connection: Connection, table: str) -> datetime:
    """Return the end of the newest compressed chunk of a table, `core.clock.EPOCH` where none is."""
    if table not in read_engine(connection).columnstores:
        return EPOCH
    row = connection.execute(
        """
        SELECT max(range_end) FROM timescaledb_information.chunks
         WHERE hypertable_schema = current_schema() AND hypertable_name = %s AND is_compressed
        """,
        (table,),
    ).fetchone()
    return EPOCH if row is None or row[0] is None else row[0]


def lock_chunk(connection: Connection, chunk: Chunk, wait_ms: int) -> None:
    """Keep everybody else out of a chunk until the caller's transaction ends, to drop it.

    Of a month the table itself is held, as dropping it does anyway. The owner holds it, whoever asks.

    Raises
    ------
    psycopg.errors.LockNotAvailable
        If somebody is in it for longer than ``wait_ms`` milliseconds: so long do others wait behind us.
    """
    connection.execute(
        "SELECT hold_chunk(%(table)s, %(start)s::timestamptz, %(end)s::timestamptz, %(wait_ms)s)",
        {"table": chunk.table, "wait_ms": wait_ms} | chunk.bounds,
    )
