"""Alarms: those that last, by urgency, what a person does with one, and the journal of all as a file."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from typing import Annotated

from fastapi import Path, Query, Request, Response
from pydantic import Field

from core.audit import Act, What
from core.clock import PARIS, Window, in_utc, now
from core.events import Severity
from core.places import SensorKind
from core.roles import Right
from core.store.alarms import (
    LIMIT_MAX,
    AlarmsAsked,
    KeptAlarm,
    count_alarms,
    hold_alarm,
    read_acts,
    read_alarm,
    read_alarms,
)
from core.store.audit import record
from core.store.pool import Connection
from services.alarms.acting import ActRefused, Done, act_on
from services.alarms.journal import JOURNALS, JournalFormat
from services.api.acting import Acting, demand
from services.api.alarm_answers import (
    DONE,
    ActBody,
    AlarmAnswer,
    AlarmCountsAnswer,
    Alarms,
    AlarmWithActs,
    Asked,
    Cursor,
    alarm_answer,
    alarm_with_acts,
    counts_answer,
    cursor_of,
    parse_cursor,
)
from services.api.answers import Answer, Store, api_router, problem_responses
from services.api.doors.visiting import Visiting
from services.api.parameters import ID_MAX, LONG_ID_MAX, CommuneFilter, From, InseeCode, Language, Until, window_of
from services.api.problems import BodyInvalid, Code, Problem
from services.words import Catalogue

router = api_router("alarms")

NINE = time(9)
JOURNAL_MAX = 20_000
"""Alarms in one file; of more, the newest."""

AlarmId = Annotated[int, Path(ge=1, le=LONG_ID_MAX)]
Id = Annotated[int | None, Field(ge=1, le=ID_MAX)]


class AlarmsQuery(Answer):
    """Which alarms, and in which language they are said."""

    commune: InseeCode | None = Field(default=None, description="INSEE code; only this commune.")
    state: Asked = Field(
        default=Asked.OPEN, description="`open`: those that last, by urgency. `all`: the newest first."
    )
    severity: Severity | None = None
    kind: SensorKind | None = None
    sensor_id: Id = None
    site_id: Id = None
    series_id: Id = None
    parent_id: int | None = Field(default=None, ge=1, le=LONG_ID_MAX, description="The members of this group.")
    limit: int = Field(default=100, ge=1, le=LIMIT_MAX, description="Items on a page at most.")
    cursor: Cursor | None = Field(default=None, description="The `next` of the page before.")
    language: Language = "fr"


class JournalQuery(Answer):
    """Which alarms, by when they were raised, as which file."""

    commune: InseeCode | None = Field(default=None, description="INSEE code; only this commune.")
    start: From = None
    until: Until = None
    format: JournalFormat = Field(default=JournalFormat.FRENCH, description="`csv-fr` opens in a French spreadsheet.")


@router.get("/alarms", operation_id="read_alarms")
def read_alarms_page(asked: Annotated[AlarmsQuery, Query()], store: Store, request: Request) -> Alarms:
    """List alarms: those that last by urgency (severity, nobody has looked, the oldest), or all, the newest first.

    Members of a group stand behind it, with `parent_id`.
    """
    is_open = asked.state is Asked.OPEN
    wanted = AlarmsAsked(
        is_open=is_open,
        commune=asked.commune,
        severity=asked.severity,
        kind=asked.kind,
        sensor_id=asked.sensor_id,
        site_id=asked.site_id,
        series_id=asked.series_id,
        parent_id=asked.parent_id,
        after=parse_cursor(asked.cursor) if asked.cursor is not None else None,
        limit=asked.limit + 1,
    )
    page, words, at = read_alarms(store, wanted), _words(request, asked.language), now()
    items = [alarm_answer(kept, words, at) for kept in page[: asked.limit]]
    is_last = len(page) <= asked.limit
    return Alarms(items=items, next=None if is_last else cursor_of(page[asked.limit - 1], is_open=is_open))


@router.get("/alarms/counts", operation_id="count_alarms")
def count_alarms_now(store: Store, commune: CommuneFilter = None) -> AlarmCountsAnswer:
    """Count the alarms that last, by state, and what moved since the last nine o'clock of Paris."""
    at = now()
    since = last_nine(at)
    return counts_answer(count_alarms(store, at, since, commune), since)


_JOURNAL = {
    "description": "The file.",
    "content": {"text/csv": {"schema": {"type": "string"}, "examples": {"csv": {"value": "alarm_id,commune\r\n"}}}},
}


@router.get(
    "/alarms.csv", operation_id="export_alarms", response_class=Response, status_code=200, responses={200: _JOURNAL}
)
def export_alarms(asked: Annotated[JournalQuery, Query()], store: Acting, request: Request) -> Response:
    """Export the journal: the alarms that were raised in `[from, until)`, the newest first, 20,000 at most."""
    window = window_of(asked.start, asked.until)
    journal = JOURNALS[asked.format]
    rows = _raised_in(store, window, asked.commune)
    body = journal.written(rows, _words(request, journal.language), now())
    told = {"from": window.start.isoformat(), "until": window.end.isoformat(), "rows": len(rows)}
    record(store, Act(What.EXPORT_TAKEN, "alarms", asked.commune, after=told | {"format": asked.format.value}))
    name = f'attachment; filename="vigie-alarms-{window.start:%Y%m%d}-{window.end:%Y%m%d}.csv"'
    return Response(body, media_type="text/csv; charset=utf-8", headers={"Content-Disposition": name})


@router.get("/alarms/{alarm_id}", operation_id="read_alarm")
def read_one(alarm_id: AlarmId, store: Store, request: Request, language: Language = "fr") -> AlarmWithActs:
    """One alarm, with what happened to it and what belongs to it."""
    kept = _alarm_named(read_alarm(store, alarm_id), alarm_id)
    is_open = kept.alarm.cleared_at is None and kept.alarm.withdrawn_at is None
    members = (
        read_alarms(store, AlarmsAsked(is_open=is_open, parent_id=alarm_id, limit=LIMIT_MAX)) if kept.members else []
    )
    return alarm_with_acts(kept, read_acts(store, alarm_id), members, _words(request, language), now())


@router.post("/alarms/{alarm_id}/acts", operation_id="write_alarm_act", responses=problem_responses(413))
def act_on_one(  # noqa: PLR0917 - a request's parameters are its function's parameters
    alarm_id: AlarmId,
    body: ActBody,
    store: Acting,
    visitor: Visiting,
    request: Request,
    language: Language = "fr",
) -> AlarmAnswer:
    """Acknowledge an alarm, snooze it, say who looks after it, or note something; done again, it is done once.

    An alarm that is over takes notes only. What is done to a group is done to it alone: its members follow it.
    """
    kept = _alarm_named(hold_alarm(store, alarm_id), alarm_id)
    alarm, at = kept.alarm, now()
    demand(visitor, Right.TEND, alarm.commune_insee, alarm.site_id)
    before = alarm.state(at)
    try:
        moved = act_on(store, kept, Done(DONE[body.what], visitor.name, body.said, body.until, body.assignee), at)
    except ActRefused as error:
        if error.field is None:
            raise Problem(Code.STATE_REFUSED, str(error)) from None
        raise BodyInvalid(error.field, str(error)) from None
    if moved:
        after = _alarm_named(read_alarm(store, alarm_id), alarm_id)
        told = {"what": body.what.value, "state": after.alarm.state(at).value, "said": body.said}
        act = Act(What.ALARM_ACTED, f"alarm:{alarm_id}", alarm.commune_insee, {"state": before.value}, told)
        record(store, act)
        kept = after
    return alarm_answer(kept, _words(request, language), at)


def last_nine(at: datetime) -> datetime:
    """Return the last nine o'clock of Paris that was."""
    local = at.astimezone(PARIS)
    day = local.date() if local.time() >= NINE else local.date() - timedelta(days=1)
    return in_utc(datetime.combine(day, NINE, PARIS))


def _raised_in(store: Connection, window: Window, commune: str | None) -> list[KeptAlarm]:
    """Return the alarms raised in a window, the newest first, at most `JOURNAL_MAX`."""
    found: list[KeptAlarm] = []
    after = (0, window.end, 0)
    while len(found) < JOURNAL_MAX:
        page = read_alarms(
            store,
            AlarmsAsked(is_open=False, commune=commune, raised_since=window.start, after=after, limit=LIMIT_MAX),
        )
        found += page
        if len(page) < LIMIT_MAX:
            break
        after = (0, page[-1].alarm.raised_at, page[-1].alarm.alarm_id)
    return found[:JOURNAL_MAX]


def _alarm_named(kept: KeptAlarm | None, alarm_id: int) -> KeptAlarm:
    if kept is None:
        raise Problem(Code.NOT_FOUND, f"there is no alarm {alarm_id}")
    return kept


def _words(request: Request, language: str) -> Catalogue:
    catalogues: dict[str, Catalogue] = request.app.state.pages.catalogues
    return catalogues[language]
