"""What was refused, and what was let go of: for whoever looks after decoders and sensors."""

from __future__ import annotations

import base64
from datetime import date, datetime
from typing import Annotated, Literal

from fastapi import Path, Query
from pydantic import Field

from core.intakes import RejectionFilter
from core.readings import Reason
from core.store import pruned, rejections
from services.api.answers import Answer, Items, Store, api_router, documented
from services.api.parameters import LONG_ID_MAX, CommuneFilter, Day, From, InseeCode, Instant, Until, window_of
from services.api.problems import Code, Problem

router = api_router("reception")

TEXT_MAX = 2_000
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
    "decoder": "senml/1",
    "times": 1,
    "last_received_at": "2026-03-02T08:10:01.250000Z",
    "replayable": True,
    "replayed_at": None,
    "settled_as": None,
}
_GROUP = {
    "reason": "unknown_unit",
    "external_id": "salle-2",
    "commune": "93051",
    "sensor_id": 12,
    "rejections": 120,
    "times": 131,
    "first_received_at": "2026-03-01T08:10:01Z",
    "last_received_at": "2026-03-02T08:10:01.250000Z",
    "replayable": 120,
    "settled": 0,
}
_COUNT = {"reason": "unknown_unit", "count": 3}
_PRUNED = {
    "day": "2026-03-02",
    "what": "rejection",
    "reason": "flooded",
    "bound": "messages",
    "external_id": "eui-70b3d57ed0001234",
    "messages": 412,
    "bytes": 148_320,
}


class RejectionAnswer(Answer):
    """A message that was refused, and why."""

    model_config = documented(_REJECTION)

    rejection_id: int
    received_at: datetime = Field(description="When it was first received.")
    reason: Reason
    detail: str
    topic: str
    payload_text: str = Field(
        description=f"The payload as UTF-8, cut at {TEXT_MAX} characters; bytes that are no text are �."
    )
    payload_base64: str = Field(
        description=f"The payload: in a list, {rejections.LISTED_BYTES_MAX} bytes at most; alone, all that is kept."
    )
    size_bytes: int = Field(description="Size of the whole payload.")
    properties: dict[str, str] = Field(description="MQTT user properties.")
    external_id: str | None
    commune_insee: str | None
    decoder: str = Field(description="Name and version of the decoder that refused it; empty when none was asked.")
    times: int = Field(description="How often the same message came and was refused for the same reason.")
    last_received_at: datetime
    replayable: bool = Field(description="Whether a replay would take it: refused still, kept whole, no conflict.")
    replayed_at: datetime | None = Field(description="When it last went through the decoders again.")
    settled_as: Literal["stored", "duplicate", "aside", "rejected"] | None = Field(
        description="What became of its message since; null: refused still; `rejected`: for another reason by now."
    )


class Rejections(Items[RejectionAnswer]):
    """Rejections, the newest first; `next` is given as `before`."""

    model_config = documented({"items": [_REJECTION], "next": None})


class GroupAnswer(Answer):
    """The rejections of one sensor for one reason."""

    reason: Reason
    external_id: str | None = Field(description="Null where the messages do not say whose they are.")
    commune: str | None = Field(description="INSEE code.")
    sensor_id: int | None = Field(description="Null unless the sensor is adopted.")
    rejections: int = Field(description="How many are kept.")
    times: int = Field(description="How often they came.")
    first_received_at: datetime
    last_received_at: datetime
    replayable: int = Field(description="How many of them a replay would take.")
    settled: int = Field(description="How many of them are refused no longer.")


class Groups(Items[GroupAnswer]):
    """Rejections by reason, sensor and commune, those with the most first."""

    model_config = documented({"items": [_GROUP], "next": None})


class ReasonCount(Answer):
    """How many messages were refused for one reason."""

    reason: Reason
    count: int


class RejectionCounts(Items[ReasonCount]):
    """Refusals by reason, the most frequent first."""

    model_config = documented({"items": [_COUNT], "next": None})


class PrunedAnswer(Answer):
    """How much was let go of on one day (UTC) to keep one bound."""

    day: date
    what: Literal["rejection", "aside", "frame", "reading"]
    reason: str = Field(description="Of the rejections; the family of the readings; empty for others.")
    bound: Literal["age", "messages", "bytes"]
    external_id: str | None = Field(description="Whose they were; null where the bound is one of all together.")
    messages: int
    bytes: int


class PrunedItems(Items[PrunedAnswer]):
    """What was let go of, the newest day first."""

    model_config = documented({"items": [_PRUNED], "next": None})


class RejectionsQuery(Answer):
    """Which rejections."""

    commune: InseeCode | None = Field(default=None, description="INSEE code; only this commune.")
    reason: Reason | None = None
    sensor: str | None = Field(default=None, max_length=64, description="External id; only this sensor.")
    since: Instant | None = Field(default=None, description="First received from then on.")
    settled: bool | None = Field(default=None, description="Whether something became of their messages since.")
    before: int | None = Field(default=None, ge=1, le=LONG_ID_MAX, description="The `next` of the page before.")
    limit: int = Field(default=50, ge=1, le=200, description="Items on a page at most.")


class CountsQuery(Answer):
    """Which rejections to count, by when they were received."""

    commune: InseeCode | None = Field(default=None, description="INSEE code; only this commune.")
    start: From = None
    until: Until = None


@router.get("/rejections", operation_id="read_rejections")
def read_rejections(store: Store, asked: Annotated[RejectionsQuery, Query()]) -> Rejections:
    """List refused messages, the newest first."""
    wanted = RejectionFilter(asked.reason, asked.sensor, asked.commune, asked.since)
    page = rejections.read_rejections(store, wanted, settled=asked.settled, before=asked.before, limit=asked.limit + 1)
    items = [_rejection(kept) for kept in page[: asked.limit]]
    return Rejections(items=items, next=items[-1].rejection_id if len(page) > asked.limit else None)


@router.get("/rejections/groups", operation_id="read_rejection_groups")
def read_groups(
    store: Store,
    commune: CommuneFilter = None,
    since: Annotated[Instant | None, Query(description="First received from then on.")] = None,
    limit: Annotated[int, Query(ge=1, le=1_000, description="Items at most.")] = 1_000,
) -> Groups:
    """Group refused messages by reason, sensor and commune, those with the most first."""
    found = rejections.read_groups(store, commune=commune, since=since, limit=limit)
    return Groups(items=[GroupAnswer.model_validate(group, from_attributes=True) for group in found])


@router.get("/rejections/counts", operation_id="count_rejections")
def count_rejections(store: Store, asked: Annotated[CountsQuery, Query()]) -> RejectionCounts:
    """Count refused messages by reason, received in `[from, until)`."""
    counts = rejections.count_rejections(store, window_of(asked.start, asked.until), commune=asked.commune)
    return RejectionCounts(items=[ReasonCount(reason=reason, count=count) for reason, count in counts.items()])


@router.get("/rejections/{rejection_id}", operation_id="read_rejection")
def read_rejection(rejection_id: Annotated[int, Path(ge=1, le=LONG_ID_MAX)], store: Store) -> RejectionAnswer:
    """One refused message, with all that is kept of it."""
    kept = rejections.read_rejection(store, rejection_id)
    if kept is None:
        raise Problem(Code.NOT_FOUND, f"there is no rejection {rejection_id}")
    return _rejection(kept)


@router.get("/pruned", operation_id="read_pruned")
def read_pruned(
    store: Store,
    since: Annotated[Day | None, Query(description="From this day (UTC) on.")] = None,
    limit: Annotated[int, Query(ge=1, le=1_000, description="Items at most.")] = 100,
) -> PrunedItems:
    """Say what was let go of to keep the bounds, the newest day first."""
    found = pruned.read_pruned(store, since=since, limit=limit)
    return PrunedItems(items=[PrunedAnswer.model_validate(one, from_attributes=True) for one in found])


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
        decoder=refused.decoder,
        times=kept.times,
        last_received_at=kept.last_received_at,
        replayable=kept.replayable,
        replayed_at=kept.replayed_at,
        settled_as=kept.settled_as,
    )
