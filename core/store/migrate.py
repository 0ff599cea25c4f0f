"""Migrations: ours, then Procrastinate's, both plain SQL, each run once, in the order of their names.

A migration and its line in the book are one transaction. It waits for a lock a few seconds at most, since whoever comes
after waits behind it; then it lets everybody pass and tries again.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import count
from pathlib import Path

import psycopg
import structlog
from psycopg import errors

from core.clock import now
from core.errors import MigrationFailed
from core.places import communes
from core.store.care import let_writers_pass
from core.store.months import make_months_ahead
from core.store.places import write_communes
from core.store.pool import Connection, connected
from core.store.retention import write_metric_families
from core.store.roles import ensure_roles

log = structlog.get_logger(__name__)

MIGRATIONS_DIR = Path(__file__).resolve().parent.parent.parent / "infra" / "migrations"
_MIGRATE_LOCK = 0x7619_60
# The book is as yoyo-migrations laid it, which ran them up to 0006: a database of then goes on with it.
_BOOK = """
    CREATE TABLE IF NOT EXISTS _yoyo_migration (
        migration_hash varchar(64) PRIMARY KEY, migration_id varchar(255), applied_at_utc timestamp
    )
"""
_ENTER = """
    INSERT INTO _yoyo_migration (migration_hash, migration_id, applied_at_utc)
    VALUES (%(hash)s, %(name)s, clock_timestamp() AT TIME ZONE 'UTC')
"""
# What a server is set to end after a while is not ended here; what it does not know yet is not set.
_UNHURRIED = """
    SELECT set_config('lock_timeout', %(lock_ms)s::text, true)
    UNION ALL
    SELECT set_config(name, '0', true) FROM pg_settings
     WHERE name IN ('statement_timeout', 'transaction_timeout', 'idle_in_transaction_session_timeout')
"""
# A lock of the migration's is most often kept from it by whoever is longest in its transaction.
_LONGEST = """
    SELECT pid, application_name, round(extract(epoch FROM clock_timestamp() - xact_start))::integer
      FROM pg_stat_activity
     WHERE datname = current_database() AND pid <> pg_backend_pid() AND xact_start IS NOT NULL
     ORDER BY xact_start LIMIT 1
"""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a migration waits for others.

    Parameters
    ----------
    lock_s
        For one lock, at a try: so long at most do readings wait behind it.
    tries
        Before it is given up.
    pause_s, pause_s_max
        Between the first two tries; it doubles up to the longest.
    turn_s_max
        For another process that is migrating.
    """

    lock_s: float = 3
    tries: int = 20
    pause_s: float = 1
    pause_s_max: float = 30
    turn_s_max: float = 3_600

    def pause_after(self, tried: int) -> float:
        """Return how many seconds to let everybody pass after the ``tried``-th try."""
        return min(self.pause_s * 2.0 ** (tried - 1), self.pause_s_max)


@dataclass(frozen=True, slots=True)
class Ran:
    """A migration that was run, and how many seconds it took, with its waits."""

    name: str
    duration_s: float


def migrate(dsn: str, patience: Patience | None = None) -> list[Ran]:
    """Bring the database to the present schema and return what was run; safe to call again, and while others work.

    Two processes may call it at once: one passes, the other waits and finds nothing to do. One that is killed leaves
    its migration undone and nobody waiting.

    Raises
    ------
    MigrationFailed
        With one line that names the migration; those before it stay, nothing is left of it.
    StoreAbsent
        If the server cannot be reached.
    """
    patience = patience or Patience()
    with connected(dsn) as connection:
        _take_turn(connection, patience)
        connection.execute(_BOOK)
        ensure_roles(connection)
        connection.commit()
        ran = [_run(connection, file, patience) for file in _pending(connection)]
        _follow_up(connection)
        let_writers_pass(connection)
    return ran


def _follow_up(connection: Connection) -> None:
    """Have in the database what the code knows, and what only a whole schema can have."""
    write_communes(connection, communes().values())
    write_metric_families(connection)
    connection.execute("SELECT open_queue()")
    make_months_ahead(connection, now())


def is_migrated(connection: Connection) -> bool:
    """Whether every migration that this code knows was run on the database."""
    try:
        ran = _names_run(connection)
    except errors.UndefinedTable:
        connection.rollback()
        return False
    return all(file.stem in ran for file in _files())


def _names_run(connection: Connection) -> set[str]:
    return {name for (name,) in connection.execute("SELECT migration_id FROM _yoyo_migration")}


def _pending(connection: Connection) -> list[Path]:
    ran = _names_run(connection)
    connection.commit()
    return [file for file in _files() if file.stem not in ran]


def _files() -> Iterator[Path]:
    """Give the files of ours, then of Procrastinate's when it is installed (an ingest image carries no task queue)."""
    yield from sorted(MIGRATIONS_DIR.glob("*.sql"))
    found = find_spec("procrastinate")
    if found is not None and found.origin is not None:
        yield from sorted((Path(found.origin).parent / "sql" / "migrations").glob("*.sql"))


def _take_turn(connection: Connection, patience: Patience) -> None:
    """Hold the right to migrate until the connection ends.

    Asked for again and again: whoever waits inside one statement would keep old rows alive meanwhile.
    """
    deadline = time.monotonic() + patience.turn_s_max
    for tried in count(1):
        held = connection.execute("SELECT pg_try_advisory_lock(%s)", (_MIGRATE_LOCK,)).fetchone()
        connection.commit()
        if held == (True,):
            return
        if tried == 1:
            log.info("migration_turn_awaited", wait_s_max=patience.turn_s_max)
        if time.monotonic() > deadline:
            raise MigrationFailed("another process has been migrating for too long: nothing was run")
        time.sleep(min(patience.pause_s, 0.5))


def _run(connection: Connection, file: Path, patience: Patience) -> Ran:
    """Run one migration, as often as it does not get its locks."""
    begun = time.monotonic()
    for tried in range(1, patience.tries + 1):
        try:
            _run_once(connection, file, patience)
        except (errors.LockNotAvailable, errors.DeadlockDetected):
            _let_pass(connection, file.stem, tried, patience)
        except psycopg.Error as error:
            if connection.closed:
                raise
            [reason, *_] = str(error).splitlines()
            raise MigrationFailed(f"{file.stem} failed and nothing of it is left: {reason}") from None
        else:
            ran = Ran(file.stem, time.monotonic() - begun)
            log.info("migration_ran", migration=ran.name, duration_s=round(ran.duration_s, 3))
            return ran
    raise MigrationFailed(f"{file.stem} got no lock in {patience.tries} tries and nothing of it is left: run it again")


def _run_once(connection: Connection, file: Path, patience: Patience) -> None:
    with connection.transaction():
        connection.execute(_UNHURRIED, {"lock_ms": round(patience.lock_s * 1_000)})
        connection.execute(file.read_bytes(), prepare=False)
        entered = {"hash": hashlib.sha256(file.stem.encode()).hexdigest(), "name": file.stem}
        connection.execute(_ENTER, entered)


def _let_pass(connection: Connection, name: str, tried: int, patience: Patience) -> None:
    """Let those pass who waited behind the migration, and say who may have kept its lock."""
    longest = connection.execute(_LONGEST).fetchone()
    connection.commit()
    pid, application, since_s = longest or (None, None, None)
    pause_s = patience.pause_after(tried) if tried < patience.tries else 0
    oldest = {"oldest_transaction_pid": pid, "oldest_transaction_by": application, "oldest_transaction_s": since_s}
    log.warning("migration_locked_out", migration=name, tried=tried, again_in_s=pause_s, **oldest)
    time.sleep(pause_s)
