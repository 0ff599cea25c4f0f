"""How the process and its store are: for supervisors and load balancers."""

from __future__ import annotations

from typing import Literal

from fastapi import Request
from pydantic import Field

from core.store.migrate import is_migrated
from core.store.pool import Pool, store_absence_told
from core.store.replica import ReplicaState
from services.api.answers import Answer, HistoryReplica, api_router, documented
from services.api.problems import Code, Problem

READY_TIMEOUT_S = 2.0
"""A probe wants its answer soon; other requests wait as long as the pool does."""

router = api_router("process")


class Health(Answer):
    """The process lives."""

    model_config = documented({"status": "alive"})

    status: Literal["alive"]


class Readiness(Answer):
    """The database answers and has the present schema."""

    model_config = documented({"status": "ready", "replica": "following", "replica_lag_s": 0})

    status: Literal["ready"]
    replica: ReplicaState = Field(
        description="Whether history is read from a replica: `following`; while it is `lagging` behind the bound, "
        "`absent` or `strange` (no standby of this database) the primary is read; `none` is set."
    )
    replica_lag_s: float | None = Field(description="How far the replica is behind, null where it cannot be known.")


# On the event loop: it must answer when every thread waits for an absent database.
@router.get("/health", operation_id="read_health")
async def read_health() -> Health:
    """Whether the process lives. It says nothing of the database."""
    return Health(status="alive")


@router.get("/ready", operation_id="read_readiness")
def read_readiness(request: Request, replica: HistoryReplica) -> Readiness:
    """Whether requests can be answered: the database answers and is migrated. A replica is no condition, only told."""
    pool: Pool = request.app.state.pool
    with store_absence_told(), pool.connection(timeout=READY_TIMEOUT_S) as connection:
        migrated = is_migrated(connection)
    if not migrated:
        raise Problem(Code.NOT_MIGRATED, "the database lacks migrations: run `vigie migrate`")
    return Readiness(status="ready", replica=replica.state, replica_lag_s=replica.lag_s)
