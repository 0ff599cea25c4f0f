"""Carrying: every row of a database into another that has the same schema, whatever the engine of either.

This is how a town that grew goes from plain PostgreSQL to TimescaleDB, or back: the schema is made on the target by
`core.store.migrate`, and the rows go from one snapshot of the source by binary COPY, table by table, in one transaction
of the target. Until that is committed the target has nothing, and the source is only read.
"""

from __future__ import annotations

from dataclasses import dataclass

from psycopg import sql

from core.clock import Window
from core.errors import BackupRefused
from core.store.backup import Fingerprint, exported_snapshot, read_fingerprints, read_migrations, read_tables
from core.store.engine import read_engine
from core.store.months import make_months, months_of
from core.store.pool import Connection, connected

_BOOK = "_yoyo_migration"
"""The target has its own: what was run on it, and when."""

_COLUMNS = """
    SELECT attname FROM pg_attribute
     WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped AND attgenerated = '' ORDER BY attnum
"""
# A table comes after those that its keys lead to.
_LEADS_TO = """
    SELECT owner.relname, target.relname FROM pg_constraint
      JOIN pg_class AS owner ON owner.oid = conrelid JOIN pg_class AS target ON target.oid = confrelid
     WHERE contype = 'f' AND conrelid <> confrelid
"""
_SEQUENCES = """
    SELECT owner.relname, attname FROM pg_depend
      JOIN pg_class AS sequence ON sequence.oid = objid AND sequence.relkind = 'S'
      JOIN pg_class AS owner ON owner.oid = refobjid
      JOIN pg_attribute ON attrelid = refobjid AND attnum = refobjsubid
     WHERE pg_depend.classid = 'pg_class'::regclass AND deptype IN ('a', 'i')
       AND owner.relnamespace = current_schema()::regnamespace
"""


@dataclass(frozen=True, slots=True)
class Carried:
    """A table: what it holds at the source, and what the target has of it."""

    table: str
    kept: Fingerprint
    found: Fingerprint

    @property
    def equal(self) -> bool:
        """Whether it has come over as it was."""
        return self.kept == self.found


def carry(source: str, target: str) -> list[Carried]:
    """Carry all rows and compare each table, of which the target keeps all or, where one differs, none.

    What the migrations wrote on the target is replaced.

    Raises
    ------
    BackupRefused
        If the two have not run the same migrations, or somebody works with the target already.
    """
    with exported_snapshot(source) as snapshot, connected(target) as there:
        _check(snapshot.connection, there)
        tables = _in_order(there)
        _make_parts(snapshot.connection, there)
        there.execute(sql.SQL("TRUNCATE {}").format(sql.SQL(", ").join(map(sql.Identifier, tables))))
        for table in tables:
            _copy(snapshot.connection, there, table)
        _count_on(there)
        found = dict(read_fingerprints(there))
        kept = dict(read_fingerprints(snapshot.connection))
        carried = [Carried(table, kept[table], found[table]) for table in sorted(tables)]
        if not all(one.equal for one in carried):
            there.rollback()
    return carried


def _check(here: Connection, there: Connection) -> None:
    if read_migrations(here) != read_migrations(there):
        raise BackupRefused("the two databases have not run the same migrations: run `vigie migrate` on both")
    if there.execute("SELECT EXISTS (SELECT FROM sensor)").fetchone() == (True,):
        raise BackupRefused("the target has sensors already: carry into a database that was only migrated")
    strange = {name for _, name in read_tables(here)} ^ {name for _, name in read_tables(there)}
    if strange:
        raise BackupRefused(f"these tables are on one side only: {', '.join(sorted(strange))}")


def _in_order(connection: Connection) -> list[str]:
    """Return our tables, each after those that its keys lead to."""
    left = {name for _, name in read_tables(connection)} - {_BOOK}
    leads: dict[str, set[str]] = {name: set() for name in left}
    for owner, target in connection.execute(_LEADS_TO):
        if owner in leads:
            leads[owner].add(target)
    order: list[str] = []
    while left:
        ready = sorted(name for name in left if not leads[name] & left)
        if not ready:
            raise BackupRefused(f"the keys of these tables lead in a circle: {', '.join(sorted(left))}")
        order += ready
        left -= set(ready)
    return order


def _make_parts(here: Connection, there: Connection) -> None:
    """Make the months of a plain target; a hypertable makes its chunks by itself."""
    if "reading" in read_engine(there).hypertables:
        return
    row = here.execute("SELECT min(observed_at), max(observed_at) + interval '1 second' FROM reading").fetchone()
    assert row is not None, "an aggregate returns a row"
    if row[0] is not None:
        make_months(there, months_of(Window(*row)))


def _copy(here: Connection, there: Connection, table: str) -> None:
    """Copy one table as it is; its triggers rest, since what they write is copied too."""
    name = sql.Identifier(table)
    columns = sql.SQL(", ").join(sql.Identifier(column) for (column,) in here.execute(_COLUMNS, (table,)))
    there.execute(sql.SQL("ALTER TABLE {} DISABLE TRIGGER USER").format(name))
    out = sql.SQL("COPY (SELECT {} FROM {}) TO STDOUT (FORMAT BINARY)").format(columns, name)
    into = sql.SQL("COPY {} ({}) FROM STDIN (FORMAT BINARY)").format(name, columns)
    with here.cursor().copy(out) as given, there.cursor().copy(into) as taken:
        for block in given:
            taken.write(block)
    there.execute(sql.SQL("ALTER TABLE {} ENABLE TRIGGER USER").format(name))


def _count_on(connection: Connection) -> None:
    """Have every sequence go on after the highest value that is there."""
    for table, column in connection.execute(_SEQUENCES).fetchall():
        connection.execute(
            sql.SQL("SELECT setval(pg_get_serial_sequence(%s, %s), coalesce(max({}), 0) + 1, false) FROM {}").format(
                sql.Identifier(column), sql.Identifier(table)
            ),
            (table, column),
        )
