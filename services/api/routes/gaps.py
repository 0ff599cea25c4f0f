"""The frame ledger: what LoRaWAN sensors sent, what of it was heard, and what is missing."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated

from fastapi import Query
from pydantic import Field

from core.clock import Window, format_instant
from core.store import gaps
from services.api.answers import Answer, History, Items, api_router, documented
from services.api.parameters import ID_MAX, CommuneFilter, Instant, SensorId, Until, window_of
from services.api.problems import ParameterInvalid
from services.api.routes.sensors import sensor_named

router = api_router("reception")

LEDGER_WINDOW_MAX = timedelta(days=31)
_LEDGER = {
    "sensor_id": 12,
    "external_id": "eui-0004a30b001c0530",
    "name": "Salle 2",
    "received": 141,
    "missing": 2,
    "backfilled": 1,
    "resets": 0,
    "joins": 1,
    "last_frame_at": "2026-03-02T08:10:00Z",
}
_GAP = {
    "session": "AXA50pHUDeXuKnW5RiGmUg==",
    "first_f_cnt": 8,
    "last_f_cnt": 9,
    "missing": 2,
    "after_at": "2026-03-02T07:00:00Z",
    "before_at": "2026-03-02T07:30:00Z",
}

Since = Annotated[Instant | None, Field(description="Start of the window, included. Default: 24 h before `until`.")]


class LedgerAnswer(Answer):
    """The account of a LoRaWAN sensor's frames: what it sent is received, back-filled and missing."""

    model_config = documented(_LEDGER)

    sensor_id: int
    external_id: str
    name: str
    received: int = Field(description="Frames heard when they were sent.")
    missing: int = Field(
        description="Frames that the counters tell of and that were not heard; those that carry nothing for us, "
        "which network servers keep to themselves, are among them."
    )
    backfilled: int = Field(description="Frames fetched later from a network server's store, or read from a file.")
    resets: int = Field(description="How often the counter began again in the same session.")
    joins: int = Field(description="How often the session was renewed.")
    last_frame_at: datetime = Field(description="The newest frame heard before the end of the window.")


class Ledgers(Items[LedgerAnswer]):
    """Ledgers of the sensors of which a frame was ever heard, by sensor."""

    model_config = documented({"items": [_LEDGER], "next": None})


class GapAnswer(Answer):
    """Frames that were not heard, between two that were."""

    model_config = documented(_GAP)

    session: str = Field(description="Renews with each join, and the counter with it.")
    first_f_cnt: int
    last_f_cnt: int
    missing: int
    after_at: datetime = Field(description="When the frame before the gap was observed.")
    before_at: datetime = Field(description="When the frame after the gap was observed.")


class Gaps(Items[GapAnswer]):
    """Gaps of a sensor, the newest first."""

    model_config = documented({"items": [_GAP], "next": None})


class LedgersQuery(Answer):
    """Whose ledgers, and over which window."""

    commune: CommuneFilter = None
    since: Since = None
    until: Until = None
    after: int = Field(default=0, ge=0, le=ID_MAX, description="The `next` of the page before.")
    limit: int = Field(default=1_000, ge=1, le=1_000, description="Items on a page at most.")


class GapsQuery(Answer):
    """Which gaps of a sensor."""

    since: Since = None
    until: Until = None
    before: Instant | None = Field(default=None, description="The `next` of the page before.")
    limit: int = Field(default=1_000, ge=1, le=1_000, description="Items on a page at most.")


@router.get("/gaps", operation_id="read_ledgers")
def read_ledgers(asked: Annotated[LedgersQuery, Query()], store: History) -> Ledgers:
    """Return the frames received, back-filled and missing of LoRaWAN sensors in `[since, until)`, 31 days at most.

    A gap counts where the frame that ends it was observed, so that windows side by side add up.
    """
    window = _window(asked.since, asked.until)
    if window.length > LEDGER_WINDOW_MAX:
        raise ParameterInvalid("since", f"the window is longer than {LEDGER_WINDOW_MAX.days} days")
    page = gaps.read_ledgers(store, window, commune=asked.commune, after=asked.after, limit=asked.limit + 1)
    items = [_ledger(one) for one in page[: asked.limit]]
    return Ledgers(items=items, next=items[-1].sensor_id if len(page) > asked.limit else None)


@router.get("/sensors/{sensor_id}/gaps", operation_id="read_gaps")
def read_gaps(sensor_id: SensorId, asked: Annotated[GapsQuery, Query()], store: History) -> Gaps:
    """Return the gaps of a sensor that ended in `[since, until)`, 400 days at most, the newest first."""
    window = _window(asked.since, asked.until)
    sensor_named(store, sensor_id)
    if asked.before is not None:
        window = Window(window.start, max(window.start, min(asked.before, window.end)))
    page = gaps.read_gaps(store, sensor_id, window, limit=asked.limit + 1)
    items = [_gap(one) for one in page[: asked.limit]]
    return Gaps(items=items, next=format_instant(items[-1].before_at) if len(page) > asked.limit else None)


def _window(since: datetime | None, until: datetime | None) -> Window:
    return window_of(since, until, name="since")


def _ledger(ledger: gaps.Ledger) -> LedgerAnswer:
    return LedgerAnswer(
        sensor_id=ledger.sensor_id,
        external_id=ledger.external_id,
        name=ledger.name,
        received=ledger.received,
        missing=ledger.missing,
        backfilled=ledger.backfilled,
        resets=ledger.resets,
        joins=ledger.joins,
        last_frame_at=ledger.last_frame_at,
    )


def _gap(gap: gaps.Gap) -> GapAnswer:
    return GapAnswer(
        session=gap.session,
        first_f_cnt=gap.first_f_cnt,
        last_f_cnt=gap.last_f_cnt,
        missing=gap.missing,
        after_at=gap.after_at,
        before_at=gap.before_at,
    )
