"""Turns: what one process at a time does. A turn ends with its process, however that ends."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from core.store.pool import connected

_TURN_LOCK = 0x5455524E
"""The class of these advisory locks; the second key is of what is done."""


@contextmanager
def turn(dsn: str, of: str) -> Iterator[bool]:
    """Say whether it is this process's turn to do something, and hold the turn until the end of the block if it is.

    It is held by a connection of its own, outside any transaction: nothing old is kept alive meanwhile, and those who
    hold turns leave the pool to those who work.
    """
    with connected(dsn) as connection:
        held = connection.execute("SELECT pg_try_advisory_lock(%s, hashtext(%s))", (_TURN_LOCK, of)).fetchone()
        connection.commit()
        if held != (True,):
            yield False
            return
        try:
            yield True
        finally:
            connection.execute("SELECT pg_advisory_unlock(%s, hashtext(%s))", (_TURN_LOCK, of))
