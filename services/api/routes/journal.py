"""A sensor's journal: changes, calibrations, interventions and what happened to its alarms, in one order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import Query, Request
from pydantic import Field

from core.clock import now
from core.store.alarms import KeptAlarm, read_alarms_of
from core.store.journal import JournalEntry, read_journal
from core.store.pool import Connection
from services.alarms.words import said_of
from services.api.answers import Answer, Items, Store, api_router, documented
from services.api.journal_places import Before, format_place, parse_place
from services.api.parameters import Language, Limit, SensorId
from services.api.routes.interventions import PhotoAnswer, photo_answer
from services.api.routes.uplink import whole_sensor
from services.words import Catalogue

router = api_router("sensors")

_ALARM = {"alarm_id": 81, "name": "threshold", "severity": "warning", "series_id": 41, "title": "CO₂ élevé, salle 12"}
_ENTRY = {
    "kind": "alarm",
    "number": 204,
    "at": "2026-03-02T09:18:00Z",
    "what": "raised",
    "by": "vigie",
    "role": "",
    "said": "",
    "before": None,
    "after": None,
    "photos": [],
    "alarm": _ALARM,
    "until": None,
}


class JournalAlarm(Answer):
    """The alarm that an entry is about."""

    alarm_id: int
    name: str
    severity: str
    series_id: int | None
    title: str


class JournalAnswer(Answer):
    """Something that happened to a sensor."""

    model_config = documented(_ENTRY)

    kind: Literal["change", "intervention", "alarm"]
    number: int = Field(description="Its id among those of its kind.")
    at: datetime
    what: str = Field(description="In a word of its kind: `moved`, `battery_changed`, `acknowledged`.")
    by: str
    role: str = Field(description="As what whoever did it did; empty where that was not kept.")
    said: str
    before: dict[str, Any] | None = Field(description="Of a change: the fields that changed, as they were.")
    after: dict[str, Any] | None = Field(description="As they are.")
    photos: list[PhotoAnswer]
    alarm: JournalAlarm | None
    until: datetime | None = Field(description="Of a snooze: its end.")


class Journal(Items[JournalAnswer]):
    """What happened to a sensor, the newest first; `next` is given as `before`."""

    model_config = documented({"items": [_ENTRY], "next": None})


@router.get("/sensors/{sensor_id}/journal", operation_id="read_journal")
def read_sensor_journal(  # noqa: PLR0917 - a query's parameters are its function's parameters
    sensor_id: SensorId,
    request: Request,
    store: Store,
    before: Before = None,
    limit: Limit = 100,
    language: Annotated[Language, Query()] = "fr",
) -> Journal:
    """List what people did with a sensor and at it, and what happened to its alarms, the newest first."""
    whole_sensor(store, sensor_id)
    place = None if before is None else parse_place(before)
    page = read_journal(store, sensor_id, before=place, limit=limit + 1)
    alarms = _alarms(store, page[:limit], request.app.state.pages.catalogues[language])
    items = [_entry(one, alarms) for one in page[:limit]]
    return Journal(items=items, next=format_place(page[limit - 1].place) if len(page) > limit else None)


def _alarms(store: Connection, page: Sequence[JournalEntry], words: Catalogue) -> dict[int, JournalAlarm]:
    alarm_ids = sorted({one.about["alarm_id"] for one in page if one.place.kind == "alarm"})
    at = now()
    return {one.alarm.alarm_id: _alarm(one, words, at) for one in read_alarms_of(store, alarm_ids)}


def _alarm(kept: KeptAlarm, words: Catalogue, at: datetime) -> JournalAlarm:
    alarm = kept.alarm
    return JournalAlarm(
        alarm_id=alarm.alarm_id,
        name=alarm.name,
        severity=alarm.severity,
        series_id=alarm.series_id,
        title=said_of(words, kept, at).title,
    )


def _entry(one: JournalEntry, alarms: Mapping[int, JournalAlarm]) -> JournalAnswer:
    about = one.about
    return JournalAnswer.model_validate(
        {
            "kind": one.place.kind,
            "number": one.place.number,
            "at": one.place.at,
            "what": one.what,
            "by": one.by,
            "role": one.role,
            "said": one.said,
            "before": about.get("before"),
            "after": about.get("after"),
            "photos": [photo_answer(photo_id) for photo_id in about.get("photos", ())],
            "alarm": alarms.get(about.get("alarm_id", 0)),
            "until": about.get("until"),
        }
    )
