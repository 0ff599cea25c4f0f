"""What a process does with a connection of the owner's, done with the rights of its own login, for the tests."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg import sql
from psycopg.pq import TransactionStatus

from core.store.roles import Login


@contextmanager
def acting_as(connection: psycopg.Connection[Any], login: Login) -> Iterator[None]:
    """Do what follows with no more rights than a login has; afterwards the connection has its own again.

    A transaction that is open goes on, none is left open.
    """
    _say(connection, sql.SQL("SET ROLE {}").format(sql.Identifier(login)))
    try:
        yield
    finally:
        # A transaction that failed takes the role back with it.
        if connection.info.transaction_status is not TransactionStatus.INERROR:
            _say(connection, sql.SQL("RESET ROLE"))


def _say(connection: psycopg.Connection[Any], statement: sql.Composed | sql.SQL) -> None:
    was_idle = connection.info.transaction_status is TransactionStatus.IDLE
    connection.execute(statement)
    if was_idle and not connection.autocommit:
        connection.commit()
