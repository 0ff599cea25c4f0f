"""Which engine a database is: what the store may ask of it, told from the database itself and never from a setting.

The relations, their columns and the statements that read them are the same on all three
(docs/adr/0012-storage-engines.md); what differs is how old readings lie on disk, and how they are let go of.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from core.store.pool import Connection


class EngineName(StrEnum):
    """How ``reading`` is stored."""

    PLAIN = "plain"
    """PostgreSQL: a table of UTC months."""
    HYPERTABLES = "hypertables"
    """TimescaleDB of the Apache edition, as most clouds offer it: chunks, without the columnstore."""
    TIMESCALE = "timescale"
    """TimescaleDB of the Community edition: chunks that go into the columnstore once they are old."""


@dataclass(frozen=True, slots=True)
class Engine:
    """What a database is made of.

    Parameters
    ----------
    server_version
        Of PostgreSQL: ``17.6``.
    extension_version
        Of TimescaleDB, None where it is not in this database. It may be there while ``reading`` is no hypertable:
        created after the migrations had run, it changes nothing.
    hypertables, columnstores
        Names of our relations that are hypertables, and of those whose old chunks are compressed, in order.
    """

    name: EngineName
    server_version: str
    extension_version: str | None = None
    hypertables: tuple[str, ...] = ()
    columnstores: tuple[str, ...] = ()


_HYPERTABLES = """
    SELECT hypertable_name, compression_enabled FROM timescaledb_information.hypertables
     WHERE hypertable_schema = 'public' ORDER BY hypertable_name
"""


def read_engine(connection: Connection) -> Engine:
    """Return what the database is made of, now; three small look-ups in catalogues."""
    row = connection.execute(
        """
        SELECT current_setting('server_version'),
               (SELECT extversion FROM pg_extension WHERE extname = 'timescaledb')
        """
    ).fetchone()
    assert row is not None, "a SELECT without FROM returns a row"
    server, extension = row[0].split(" ", 1)[0], row[1]
    if extension is None:
        return Engine(EngineName.PLAIN, server)
    found = connection.execute(_HYPERTABLES).fetchall()
    hypertables = tuple(name for name, _ in found)
    columnstores = tuple(name for name, compressed in found if compressed)
    name = EngineName.HYPERTABLES if "reading" in hypertables else EngineName.PLAIN
    if name is EngineName.HYPERTABLES and _is_community(connection):
        name = EngineName.TIMESCALE
    return Engine(name, server, extension, hypertables, columnstores)


def _is_community(connection: Connection) -> bool:
    """Whether the licence in force is the Community one. The Apache edition knows no other than its own."""
    row = connection.execute("SELECT current_setting('timescaledb.license', true)").fetchone()
    return row == ("timescale",)
