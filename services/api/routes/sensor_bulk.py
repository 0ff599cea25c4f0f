"""Many sensors from a spreadsheet: what it would do, line by line, and doing it."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Body, Query
from pydantic import Field

from core.clock import now
from core.registry_csv import BYTES_MAX, Fault, LineFault, parse_csv
from core.registry_plan import Plan, PlannedLine, Step, plan_lines
from core.roles import Right
from core.sensor_life import Signature, described, difference
from core.store.sensor_bulk import read_registered, write_plan
from services.api.acting import Acting, demand
from services.api.answers import Answer, api_router, documented, problem_responses
from services.api.decision_answers import Person
from services.api.doors.visiting import Visiting
from services.api.problems import Code, FieldProblem, ProblemsFound

router = api_router("sensors")

PROBLEMS_MAX = 100
_FAULT = {"column": "kind", "fault": "invalid", "detail": "'toaster' is no kind of sensor"}
_ADOPT = {
    "line": 2,
    "external_id": "0018b20000001234",
    "step": "adopt",
    "sensor_id": None,
    "before": {},
    "after": {"external_id": "0018b20000001234", "kind": "meter", "name": "Compteur général"},
    "errors": [],
}
_ERROR = {
    "line": 3,
    "external_id": "",
    "step": "error",
    "sensor_id": None,
    "before": {},
    "after": {},
    "errors": [_FAULT],
}
_PLAN = {"counts": {"adopt": 1, "edit": 0, "unchanged": 0, "error": 1}, "done": False, "lines": [_ADOPT, _ERROR]}
_CSV = "identifiant;type;nom;commune;site\r\n0018b20000001234;meter;Compteur général;93051;Mairie\r\n"
_EXAMPLE = {"": {"value": _CSV}}


class LineError(Answer):
    """What is wrong with one field of a line."""

    model_config = documented(_FAULT)

    column: str = Field(description="Name of the column, or `file`.")
    fault: Fault = Field(description="For a program.")
    detail: str = Field(description="In words, in English.")


class LineAnswer(Answer):
    """What one line does."""

    model_config = documented(_ADOPT, _ERROR)

    line: int = Field(description="Its number in the file, the header being 1.")
    external_id: str = Field(description="Empty where the line could not be read.")
    step: Step
    sensor_id: int | None = Field(description="Null for a sensor that is not adopted yet.")
    before: dict[str, Any] = Field(description="The fields that change, as they are.")
    after: dict[str, Any] = Field(description="The fields that change, as they will be.")
    errors: list[LineError]


class BulkAnswer(Answer):
    """What a file does, line by line."""

    model_config = documented(_PLAN)

    counts: dict[Step, int] = Field(description="How many lines do what.")
    done: bool = Field(description="False for a dry run.")
    lines: list[LineAnswer] = Field(description="In the order of the file.")


@router.post("/sensors/bulk", operation_id="write_sensors", responses=problem_responses(409, 413))
def write_sensors(
    body: Annotated[bytes, Body(media_type="text/csv", openapi_examples=_EXAMPLE, max_length=BYTES_MAX)],
    store: Acting,
    visitor: Visiting,
    by: Annotated[Person | None, Query(description="Ignored: who is signed in does it.", deprecated=True)] = None,  # noqa: ARG001 - of before
    dry_run: Annotated[bool, Query(description="Tell what would be done, and do nothing.")] = False,  # noqa: FBT002 - a query
) -> BulkAnswer:
    """Adopt and edit many sensors from a CSV file of at most 4 MiB: all of it, or nothing.

    Columns, in English or French, in any order: external_id, kind, name, commune (INSEE code or name), site, model,
    interval_s, longitude, latitude. An empty cell leaves what is known. A dry run answers 200 and tells the errors of
    each line; without one, a file with errors is refused with 422 and changes nothing.
    """
    asked = parse_csv(body)
    registered = read_registered(store, [line.external_id for line in asked.lines], hold=not dry_run)
    plan = plan_lines(asked, registered)
    for commune, site_id in _places(plan):
        demand(visitor, Right.TEND, commune, site_id)
    if not dry_run:
        if plan.faults:
            raise ProblemsFound(Code.INVALID_BODY, [_problem(fault) for fault in plan.faults[:PROBLEMS_MAX]])
        write_plan(store, plan, Signature(visitor.name, now()))
    return _answer(plan, done=not dry_run)


def _places(plan: Plan) -> set[tuple[str, int | None]]:
    """Return where a plan changes anything, as commune and site; a site that is new has no id yet."""
    changing = [*plan.doing(Step.ADOPT), *plan.doing(Step.EDIT)]
    sites = [one.site for line in changing for one in (line.before, line.sensor) if one is not None]
    return {(site.commune_insee, site.site_id) for site in sites}


def _problem(fault: LineFault) -> FieldProblem:
    return FieldProblem(parameter=f"line {fault.number}, {fault.column}", place="body", message=fault.detail)


def _answer(plan: Plan, *, done: bool) -> BulkAnswer:
    return BulkAnswer(counts=plan.counts, done=done, lines=[_line(line) for line in plan.lines])


def _line(line: PlannedLine) -> LineAnswer:
    old = described(line.before) if line.before else {}
    before, after = difference(old, described(line.sensor)) if line.sensor else ({}, {})
    return LineAnswer(
        line=line.number,
        external_id=line.external_id,
        step=line.step,
        sensor_id=line.before.sensor_id if line.before else None,
        before=before,
        after=after,
        errors=[LineError(column=one.column, fault=one.fault, detail=one.detail) for one in line.faults],
    )
