"""Migrations: ours, then Procrastinate's, both plain SQL, both run once and in order by yoyo."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from urllib.parse import quote, urlencode

import yoyo
from psycopg.conninfo import conninfo_to_dict
from psycopg.errors import UndefinedTable

from core.places import communes
from core.store.places import write_communes
from core.store.pool import Connection, connected

MIGRATIONS_DIR = Path(__file__).resolve().parent.parent.parent / "infra" / "migrations"


def migrate(dsn: str) -> list[str]:
    """Bring the database to the present schema and return the names of what was run; safe to call again.

    Two processes may call it at once: yoyo's lock lets one pass and the other finds nothing to do.
    """
    backend = yoyo.get_backend(_yoyo_address(dsn))
    ran: list[str] = []
    with backend.lock():
        for directory in _directories():
            pending = backend.to_apply(yoyo.read_migrations(str(directory)))
            backend.apply_migrations(pending)
            ran += [migration.id for migration in pending]
    backend.connection.close()
    with connected(dsn) as connection:
        write_communes(connection, communes().values())
    return ran


def is_migrated(connection: Connection) -> bool:
    """Whether every migration that this code knows was run on the database."""
    try:
        ran = {row[0] for row in connection.execute("SELECT migration_id FROM _yoyo_migration")}
    except UndefinedTable:
        connection.rollback()
        return False
    known = {path.stem for directory in _directories() for path in directory.glob("*.sql")}
    return known <= ran


def _directories() -> list[Path]:
    """Ours, and Procrastinate's own when it is installed (an ingest image carries no task queue)."""
    found = find_spec("procrastinate")
    if found is None or found.origin is None:
        return [MIGRATIONS_DIR]
    return [MIGRATIONS_DIR, Path(found.origin).parent / "sql" / "migrations"]


def _yoyo_address(dsn: str) -> str:
    """Write any libpq address the way yoyo's psycopg 3 backend wants it."""
    part = {key: str(value) for key, value in conninfo_to_dict(dsn).items()}
    user, password = quote(part.pop("user", ""), safe=""), quote(part.pop("password", ""), safe="")
    host, port, name = part.pop("host", ""), part.pop("port", ""), part.pop("dbname", "")
    place = "" if host.startswith("/") else host + (f":{port}" if port else "")
    if host.startswith("/"):
        part |= {"host": host} | ({"port": port} if port else {})
    login = f"{user}:{password}@" if user else ""
    query = f"?{urlencode(part)}" if part else ""
    return f"postgresql+psycopg://{login}{place}/{name}{query}"
