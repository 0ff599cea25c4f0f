"""Connections: how the store is opened, and how its absence is told from its refusals."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractContextManager, asynccontextmanager, closing, contextmanager
from typing import Any, Protocol, TypeAlias

import psycopg
from psycopg.conninfo import make_conninfo
from psycopg.pq import TransactionStatus
from psycopg.rows import TupleRow
from psycopg_pool import ConnectionPool, PoolTimeout

from core.errors import StoreAbsent, StoreForbade, StoreRefused

Connection: TypeAlias = psycopg.Connection[TupleRow]
AsyncConnection: TypeAlias = psycopg.AsyncConnection[TupleRow]
Pool: TypeAlias = ConnectionPool[Connection]

CONNECT_TIMEOUT_S = 10
# A server that is not there any more, behind a line that nobody closed, is noticed within half a minute: by us while we
# wait for its answer, and by it while it holds our locks.
_NOTICED: dict[str, Any] = {
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 20_000,
}


class Source(Protocol):
    """What gives connections: a pool, or one whose connections all go under a visitor's pass."""

    def connection(self, timeout: float | None = None) -> AbstractContextManager[Connection]:
        """Give a connection, committed at the end, rolled back on error; wait ``timeout`` seconds for it at most."""
        ...


def noticing(dsn: str) -> str:
    """Return the address so that whoever connects with it notices a server that is gone."""
    return make_conninfo(dsn, **_NOTICED)


def session_settings() -> str:
    """Return what a connection says first: speak UTC, and have the server notice our end, too.

    Over a Unix socket the latter says nothing.
    """
    names = {name: name.replace("keepalives", "tcp_keepalives") for name in _NOTICED}
    told = [f"SET {names[name]} = {value}" for name, value in _NOTICED.items()]
    # The database's own bound on waits for a lock is for the extension's jobs (core/store/care.py). Compiling a plan
    # over months or chunks takes longer than running it: 0.7 s of 1.6 s over a year (measured).
    return "; ".join(("SET TIME ZONE 'UTC'", "SET lock_timeout = 0", "SET jit = off", *told))


# TimescaleDB refuses a change of compressed rows that takes apart more than 100,000 of them. Ours are bounded by their
# batches; where the setting is not known there is none to change.
_UNBOUND = """
    SELECT set_config(name, '0', false) FROM pg_settings
     WHERE name = 'timescaledb.max_tuples_decompressed_per_dml_transaction'
"""


def _begin(connection: psycopg.Connection[Any]) -> None:
    connection.execute(session_settings(), prepare=False)
    connection.execute(_UNBOUND, prepare=False)
    connection.commit()


def is_in_transaction(connection: Connection) -> bool:
    """Whether what is written now is committed only with a transaction that the caller began."""
    return connection.info.transaction_status is not TransactionStatus.IDLE


def open_pool(dsn: str, size: int) -> Pool:
    """Open a pool of at most ``size`` connections; it fills in the background and outlives the server's restarts."""
    return ConnectionPool(
        noticing(dsn),
        min_size=1,
        max_size=size,
        timeout=CONNECT_TIMEOUT_S,
        configure=_begin,
        check=ConnectionPool.check_connection,
        open=True,
    )


@contextmanager
def connected(dsn: str) -> Iterator[Connection]:
    """Give one connection, closed at the end: commit on success, roll back on error.

    Raises
    ------
    StoreAbsent
        If the server cannot be reached.
    """
    try:
        connection = psycopg.connect(noticing(dsn), connect_timeout=CONNECT_TIMEOUT_S)
    except psycopg.OperationalError as error:
        raise StoreAbsent(f"the database cannot be reached: {error}") from None
    # A commit that fails leaves the connection open, else.
    with closing(connection), connection:
        _begin(connection)
        yield connection


def entered(connection: Connection, key: str) -> None:
    """Say whose pass the statements of this transaction go under; the store checks the key on each of them."""
    connection.execute("SELECT set_config('vigie.key', %s, true)", (key,))


def is_let_in(connection: Connection) -> bool:
    """Whether the store knows the pass that this transaction goes under: a replica may not yet."""
    row = connection.execute("SELECT visitor_pass() IS NOT NULL").fetchone()
    assert row is not None, "a row without a table"
    return bool(row[0])


def under(dsn: str, key: str) -> str:
    """Return the address so that all statements of whoever connects with it go under this pass."""
    return make_conninfo(dsn, options=f"-c vigie.key={key}")


class Entered:
    """Connections of a pool, whose transactions all go under one pass.

    Parameters
    ----------
    key
        Of the pass.
    """

    def __init__(self, pool: Pool, key: str) -> None:
        self._pool, self._key = pool, key

    @contextmanager
    def connection(self, timeout: float | None = None) -> Iterator[Connection]:
        """Give a connection under the pass, committed at the end, rolled back on error."""
        with self._pool.connection(timeout) as connection:
            entered(connection, self._key)
            yield connection


@asynccontextmanager
async def connected_async(dsn: str) -> AsyncIterator[AsyncConnection]:
    """Give one asynchronous connection in autocommit, closed at the end, for the live feed.

    Raises
    ------
    StoreAbsent
        If the server cannot be reached, or is lost meanwhile.
    """
    with store_absence_told():
        connection = await psycopg.AsyncConnection.connect(
            noticing(dsn), autocommit=True, connect_timeout=CONNECT_TIMEOUT_S
        )
        async with connection:
            await connection.execute("SET TIME ZONE 'UTC'")
            yield connection


@contextmanager
def store_absence_told() -> Iterator[None]:
    """Turn the loss of the server into `StoreAbsent`, and a schema that is not there yet: both may come back.

    A refusal would not, and stays what it is; that of a right is `StoreForbade`.
    """
    try:
        yield
    except psycopg.errors.InsufficientPrivilege as error:
        raise StoreForbade from error
    except (psycopg.OperationalError, psycopg.InterfaceError, psycopg.errors.UndefinedTable, PoolTimeout) as error:
        raise StoreAbsent(f"the database is absent: {error}") from error


@contextmanager
def store_refusal_told() -> Iterator[None]:
    """Turn a refusal of the values themselves (type, range, key, text that is no UTF-8) into `StoreRefused`."""
    try:
        yield
    except (psycopg.DataError, psycopg.IntegrityError, UnicodeEncodeError) as error:
        raise StoreRefused(f"the database refused it: {type(error).__name__}") from error
