"""How the database does: its engine, the size and growth of each relation, connections, standbys, the last backup."""

from __future__ import annotations

from datetime import datetime

from pydantic import Field

from core.store.care import Growth, RelationCare, read_care, read_growth
from core.store.engine import EngineName
from core.store.replica import ReplicaState
from services.api.answers import Answer, HistoryReplica, Store, api_router, documented

router = api_router("process")

_RELATION = {
    "relation": "reading",
    "table_bytes": 1_288_490_188,
    "index_bytes": 402_653_184,
    "rows": 110_000_000,
    "dead_rows": 1_200,
    "vacuumed_at": "2026-03-02T03:10:00Z",
    "analyzed_at": "2026-03-02T03:10:00Z",
    "parts": 64,
    "parts_compressed": 60,
    "compression_ratio": 7.3,
    "bytes_per_day": 42_000_000,
    "rows_per_day": 2_016_000,
}
_STORAGE = {
    "engine": "timescale",
    "server_version": "17.6",
    "extension_version": "2.28.3",
    "database_bytes": 1_900_000_000,
    "bytes_per_day": 43_000_000,
    "transaction_age": 1_200_000,
    "oldest_transaction_s": 0.2,
    "connections": 21,
    "connections_max": 97,
    "replica": "following",
    "replica_lag_s": 0,
    "backed_up_at": "2026-03-02T02:30:00Z",
    "relations": [_RELATION],
}


class RelationStorage(Answer):
    """A relation with all its parts (months or chunks)."""

    relation: str
    table_bytes: int = Field(description="Bytes on disk of its rows, what is compressed included.")
    index_bytes: int
    rows: int = Field(description="As the server estimates.")
    dead_rows: int = Field(description="Deleted or changed, and not vacuumed yet.")
    vacuumed_at: datetime | None
    analyzed_at: datetime | None
    parts: int
    parts_compressed: int
    compression_ratio: float | None = Field(
        description="What its compressed parts took before, over what they take; null where none is compressed."
    )
    bytes_per_day: float | None = Field(description="Growth; null until sizes were noted on two days.")
    rows_per_day: float | None


class Storage(Answer):
    """The database, and each relation in it."""

    model_config = documented(_STORAGE)

    engine: EngineName
    server_version: str = Field(description="Of PostgreSQL.")
    extension_version: str | None = Field(description="Of TimescaleDB.")
    database_bytes: int
    bytes_per_day: float | None = Field(description="Growth of all relations; null until sizes were noted on two days.")
    transaction_age: int = Field(description="Transactions since the oldest row that is not frozen.")
    oldest_transaction_s: float
    connections: int = Field(description="In use on the server, whoever holds them.")
    connections_max: int
    replica: ReplicaState = Field(description="What this process reads history from, where there is a replica.")
    replica_lag_s: float | None
    backed_up_at: datetime | None = Field(description="When the newest backup by `vigie backup` was made.")
    relations: list[RelationStorage] = Field(description="By name.")


@router.get("/storage", operation_id="read_storage")
def read_storage(store: Store, replica: HistoryReplica) -> Storage:
    """Return how the database does; figures that the server keeps, no row is read for them."""
    care, growth = read_care(store), read_growth(store)
    server = care.server
    return Storage(
        engine=care.engine.name,
        server_version=care.engine.server_version,
        extension_version=care.engine.extension_version,
        database_bytes=server.database_bytes,
        bytes_per_day=sum(one.bytes_per_day for one in growth.values()) if growth else None,
        transaction_age=server.transaction_age,
        oldest_transaction_s=server.oldest_transaction_s,
        connections=server.connections,
        connections_max=server.connections_max,
        replica=replica.state,
        replica_lag_s=replica.lag_s,
        backed_up_at=server.backed_up_at,
        relations=[_relation(one, growth.get(one.name)) for one in care.relations],
    )


def _relation(care: RelationCare, growth: Growth | None) -> RelationStorage:
    return RelationStorage(
        relation=care.name,
        table_bytes=care.table_bytes,
        index_bytes=care.index_bytes,
        rows=care.rows,
        dead_rows=care.dead_rows,
        vacuumed_at=care.vacuumed_at,
        analyzed_at=care.analyzed_at,
        parts=care.parts,
        parts_compressed=care.parts_compressed,
        compression_ratio=round(care.uncompressed_bytes / care.compressed_bytes, 2) if care.compressed_bytes else None,
        bytes_per_day=growth.bytes_per_day if growth else None,
        rows_per_day=growth.rows_per_day if growth else None,
    )
