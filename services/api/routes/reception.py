"""What came in and what was refused: for whoever looks after decoders and sensors."""

from __future__ import annotations

import base64
from datetime import datetime, timedelta
from typing import Annotated

from fastapi import Query
from pydantic import Field

from core.clock import Window, now
from core.places import SensorKind
from core.readings import Reason
from core.store import live, rejections
from services.api.answers import Answer, Items, Store, api_router, documented
from services.api.parameters import LONG_ID_MAX, CommuneFilter, From, InseeCode, Until, window_of

router = api_router("reception")

TEXT_MAX = 2_000
_MINUTE = {"minute": "2026-03-02T08:10:00Z", "kind": "meter", "stored": 42}
_REJECTION = {
    "rejection_id": 5,
    "received_at": "2026-03-02T08:10:01.250000Z",
    "reason": "unknown_unit",
    "detail": "co2 has no unit 'mg'",
    "topic": "vigie/v1/93051/indoor_air/salle-2/up",
    "payload_text": '[{"n":"co2","u":"mg","v":812}]',
    "payload_base64": "W3sibiI6ImNvMiIsInUiOiJtZyIsInYiOjgxMn1d",
    "size_bytes": 30,
    "properties": {},
    "external_id": "salle-2",
    "commune_insee": "93051",
}
_COUNT = {"reason": "unknown_unit", "count": 3}


class ReceptionMinute(Answer):
    """Readings stored in one minute of arrival, of one sensor kind."""

    minute: datetime
    kind: SensorKind
    stored: int


class Reception(Items[ReceptionMinute]):
    """Readings stored per minute of arrival, oldest first; idle minutes are absent."""

    model_config = documented({"items": [_MINUTE], "next": None})


class RejectionAnswer(Answer):
    """A message that was refused, and why."""

    rejection_id: int
    received_at: datetime
    reason: Reason
    detail: str
    topic: str
    payload_text: str = Field(
        description=f"What is kept of the payload as UTF-8, cut at {TEXT_MAX} characters; bytes that are no text are �."
    )
    payload_base64: str = Field(description="What is kept of the payload.")
    size_bytes: int = Field(description="Size of the whole payload.")
    properties: dict[str, str] = Field(description="MQTT user properties.")
    external_id: str | None
    commune_insee: str | None


class Rejections(Items[RejectionAnswer]):
    """Rejections, the newest first; `next` is given as `before`."""

    model_config = documented({"items": [_REJECTION], "next": None})


class ReasonCount(Answer):
    """How many messages were refused for one reason."""

    reason: Reason
    count: int


class RejectionCounts(Items[ReasonCount]):
    """Refusals by reason, the most frequent first."""

    model_config = documented({"items": [_COUNT], "next": None})


class RejectionsQuery(Answer):
    """Which rejections."""

    commune: InseeCode | None = Field(default=None, description="INSEE code; only this commune.")
    reason: Reason | None = None
    before: int | None = Field(default=None, ge=1, le=LONG_ID_MAX, description="The `next` of the page before.")
    limit: int = Field(default=50, ge=1, le=200, description="Items on a page at most.")


class CountsQuery(Answer):
    """Which rejections to count, by when they were received."""

    commune: InseeCode | None = Field(default=None, description="INSEE code; only this commune.")
    start: From = None
    until: Until = None


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


@router.get("/rejections", operation_id="read_rejections")
def read_rejections(store: Store, asked: Annotated[RejectionsQuery, Query()]) -> Rejections:
    """List refused messages, the newest first."""
    page = rejections.read_rejections(
        store, reason=asked.reason, commune=asked.commune, before=asked.before, limit=asked.limit + 1
    )
    items = [_rejection(kept) for kept in page[: asked.limit]]
    return Rejections(items=items, next=items[-1].rejection_id if len(page) > asked.limit else None)


@router.get("/rejections/counts", operation_id="count_rejections")
def count_rejections(store: Store, asked: Annotated[CountsQuery, Query()]) -> RejectionCounts:
    """Count refused messages by reason, received in `[from, until)`."""
    counts = rejections.count_rejections(store, window_of(asked.start, asked.until), commune=asked.commune)
    return RejectionCounts(items=[ReasonCount(reason=reason, count=count) for reason, count in counts.items()])


def _rejection(kept: rejections.KeptRejection) -> RejectionAnswer:
    refused = kept.rejection
    payload = refused.message.payload
    return RejectionAnswer(
        rejection_id=kept.rejection_id,
        received_at=refused.message.received_at,
        reason=refused.reason,
        detail=refused.detail,
        topic=refused.message.topic,
        # A character takes four bytes at most: the rest need not be decoded.
        payload_text=payload[: 4 * TEXT_MAX].decode("utf-8", errors="replace")[:TEXT_MAX],
        payload_base64=base64.b64encode(payload).decode("ascii"),
        size_bytes=refused.message.size_bytes,
        properties=refused.message.properties,
        external_id=refused.external_id,
        commune_insee=refused.commune_insee,
    )
