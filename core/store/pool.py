"""Connections: how the store is opened, and how its absence is told from its refusals."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any, TypeAlias

import psycopg
from psycopg.rows import TupleRow
from psycopg_pool import ConnectionPool, PoolTimeout

from core.errors import StoreAbsent, StoreRefused

Connection: TypeAlias = psycopg.Connection[TupleRow]
AsyncConnection: TypeAlias = psycopg.AsyncConnection[TupleRow]
Pool: TypeAlias = ConnectionPool[Connection]

CONNECT_TIMEOUT_S = 10


def _use_utc(connection: psycopg.Connection[Any]) -> None:
    connection.execute("SET TIME ZONE 'UTC'")
    connection.commit()


def open_pool(dsn: str, size: int) -> Pool:
    """Open a pool of at most ``size`` connections; it fills in the background and outlives the server's restarts."""
    return ConnectionPool(
        dsn,
        min_size=1,
        max_size=size,
        timeout=CONNECT_TIMEOUT_S,
        configure=_use_utc,
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
        connection = psycopg.connect(dsn, connect_timeout=CONNECT_TIMEOUT_S)
    except psycopg.OperationalError as error:
        raise StoreAbsent(f"the database cannot be reached: {error}") from None
    with connection:
        _use_utc(connection)
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
        connection = await psycopg.AsyncConnection.connect(dsn, autocommit=True, connect_timeout=CONNECT_TIMEOUT_S)
        async with connection:
            await connection.execute("SET TIME ZONE 'UTC'")
            yield connection


@contextmanager
def store_absence_told() -> Iterator[None]:
    """Turn the loss of the server into `StoreAbsent`, and a schema that is not there yet: both may come back.

    A refusal would not, and stays what it is.
    """
    try:
        yield
    except (psycopg.OperationalError, psycopg.InterfaceError, psycopg.errors.UndefinedTable, PoolTimeout) as error:
        raise StoreAbsent(f"the database is absent: {error}") from error


@contextmanager
def store_refusal_told() -> Iterator[None]:
    """Turn a refusal of the values themselves (type, range, key, text that is no UTF-8) into `StoreRefused`."""
    try:
        yield
    except (psycopg.DataError, psycopg.IntegrityError, UnicodeEncodeError) as error:
        raise StoreRefused(f"the database refused it: {type(error).__name__}") from error
