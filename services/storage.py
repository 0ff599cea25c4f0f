"""The database's own figures as instruments: read when they are asked for, at most once a minute.

Nothing is kept while the database is absent: a figure that is not there says more than one of before.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from threading import Lock
from time import monotonic

from prometheus_client.core import REGISTRY, GaugeMetricFamily
from prometheus_client.registry import Collector

from core.errors import StoreAbsent
from core.store.care import Care, RelationCare, note_sizes, read_care
from core.store.pool import Pool, store_absence_told

READ_S_MIN = 60.0
"""Read anew at most so often, however often it is asked for."""
ANSWER_S_MAX = 2.0

Figure = Callable[[RelationCare], float | None]
# One row a figure: name, what it says, how it is read from a relation.
_OF_RELATIONS: tuple[tuple[str, str, Figure], ...] = (
    ("table_bytes", "Bytes on disk of the rows, what is compressed included.", lambda one: one.table_bytes),
    ("index_bytes", "Bytes on disk of the indexes, what is compressed included.", lambda one: one.index_bytes),
    ("compressed_bytes", "Bytes of the parts that are compressed.", lambda one: one.compressed_bytes),
    ("uncompressed_bytes", "Bytes that the compressed parts took before.", lambda one: one.uncompressed_bytes),
    ("rows", "Rows, as the server estimates.", lambda one: one.rows),
    ("dead_rows", "Rows that were deleted or changed and not vacuumed yet.", lambda one: one.dead_rows),
    ("vacuumed_timestamp_seconds", "When it was last vacuumed.", lambda one: _seconds(one.vacuumed_at)),
    ("analyzed_timestamp_seconds", "When it was last analyzed.", lambda one: _seconds(one.analyzed_at)),
    ("parts", "Months or chunks that it is made of.", lambda one: one.parts),
    ("parts_compressed", "Those of them that are compressed.", lambda one: one.parts_compressed),
)


class StoreInstruments(Collector):
    """What Prometheus reads of the database through a worker. Labels are our relations, never a month or a chunk."""

    def __init__(self, pool: Pool) -> None:
        self._pool, self._lock = pool, Lock()
        self._read_at_s = -READ_S_MIN
        self._families: Sequence[GaugeMetricFamily] = ()

    def describe(self) -> Iterable[GaugeMetricFamily]:
        """Return nothing: the registry need not read the database to know the names."""
        return ()

    def collect(self) -> Iterable[GaugeMetricFamily]:
        """Return the figures of now, or of less than a minute ago; none while the database is absent."""
        with self._lock:
            if monotonic() - self._read_at_s >= READ_S_MIN:
                self._read_at_s = monotonic()
                try:
                    with store_absence_told(), self._pool.connection(ANSWER_S_MAX) as connection:
                        self._families = families(read_care(connection))
                except StoreAbsent:
                    self._families = ()
            return self._families


@contextmanager
def store_told(pool: Pool) -> Iterator[None]:
    """Have this process's ``/metrics`` tell how the database does."""
    instruments = StoreInstruments(pool)
    REGISTRY.register(instruments)
    try:
        yield
    finally:
        REGISTRY.unregister(instruments)


def note_todays_sizes(pool: Pool, at: datetime) -> None:
    """Note how large each relation is, from which its growth is told."""
    with pool.connection() as connection:
        note_sizes(connection, at.date())


def families(care: Care) -> list[GaugeMetricFamily]:
    """Return the figures as Prometheus has them."""
    server = care.server
    made = [
        _single("vigie_store_bytes", "Bytes on disk of the database.", server.database_bytes),
        _single("vigie_store_transaction_age", "Transactions since the oldest row not frozen.", server.transaction_age),
        _single("vigie_store_oldest_transaction_seconds", "How long the oldest is open.", server.oldest_transaction_s),
        _single("vigie_store_connections", "Connections in use on the server.", server.connections),
        _single("vigie_store_connections_max", "Connections that the server gives.", server.connections_max),
        _single("vigie_store_replicas", "Standbys that are connected to the server.", server.replicas),
        _single("vigie_store_replica_lag_seconds", "How far the farthest standby is behind.", server.replica_lag_s),
        _single(
            "vigie_store_backup_timestamp_seconds", "When the newest backup was made.", _seconds(server.backed_up_at)
        ),
    ]
    engine = GaugeMetricFamily("vigie_store_engine", "1 for the engine of the database.", labels=["engine"])
    engine.add_metric([care.engine.name], 1)
    for name, says, figure in _OF_RELATIONS:
        family = GaugeMetricFamily(f"vigie_store_relation_{name}", says, labels=["relation"])
        for one in care.relations:
            value = figure(one)
            if value is not None:
                family.add_metric([one.name], value)
        made.append(family)
    return [engine, *made]


def _single(name: str, says: str, value: float | None) -> GaugeMetricFamily:
    """Return a figure without labels; without a sample where it is not known."""
    family = GaugeMetricFamily(name, says)
    if value is not None:
        family.add_metric([], value)
    return family


def _seconds(at: datetime | None) -> float | None:
    return None if at is None else at.timestamp()
