"""Arrow: the way out of the store for much at once, as record batches, without a Python object per value.

PostgreSQL's binary COPY, turned into Arrow by the driver of Apache Arrow ADBC. It copies statements without parameters
only: values are put in as literals by `psycopg.sql`, which quotes them.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import TypeAlias

import pyarrow as pa
from adbc_driver_manager import InterfaceError, OperationalError, ProgrammingError
from adbc_driver_postgresql import StatementOptions, dbapi
from psycopg import sql
from psycopg.conninfo import make_conninfo

from core.errors import StoreAbsent
from core.store.pool import CONNECT_TIMEOUT_S, noticing, session_settings

ArrowConnection: TypeAlias = dbapi.Connection

BATCH_BYTES = 4 * 2**20
"""About how many bytes of values a record batch holds: some ten thousand readings."""
_UNDEFINED_TABLE = "42P01"


@contextmanager
def opened_arrow(dsn: str) -> Iterator[ArrowConnection]:
    """Give a connection that reads Arrow, closed at the end; each statement on it sees what is committed by then.

    Raises
    ------
    StoreAbsent
        If the server cannot be reached.
    """
    with _absence_told():
        arrow = dbapi.connect(make_conninfo(noticing(dsn), connect_timeout=CONNECT_TIMEOUT_S), autocommit=True)
    with closing(arrow):
        with _absence_told(), arrow.cursor() as cursor:
            cursor.executescript(session_settings())
        yield arrow


def read_batches(arrow: ArrowConnection, statement: sql.Composed) -> Iterator[pa.RecordBatch]:
    """Yield what a statement returns, as it comes: memory holds one batch of about `BATCH_BYTES`.

    Instants are microseconds in UTC. Nothing else can be read on the connection until all batches were taken, or the
    iterator was closed.

    Raises
    ------
    StoreAbsent
        If the server is lost, also meanwhile, or its schema is not there yet.
    """
    options = {StatementOptions.BATCH_SIZE_HINT_BYTES.value: str(BATCH_BYTES)}
    with _absence_told(), arrow.cursor(adbc_stmt_kwargs=options) as cursor:
        cursor.execute(statement.as_string())
        yield from cursor.fetch_record_batch()


@contextmanager
def one_snapshot(arrow: ArrowConnection) -> Iterator[None]:
    """Let all statements meanwhile see what was committed when the first began; the caller takes all their batches."""
    with _absence_told(), arrow.cursor() as cursor:
        cursor.executescript("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
    try:
        yield
    finally:
        with _absence_told(), arrow.cursor() as cursor:
            cursor.executescript("ROLLBACK")


@contextmanager
def _absence_told() -> Iterator[None]:
    """Turn the loss of the server, or a schema that is not there yet, into `StoreAbsent`: both may come back."""
    try:
        yield
    except (OperationalError, InterfaceError, OSError) as error:
        # Arrow's stream of batches knows no other error than OSError.
        raise StoreAbsent(f"the database is absent: {error}") from error
    except ProgrammingError as error:
        if error.sqlstate != _UNDEFINED_TABLE:
            raise
        raise StoreAbsent(f"the database is absent: {error}") from error
