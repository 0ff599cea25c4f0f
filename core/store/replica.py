"""Where history is read: on a streaming replica while it follows closely, on the primary otherwise, told and counted.

How far the replica is behind is measured by positions in the log, not by clocks: every two seconds we note where the
primary writes, and look up how long ago it wrote what the replica has replayed by now. That stays right when nothing is
written, and when the replica has lost its primary without knowing it.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from threading import Event, Thread
from time import monotonic

import psycopg
import structlog
from psycopg_pool import PoolTimeout

from core.instruments import HISTORY_READS, REPLICA_LAG_SECONDS
from core.settings import HistorySettings
from core.store.pool import Connection, Pool, entered, is_let_in, open_pool

CHECK_S = 2.0
ANSWER_S_MAX = 1.0
"""How long a connection of the replica is waited for before the primary is asked instead."""

_log = structlog.get_logger(__name__)


class ReplicaState(StrEnum):
    """What may be expected of the replica now."""

    NONE = "none"
    """There is none: ``VIGIE_DATABASE_REPLICA_URL`` is not set."""
    FOLLOWING = "following"
    LAGGING = "lagging"
    ABSENT = "absent"
    STRANGE = "strange"
    """What answers is no standby of this primary."""


@dataclass(frozen=True, slots=True)
class Replica:
    """How the replica does. ``lag_s`` is None where it cannot be known."""

    state: ReplicaState
    lag_s: float | None = None


@dataclass(slots=True)
class LogPositions:
    """Where the primary wrote in its log lately: positions in bytes, by the monotonic clock in seconds."""

    kept_s: float
    _noted: deque[tuple[float, int]] = field(default_factory=deque)

    def note(self, at_s: float, position: int) -> None:
        """Note that the primary writes at ``position``."""
        self._noted.append((at_s, position))
        while self._noted[0][0] < at_s - self.kept_s:
            self._noted.popleft()

    def lag_s(self, at_s: float, replayed: int) -> float | None:
        """Return how long ago the primary was where the replica is, None where that is longer ago than was noted."""
        if self._noted and replayed >= self._noted[-1][1]:
            return 0.0
        return next((at_s - noted for noted, position in reversed(self._noted) if position <= replayed), None)


class HistorySource:
    """Where history is read; always read-only, so that a route that writes shows it without a replica, too.

    Parameters
    ----------
    primary
        The pool of the primary, which others use as well.
    replica
        The pool of the replica, None where there is none.
    """

    def __init__(self, settings: HistorySettings, primary: Pool, replica: Pool | None = None) -> None:
        self._settings, self._primary, self._pool = settings, primary, replica
        self._positions = LogPositions(settings.replica_lag_s_max + CHECK_S)
        self.replica = Replica(ReplicaState.NONE if replica is None else ReplicaState.ABSENT)

    @property
    def followed(self) -> bool:
        """Whether the replica is read now."""
        return self.replica.state is ReplicaState.FOLLOWING

    @property
    def dsn(self) -> str:
        """The address to read history from now, for a reader that connects by itself."""
        self._count(by_replica=self.followed)
        return self._settings.replica_dsn if self.followed else self._settings.dsn

    @contextmanager
    def connection(self, key: str) -> Iterator[Connection]:
        """Give a read-only connection under a pass: of the replica, or of the primary while that does not follow.

        The primary is asked as well while the replica has not heard of the pass: it was made a moment ago.

        Raises
        ------
        PoolTimeout
            If the primary has none to give either.
        """
        with ExitStack() as held:
            connection = self._of_replica(held, key)
            self._count(by_replica=connection is not None)
            if connection is None:
                connection = held.enter_context(self._primary.connection())
                held.enter_context(reading_only(connection))
                entered(connection, key)
            yield connection

    def _of_replica(self, held: ExitStack, key: str) -> Connection | None:
        if self._pool is None or not self.followed:
            return None
        with ExitStack() as tried:
            try:
                connection = tried.enter_context(self._pool.connection(ANSWER_S_MAX))
            except PoolTimeout:
                self._see(Replica(ReplicaState.ABSENT))
                return None
            tried.enter_context(reading_only(connection))
            entered(connection, key)
            if not is_let_in(connection):
                return None
            held.push(tried.pop_all())
            return connection

    def _count(self, *, by_replica: bool) -> None:
        instead = "primary" if self._pool is None else "primary_instead"
        HISTORY_READS.labels("replica" if by_replica else instead).inc()

    def follow(self, stopping: Event) -> None:
        """Look every two seconds how far behind the replica is, until told to stop."""
        while True:
            self._see(self.look(monotonic()))
            if stopping.wait(CHECK_S):
                return

    def look(self, at_s: float) -> Replica:
        """Return how the replica does at ``at_s`` of the monotonic clock.

        While the primary does not answer there is nothing to compare with: the replica is taken as it was.
        """
        assert self._pool is not None, "there is a replica to look at"
        try:
            with self._primary.connection(ANSWER_S_MAX) as connection:
                primary, position = _read_position(connection)
            self._positions.note(at_s, position)
        except (PoolTimeout, psycopg.Error):
            return self.replica
        try:
            with self._pool.connection(ANSWER_S_MAX) as connection:
                standby, replayed = _read_replayed(connection)
                if standby != primary or replayed is None:
                    return Replica(ReplicaState.STRANGE)
                lag_s = self._positions.lag_s(at_s, replayed)
                lag_s = _read_age(connection) if lag_s is None else lag_s
        except (PoolTimeout, psycopg.Error):
            return Replica(ReplicaState.ABSENT)
        close = lag_s is not None and lag_s <= self._settings.replica_lag_s_max
        return Replica(ReplicaState.FOLLOWING if close else ReplicaState.LAGGING, lag_s)

    def _see(self, replica: Replica) -> None:
        if replica.state is not self.replica.state:
            _log.info("replica_changed", state=replica.state, before=self.replica.state, lag_s=replica.lag_s)
        self.replica = replica
        REPLICA_LAG_SECONDS.set(math.nan if replica.lag_s is None else replica.lag_s)


@contextmanager
def open_history(settings: HistorySettings, primary: Pool) -> Iterator[HistorySource]:
    """Open where history is read, and follow the replica from a thread of its own where there is one."""
    if not settings.replica_dsn:
        yield HistorySource(settings, primary)
        return
    with open_pool(settings.replica_dsn, settings.database_pool_size) as pool:
        source = HistorySource(settings, primary, pool)
        stopping = Event()
        thread = Thread(target=source.follow, args=(stopping,), name="replica", daemon=True)
        thread.start()
        try:
            yield source
        finally:
            stopping.set()
            thread.join()


def followed_dsn(settings: HistorySettings, primary: Pool) -> str:
    """Return the address to read one long history from: the replica's, if it is found to follow now."""
    if not settings.replica_dsn:
        return settings.dsn
    with open_pool(settings.replica_dsn, 1) as pool:
        source = HistorySource(settings, primary, pool)
        source.replica = source.look(monotonic())
        return source.dsn


@contextmanager
def reading_only(connection: Connection) -> Iterator[None]:
    """Have one transaction of this connection refuse to write."""
    connection.read_only = True
    try:
        with connection.transaction():
            yield
    finally:
        if not connection.closed:
            connection.read_only = None


def _read_position(connection: Connection) -> tuple[int, int]:
    """Return which cluster this is, and where its primary writes in its log, in bytes."""
    row = connection.execute(
        "SELECT system_identifier, (pg_current_wal_lsn() - '0/0')::bigint FROM pg_control_system()"
    ).fetchone()
    assert row is not None, "there is one cluster"
    return int(row[0]), int(row[1])


def _read_replayed(connection: Connection) -> tuple[int, int | None]:
    """Return of which cluster this is a standby, and how much of its log it has replayed; None for no standby."""
    row = connection.execute(
        """
        SELECT system_identifier,
               CASE WHEN pg_is_in_recovery() THEN (pg_last_wal_replay_lsn() - '0/0')::bigint END
          FROM pg_control_system()
        """
    ).fetchone()
    assert row is not None, "there is one cluster"
    return int(row[0]), None if row[1] is None else int(row[1])


def _read_age(connection: Connection) -> float | None:
    """Return how long ago the newest transaction was committed that the standby has replayed; at least its lag."""
    row = connection.execute(
        "SELECT extract(epoch FROM clock_timestamp() - pg_last_xact_replay_timestamp())::float8"
    ).fetchone()
    assert row is not None, "a row without a table"
    return None if row[0] is None else float(row[0])
