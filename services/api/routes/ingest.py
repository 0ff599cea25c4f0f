"""How the ingestion does: the last heartbeat of each lane, and how long it took."""

from __future__ import annotations

from datetime import datetime

from pydantic import Field

from core.clock import now
from core.store.lanes import LaneBeat, read_lane_beats
from services.api.answers import Answer, Items, Store, api_router, documented
from services.lanes import LaneState, state_of

router = api_router("reception")

_LANE = {"lane": "all", "last_heartbeat_at": "2026-03-02T09:00:00Z", "latency_s": 0.31, "state": "ok"}


class LaneAnswer(Answer):
    """A lane of the ingestion, by the message of its own that travels the whole way each minute."""

    model_config = documented(_LANE)

    lane: str
    last_heartbeat_at: datetime = Field(description="When the last one was sent that went through.")
    latency_s: float = Field(description="Its time through the broker to its commit, in seconds.")
    state: LaneState = Field(
        description="`late` after two missed heartbeats or one that took over 10 s, `silent` after ten minutes without."
    )


class Lanes(Items[LaneAnswer]):
    """The lanes that had a heartbeat in the last two days, by name."""

    model_config = documented({"items": [_LANE], "next": None})


@router.get("/ingest")
def read_lanes(store: Store) -> Lanes:
    """Return how each lane of the ingestion does."""
    present = now()
    return Lanes(items=[_answer(beat, present) for beat in read_lane_beats(store)])


def _answer(beat: LaneBeat, present: datetime) -> LaneAnswer:
    latency_s = max(0.0, (beat.committed_at - beat.sent_at).total_seconds())
    return LaneAnswer(
        lane=beat.lane,
        last_heartbeat_at=beat.sent_at,
        latency_s=round(latency_s, 3),
        state=state_of(present - beat.sent_at, latency_s),
    )
