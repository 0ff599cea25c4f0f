"""What came in, minute by minute: for whoever looks after the sensors."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated

from fastapi import Query

from core.clock import Window, now
from core.places import SensorKind
from core.store import live
from services.api.answers import Answer, Items, Store, api_router, documented
from services.api.parameters import CommuneFilter

router = api_router("reception")

_MINUTE = {"minute": "2026-03-02T08:10:00Z", "kind": "meter", "stored": 42}


class ReceptionMinute(Answer):
    """Readings stored in one minute of arrival, of one sensor kind."""

    minute: datetime
    kind: SensorKind
    stored: int


class Reception(Items[ReceptionMinute]):
    """Readings stored per minute of arrival, oldest first; idle minutes are absent."""

    model_config = documented({"items": [_MINUTE], "next": None})


@router.get("/reception", operation_id="read_reception")
def read_reception(
    store: Store,
    commune: CommuneFilter = None,
    minutes: Annotated[int, Query(ge=1, le=2_880, description="How far back; two days are kept.")] = 60,
) -> Reception:
    """Return readings stored per minute of arrival and sensor kind."""
    window = Window.ending(now(), timedelta(minutes=minutes))
    rows = live.read_reception(store, window, commune=commune)
    return Reception(
        items=[ReceptionMinute(minute=minute, kind=SensorKind(kind), stored=stored) for minute, kind, stored in rows]
    )
