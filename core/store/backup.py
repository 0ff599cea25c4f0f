"""What a backup is checked by: one snapshot that others read too, and of each table its rows and a checksum.

No table is named here: what is in the database is looked up, so that a new one is in the backup from its first day on.
Parts of tables (months, chunks, compressed or not) count as the tables that they are parts of.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from psycopg import IsolationLevel, errors, sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.pq import Conninfo

from core.errors import BackupRefused
from core.store.care import let_writers_pass
from core.store.pool import Connection, connected
from core.store.roles import ensure_roles

TRIES = 5
"""How often the tables are held anew when some came or went between the look and the snapshot."""

# What belongs to an extension comes with the extension; a part of a table is in its table.
_TABLES = """
    SELECT nspname, relname FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
     WHERE relkind IN ('r', 'p') AND NOT relispartition AND relpersistence <> 't'
       AND nspname NOT IN ('pg_catalog', 'information_schema') AND nspname !~ '^(pg_toast|pg_temp|_?timescaledb_)'
       AND NOT EXISTS (SELECT FROM pg_depend
                        WHERE classid = 'pg_class'::regclass AND objid = pg_class.oid AND deptype = 'e')
     ORDER BY nspname, relname
"""
_PARTS = """
    SELECT nspname, relname FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
     WHERE relkind IN ('r', 'p') AND relpersistence <> 't'
       AND nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast') AND nspname !~ '^pg_temp'
       AND NOT EXISTS (SELECT FROM pg_depend
                        WHERE classid = 'pg_class'::regclass AND objid = pg_class.oid AND deptype = 'e')
     ORDER BY pg_class.oid
"""
# A row's text depends on how its session writes floats, times and bytes.
_WRITTEN_ALIKE = """
    SELECT set_config('extra_float_digits', '1', true), set_config('DateStyle', 'ISO', true),
           set_config('IntervalStyle', 'postgres', true), set_config('bytea_output', 'hex', true),
           set_config('TimeZone', 'UTC', true), set_config('statement_timeout', '0', true)
"""
_FINGERPRINT = "SELECT count(*), coalesce(sum(hashtextextended(each::text, 0)), 0)::text FROM {} AS each"


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """What a table holds: its rows, and the sum of a 64-bit hash of each row's text, whatever their order.

    The sum tells a lost, doubled or changed row; it is no defence against who forges rows.
    """

    rows: int
    checksum: str


@dataclass(frozen=True, slots=True)
class ServerVersion:
    """What a server is: the major version of PostgreSQL, and the database's version of TimescaleDB, if it has it."""

    postgresql: int
    timescaledb: str | None


@dataclass(frozen=True, slots=True)
class BackupMade:
    """A backup that is whole: of which instant, when it was done, and whether it was restored and compared."""

    made_at: datetime
    ended_at: datetime
    rows: int
    size_bytes: int
    verified: bool


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One state of the database, which others read by its ``name`` while its own connection holds it."""

    name: str
    connection: Connection


@contextmanager
def exported_snapshot(dsn: str) -> Iterator[Snapshot]:
    """Hold one state of the whole database for whoever asks for it by name, while writers go on.

    Before it is taken, every table and part is held against being emptied or dropped: a chunk that is compressed
    later is emptied for this state, too, and what was then read from it would be nothing.

    Raises
    ------
    BackupRefused
        If the server has too few locks for so many parts, or tables come and go all the time.
    """
    with connected(dsn) as keeper, connected(dsn) as connection:
        connection.isolation_level, connection.read_only = IsolationLevel.REPEATABLE_READ, True
        for _ in range(TRIES):
            held = _hold_parts(keeper)
            if connection.execute(_PARTS).fetchall() == held:
                break
            connection.rollback()
            keeper.rollback()
        else:
            raise BackupRefused(f"tables came and went {TRIES} times while the backup began: try again")
        row = connection.execute("SELECT pg_export_snapshot()").fetchone()
        assert row is not None, "a function returns a row"
        yield Snapshot(row[0], connection)
        connection.rollback()
        keeper.rollback()


def _hold_parts(connection: Connection) -> list[tuple[str, str]]:
    """Hold every table and part in the caller's transaction, readers and writers beside; return which."""
    parts: list[tuple[str, str]] = connection.execute(_PARTS).fetchall()
    if not parts:
        return parts
    try:
        connection.execute(
            sql.SQL("LOCK TABLE ONLY {} IN ACCESS SHARE MODE").format(
                sql.SQL(", ONLY ").join(sql.Identifier(*part) for part in parts)
            )
        )
    except errors.UndefinedTable:
        connection.rollback()
        return []
    except errors.OutOfMemory:
        raise BackupRefused(
            f"the server has too few locks for {len(parts)} tables and parts: raise max_locks_per_transaction"
        ) from None
    return parts


def read_tables(connection: Connection) -> list[tuple[str, str]]:
    """Return schema and name of every table that is not an extension's."""
    return [(schema, name) for schema, name in connection.execute(_TABLES)]


def read_fingerprints(connection: Connection) -> Iterator[tuple[str, Fingerprint]]:
    """Yield each table with what it holds, all in the transaction that the connection is in or begins."""
    connection.execute(_WRITTEN_ALIKE)
    for schema, name in read_tables(connection):
        row = connection.execute(sql.SQL(_FINGERPRINT).format(sql.Identifier(schema, name))).fetchone()
        assert row is not None, "an aggregate returns a row"
        yield (name if schema == "public" else f"{schema}.{name}"), Fingerprint(*row)


def read_version(connection: Connection) -> ServerVersion:
    """Return what the server and its database are."""
    row = connection.execute("SELECT extversion FROM pg_extension WHERE extname = 'timescaledb'").fetchone()
    return ServerVersion(connection.info.server_version // 10_000, row[0] if row else None)


def read_migrations(connection: Connection) -> list[str]:
    """Return the names of the migrations that were run, in order; none where there is no schema."""
    if connection.execute("SELECT to_regclass('_yoyo_migration')").fetchone() == (None,):
        return []
    return [name for (name,) in connection.execute("SELECT migration_id FROM _yoyo_migration ORDER BY migration_id")]


def make_database(dsn: str, name: str | None = None) -> str:
    """Make an empty database ``name``, else the one that ``dsn`` names, where there is none; return its address.

    Raises
    ------
    BackupRefused
        If the account may not.
    """
    wanted = name or conninfo_to_dict(dsn).get("dbname")
    address = make_conninfo(dsn, dbname=wanted)
    with connected(make_conninfo(dsn, dbname="postgres")) as connection:
        connection.autocommit = True
        if connection.execute("SELECT FROM pg_database WHERE datname = %s", (wanted,)).fetchone() is None:
            try:
                connection.execute(sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(sql.Identifier(str(wanted))))
            except errors.InsufficientPrivilege:
                raise BackupRefused(f"database {wanted} is not there, and the account may not make it") from None
    return address


def drop_database(dsn: str, name: str) -> None:
    """Drop a database that we made, whoever is connected to it."""
    with connected(make_conninfo(dsn, dbname="postgres")) as connection:
        connection.autocommit = True
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


def prepare_restoring(connection: Connection, version: ServerVersion) -> None:
    """Have an empty database ready to be restored into: nothing in it, and TimescaleDB in the version of the backup.

    The logins, which are in no dump, are made where the server has none: what is restored gives them their rights.

    Raises
    ------
    BackupRefused
        If it is not empty, its server is older than the backup's, or TimescaleDB is not there in that version.
    MigrationFailed
        If the account may not make the logins.
    """
    found = read_tables(connection)
    if found:
        raise BackupRefused(f"the database is not empty, it has {len(found)} tables: restore into an empty one")
    here = read_version(connection)
    if here.postgresql < version.postgresql:
        raise BackupRefused(f"the backup is of PostgreSQL {version.postgresql}, this server is {here.postgresql}")
    ensure_roles(connection)
    connection.commit()
    if version.timescaledb is None:
        return
    if here.timescaledb is None:
        _create_timescale(connection, version.timescaledb)
    elif here.timescaledb != version.timescaledb:
        raise BackupRefused(f"the backup is of TimescaleDB {version.timescaledb}, the database has {here.timescaledb}")
    connection.execute("SELECT timescaledb_pre_restore()")
    connection.commit()


def _create_timescale(connection: Connection, version: str) -> None:
    offered = [
        name
        for (name,) in connection.execute(
            "SELECT version FROM pg_available_extension_versions WHERE name = 'timescaledb' ORDER BY version"
        )
    ]
    if version not in offered:
        raise BackupRefused(
            f"the backup is of TimescaleDB {version}, this server has {', '.join(offered) or 'none'}; "
            "`vigie carry` brings the rows to another engine"
        )
    connection.execute(sql.SQL("CREATE EXTENSION timescaledb VERSION {}").format(sql.Literal(version)))
    connection.commit()


def finish_restoring(connection: Connection, version: ServerVersion) -> None:
    """Have what was restored work as it did, and the planner know it."""
    if version.timescaledb is not None:
        connection.execute("SELECT timescaledb_post_restore()")
        let_writers_pass(connection)
        connection.commit()
    connection.autocommit = True
    connection.execute("ANALYZE")
    connection.autocommit = False


def tool_environment(dsn: str) -> dict[str, str]:
    """Return the address as the variables of PostgreSQL's own tools: on their command line a password is seen."""
    options: Sequence[tuple[bytes | None, bytes | None]] = [
        (option.envvar, option.val) for option in Conninfo.parse(dsn.encode())
    ]
    return {name.decode(): value.decode() for name, value in options if name is not None and value is not None}


def note_backup(connection: Connection, made: BackupMade) -> None:
    """Note in the database that it was backed up, for the instruments; the backup's folder is where it was put."""
    connection.execute(
        "INSERT INTO backup (made_at, ended_at, rows, size_bytes, verified) VALUES (%s, %s, %s, %s, %s)",
        (made.made_at, made.ended_at, made.rows, made.size_bytes, made.verified),
    )


def read_last_backup(connection: Connection) -> BackupMade | None:
    """Return the newest backup that was noted, None when there was none."""
    row = connection.execute(
        "SELECT made_at, ended_at, rows, size_bytes, verified FROM backup ORDER BY made_at DESC LIMIT 1"
    ).fetchone()
    return BackupMade(*row) if row else None
