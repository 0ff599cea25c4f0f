"""Exports: readings and roll-ups as files, and the files that are written each day by themselves."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Annotated, Any

from fastapi import Path, Query, Request
from pydantic import Field, StringConstraints

from core.audit import Act, What
from core.clock import Window, now
from core.metrics import Family
from core.places import Origin
from core.roles import Visitor
from core.store import exports
from core.store.audit import record, say_origin
from core.store.pool import Entered, store_absence_told
from services.api.answers import Answer, History, HistoryDsn, Items, Store, api_router, documented
from services.api.doors.origins import origin_of
from services.api.doors.visiting import Visiting
from services.api.export_stream import ExportResponse, ExportTurns
from services.api.parameters import (
    DEFAULT_WINDOW,
    ID_MAX,
    LONG_ID_MAX,
    AsOf,
    From,
    InseeCode,
    MetricName,
    Until,
)
from services.api.problems import Code, ParameterInvalid, Problem
from services.exports.asked import Asked, ExportTooLarge, Format, NothingFits, Wanted, check_size, export_name
from services.exports.columns import By
from services.exports.labels import Labels
from services.exports.stream import FILES, Flow

router = api_router("exports")

WORDS_MAX = 500
"""Communes, sites, sensors or series that one request may name."""
EXPORT_MAX = timedelta(days=3_660)
_CSV = (
    "observed_at,series_id,commune,commune_insee,site_code,site,sensor,external_id,metric,unit,origin,longitude,"
    "latitude,value,quality,flags,received_at\r\n"
    "2026-03-02T08:10:00Z,41,Noisy-le-Grand,93051,ecole-a,École A,Salle 2,a81758fffe03d1b2,co2_ppm,ppm,field,2.55,"
    "48.84,812,good,,2026-03-02T08:10:01.250000Z\r\n"
)
_SCHEDULE = {
    "schedule_id": 3,
    "name": "air-noisy",
    "wanted": {"communes": ["93051"], "families": ["air"]},
    "by": "raw",
    "format": "csv-fr",
    "destination": "s3://open-data/vigie",
    "since": "2026-03-01",
    "added_at": "2026-03-02T08:00:00Z",
    "author": "Nadia",
    "succeeded_at": "2026-03-05T00:05:00Z",
    "failures": 0,
    "failure": "",
    "next_try_at": "2026-03-05T00:05:00Z",
}
_RUN = {
    "run_id": 12,
    "day": "2026-03-02",
    "file": "air-noisy/2026/air-noisy-2026-03-02.csv",
    "rows": 14_204,
    "bytes": 2_343_660,
    "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "known_at": "2026-03-04T11:20:00Z",
    "written_at": "2026-03-04T11:20:01Z",
    "corrects": True,
}

Word = Annotated[str, StringConstraints(strip_whitespace=True, to_lower=True, min_length=1, max_length=128)]


class ExportQuery(Answer):
    """Of which series, over which window, in which form. What is given several times widens; several words narrow."""

    commune: list[InseeCode] = Field(default=[], max_length=WORDS_MAX, description="INSEE codes; else all.")
    site: list[Word] = Field(default=[], max_length=WORDS_MAX, description="Commune and code: `93051/ecole-a`.")
    sensor: list[Word] = Field(default=[], max_length=WORDS_MAX, description="External ids.")
    series: list[Annotated[int, Field(ge=1, le=ID_MAX)]] = Field(
        default=[], max_length=WORDS_MAX, description="Series ids."
    )
    family: list[Family] = Field(default=[], max_length=len(Family))
    metric: list[MetricName] = Field(default=[], max_length=WORDS_MAX)
    origin: list[Origin] = Field(default=[], max_length=len(Origin), description="Where the readings come from.")
    start: From = None
    until: Until = None
    by: By = Field(default=By.RAW, description="What a line is: a reading, an hour in UTC, a day of Europe/Paris.")
    format: Format = Field(
        default=Format.CSV, description="`csv-fr` opens in a French spreadsheet; `csv` and `parquet` are for programs."
    )
    as_of: AsOf = None

    def window(self) -> Window:
        """Return the window that is asked for."""
        end = self.until or now()
        start = self.start or end - DEFAULT_WINDOW
        if not start < end:
            raise ParameterInvalid("from", f"the window starts ({start.isoformat()}) when or after it ends")
        if end - start > EXPORT_MAX:
            raise ParameterInvalid("from", f"the window is longer than {EXPORT_MAX.days} days")
        return Window(start, end)

    def asked(self) -> Asked:
        """Return it as an export."""
        wanted = Wanted(
            communes=tuple(self.commune),
            sites=tuple(self.site),
            sensors=tuple(self.sensor),
            families=tuple(self.family),
            metrics=tuple(self.metric),
            series=tuple(self.series),
            origins=tuple(self.origin),
        )
        return Asked(wanted, self.by, self.format, self.window(), self.as_of)


class ScheduleAnswer(Answer):
    """A scheduled export: a file per local day, and how it does."""

    model_config = documented(_SCHEDULE)

    schedule_id: int
    name: str
    wanted: dict[str, Any] = Field(description="Of which series; without a word, all.")
    by: By
    format: Format
    destination: str = Field(description="A folder below the one that the worker is given, or `s3://bucket/prefix`.")
    since: date = Field(description="The first local day.")
    added_at: datetime
    author: str
    succeeded_at: datetime | None = Field(description="When all that was due was last written.")
    failures: int = Field(description="How often it failed since.")
    failure: str = Field(description="Why it last did, in English.")
    next_try_at: datetime


class Schedules(Items[ScheduleAnswer]):
    """The scheduled exports, by name."""

    model_config = documented({"items": [_SCHEDULE], "next": None})


class RunAnswer(Answer):
    """A file that was written."""

    model_config = documented(_RUN)

    run_id: int
    day: date = Field(description="Local day of Europe/Paris.")
    file: str = Field(description="Where it lies below the destination.")
    rows: int
    bytes: int
    sha256: str
    known_at: datetime = Field(description="All that was stored by then is in it.")
    written_at: datetime
    corrects: bool = Field(description="Whether it took the place of another one.")


class Runs(Items[RunAnswer]):
    """Files that a scheduled export wrote, the newest first; `next` is given as `before`."""

    model_config = documented({"items": [_RUN], "next": None})


@router.get(
    "/exports/readings",
    operation_id="read_export",
    response_class=ExportResponse,
    status_code=200,
    responses={
        200: {
            "description": "The file, as it is made.",
            "content": {
                "text/csv": {"schema": {"type": "string"}, "examples": {"csv": {"value": _CSV}}},
                FILES[Format.PARQUET].media_type: {
                    "schema": {"type": "string"},
                    "examples": {"parquet": {"value": "PAR1..."}},
                },
            },
        }
    },
)
def read_export(
    asked: Annotated[ExportQuery, Query()], store: History, dsn: HistoryDsn, visitor: Visiting, request: Request
) -> ExportResponse:
    """Export readings observed in `[from, until)`, or the roll-ups of its hours or local days, as one file.

    It flows while it is read: its length is not known before, and the last chunk is missing when it broke off, which
    every HTTP client reports; then ask again. At most about 100 million rows and ten years; two exports at once.
    """
    export = asked.asked()
    try:
        labels = export.wanted.labels(store)
        check_size(export, labels)
    except NothingFits as error:
        raise Problem(Code.NOT_FOUND, str(error)) from None
    except ExportTooLarge as error:
        raise ParameterInvalid("from", str(error)) from None
    _record(request, visitor, export, labels)
    turns: ExportTurns = request.app.state.export_turns
    return ExportResponse(turns, Flow(dsn, export, labels, under_pass=True), FILES[export.format], export_name(export))


def _record(request: Request, visitor: Visitor, export: Asked, labels: Labels) -> None:
    """Put on record that somebody takes readings away: history is read where nothing can be written."""
    communes = {one.commune_insee for one in labels.told}
    told = export.told(labels)
    taken = {name: told[name] for name in ("by", "from", "until", "as_of", "wanted")} | {"series": len(labels.told)}
    with store_absence_told(), Entered(request.app.state.pool, visitor.key).connection() as connection:
        say_origin(connection, *origin_of(request))
        commune = communes.pop() if len(communes) == 1 else None
        record(connection, Act(What.EXPORT_TAKEN, "readings", commune, after={**taken, "format": export.format}))


@router.get("/exports/schedules", operation_id="read_export_schedules")
def read_schedules(store: Store) -> Schedules:
    """List the scheduled exports; `vigie exports` adds and removes them."""
    return Schedules(items=[_schedule(one) for one in exports.read_schedules(store)])


@router.get("/exports/schedules/{schedule_id}/runs", operation_id="read_export_runs")
def read_runs(
    schedule_id: Annotated[int, Path(ge=1, le=ID_MAX)],
    store: Store,
    before: Annotated[int | None, Query(ge=1, le=LONG_ID_MAX, description="The `next` of the page before.")] = None,
    limit: Annotated[int, Query(ge=1, le=1_000, description="Items on a page at most.")] = 100,
) -> Runs:
    """List the files that a scheduled export wrote, each with its rows and checksum, the newest first."""
    if not exports.is_schedule(store, schedule_id):
        raise Problem(Code.NOT_FOUND, f"there is no scheduled export {schedule_id}")
    page = exports.read_runs(store, schedule_id, before=before, limit=limit + 1)
    items = [_run(one) for one in page[:limit]]
    return Runs(items=items, next=items[-1].run_id if len(page) > limit else None)


def _schedule(schedule: exports.Schedule) -> ScheduleAnswer:
    return ScheduleAnswer.model_validate(schedule, from_attributes=True)


def _run(run: exports.ExportRun) -> RunAnswer:
    written = run.written
    return RunAnswer(
        run_id=run.run_id,
        day=written.day,
        file=written.file,
        rows=written.rows,
        bytes=written.bytes,
        sha256=written.sha256,
        known_at=written.known_at,
        written_at=run.written_at,
        corrects=written.corrects,
    )
