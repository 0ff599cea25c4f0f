"""Databases as a released version left them: its schema, its book of migrations, and rows in every table."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from pathlib import Path
from typing import Any

import procrastinate
import psycopg
from psycopg import sql

from core.places import communes
from core.store.migrate import MIGRATIONS_DIR
from core.store.places import write_communes

RELEASES = ("0003.forecasts", "0004.hypertables", "0005.decisions", "0006.ingestion")
ROWS = Path(__file__).parent / "released"
# As yoyo-migrations 9.0 laid them: it ran the migrations of these releases.
_BOOK = """
    CREATE TABLE _yoyo_migration (
        migration_hash varchar(64) NOT NULL, migration_id varchar(255), applied_at_utc timestamp,
        PRIMARY KEY (migration_hash));
    CREATE TABLE _yoyo_version (version integer NOT NULL PRIMARY KEY, installed_at_utc timestamp);
    INSERT INTO _yoyo_version VALUES (2, '2026-03-01');
"""
_TABLES = """
    SELECT relname FROM pg_class
     WHERE relkind IN ('r', 'p') AND relnamespace = 'public'::regnamespace AND NOT relispartition
       AND relname <> '_yoyo_migration' ORDER BY relname
"""


def lay_release(url: str, release: str) -> None:
    """Lay the schema that ends with the migration ``release``, and Procrastinate's, with rows in every table."""
    ours = [file for file in sorted(MIGRATIONS_DIR.glob("*.sql")) if file.stem <= release]
    queue = sorted((Path(procrastinate.__file__).parent / "sql" / "migrations").glob("*.sql"))
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("SET TIME ZONE 'UTC'")
        connection.execute(_BOOK)
        for file in [*ours, *queue]:
            with connection.transaction():
                connection.execute(file.read_bytes())
            digest = hashlib.sha256(file.stem.encode()).hexdigest()
            connection.execute("INSERT INTO _yoyo_migration VALUES (%s, %s, '2026-03-01')", (digest, file.stem))
            if file == ours[0]:
                write_communes(connection, communes().values())
            if (ROWS / file.name).exists():
                connection.execute((ROWS / file.name).read_bytes())
        connection.execute((ROWS / "procrastinate.sql").read_bytes())


def read_tables(url: str) -> dict[str, list[dict[str, Any]]]:
    """Return every row of every table but the book of migrations, in no order."""
    with psycopg.connect(url) as connection:
        connection.execute("SET TIME ZONE 'UTC'")
        names = [name for (name,) in connection.execute(_TABLES)]
        return {name: [row for (row,) in connection.execute(_rows_of(name))] for name in names}


def rows_lost(before: list[dict[str, Any]], after: list[dict[str, Any]]) -> list[str]:
    """Return the rows that were there before and are not after; a column that came since does not count."""
    columns = set(before[0]) if before else set()
    had, has = (
        Counter(json.dumps({name: row.get(name) for name in columns}, sort_keys=True) for row in rows)
        for rows in (before, after)
    )
    return sorted((had - has).elements())


def _rows_of(table: str) -> sql.Composed:
    return sql.SQL("SELECT to_jsonb(whole_row) FROM {} AS whole_row").format(sql.Identifier(table))
