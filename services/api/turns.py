"""Turns at the store's connections: a request waits for one on the event loop, where it keeps no thread from others.

A thread that waited would be taken from the requests that hold the connections and need threads to end: with all
threads waiting nothing ends, and nobody's turn comes.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager

import anyio
from fastapi.concurrency import contextmanager_in_threadpool

from core.errors import StoreBusy
from core.instruments import API_TURNS_REFUSED, API_TURNS_WAITING
from core.settings import ApiSettings
from core.store.pool import Connection, Pool, entered, store_absence_told
from core.store.replica import HistorySource


class Turns:
    """The connections of one pool, given in the order of asking.

    Parameters
    ----------
    size
        How many are given at once; the others wait.
    wait_s_max
        How long one waits before it is refused.
    waiting_max
        How many wait; one more is refused at once.
    """

    def __init__(self, size: int, wait_s_max: float, waiting_max: int) -> None:
        self._wait_s_max, self._waiting_max, self._waiting = wait_s_max, waiting_max, 0
        self._free = anyio.Semaphore(size)

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Wait for a turn, hold it, and pass it on.

        Raises
        ------
        StoreBusy
            If too many wait, or it takes too long.
        """
        try:
            self._free.acquire_nowait()
        except anyio.WouldBlock:
            await self._wait()
        try:
            yield
        finally:
            self._free.release()

    async def _wait(self) -> None:
        if self._waiting >= self._waiting_max:
            API_TURNS_REFUSED.labels("waiting").inc()
            raise StoreBusy
        self._waiting += 1
        try:
            with API_TURNS_WAITING.track_inprogress(), anyio.fail_after(self._wait_s_max):
                await self._free.acquire()
        except TimeoutError:
            API_TURNS_REFUSED.labels("time").inc()
            raise StoreBusy from None
        finally:
            self._waiting -= 1


class Connections:
    """The connections of the api process: to the store, and to where history is read.

    Parameters
    ----------
    pool
        Has `RESERVED` connections more than there are turns: for those who take theirs from the pool itself, the
        readiness probe and the decisions that are asked for.
    """

    RESERVED = 3

    def __init__(self, settings: ApiSettings, pool: Pool, history: HistorySource) -> None:
        size, wait_s, waiting = settings.database_pool_size, settings.database_wait_s_max, settings.database_waiting_max
        self.pool, self.history = pool, history
        self._turns, self._replica_turns = Turns(size, wait_s, waiting), Turns(size, wait_s, waiting)

    @asynccontextmanager
    async def store(self, key: str) -> AsyncIterator[Connection]:
        """Give a connection of the primary under this pass, committed at the end, rolled back on error."""
        async with self._turns.turn(), contextmanager_in_threadpool(taken(self.pool.connection(), key)) as connection:
            yield connection

    @asynccontextmanager
    async def reading_history(self, key: str) -> AsyncIterator[Connection]:
        """Give a read-only connection under this pass: of the replica, or of the primary while that does not follow."""
        turns = self._replica_turns if self.history.followed else self._turns
        async with turns.turn(), contextmanager_in_threadpool(taken(self.history.connection(key))) as connection:
            yield connection


@contextmanager
def taken(connection: AbstractContextManager[Connection], key: str | None = None) -> Iterator[Connection]:
    """Take a connection, under a pass where one is given; that the store is absent is told as such."""
    with store_absence_told(), connection as given:
        if key is not None:
            entered(given, key)
        yield given
