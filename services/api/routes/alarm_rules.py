"""Rules of alarms: those that come with Vigie and those of communes, edited by versions, and tried on the past."""

from __future__ import annotations

from dataclasses import replace
from threading import BoundedSemaphore
from typing import Annotated, Any

from fastapi import Path, Request, Response

from core.alarms import Rule
from core.audit import Act, What
from core.clock import now
from core.roles import Right, Visitor
from core.store.alarm_rules import RULES_MAX, RuleEnded, end_rule, read_rule, read_rules, write_rule
from core.store.audit import record
from core.store.pool import Connection
from services.alarms.phrasing import Phrasing
from services.alarms.places import PlaceUnknown, check_place
from services.alarms.trying import try_rule
from services.api.acting import Acting, demand
from services.api.alarm_rule_answers import (
    RuleAnswer,
    RuleBody,
    Rules,
    TrialAnswer,
    TrialBody,
    rule_answer,
    trial_answer,
)
from services.api.answers import PREFIX, Store, api_router, problem_responses
from services.api.doors.visiting import Visiting
from services.api.etags import IfMatch, check_match
from services.api.parameters import ID_MAX, CommuneFilter, Language
from services.api.problems import BodyInvalid, Code, Problem, said

router = api_router("alarms")

TRIALS_AT_ONCE = 1
WAIT_S_MAX = 10.0
"""How long a trial waits for its turn, seconds; it holds a connection meanwhile."""
_turns = BoundedSemaphore(TRIALS_AT_ONCE)

RuleId = Annotated[int, Path(ge=1, le=ID_MAX)]


@router.get("/alarm-rules", operation_id="read_alarm_rules")
def read_alarm_rules(store: Store, request: Request, commune: CommuneFilter = None, language: Language = "fr") -> Rules:
    """List the rules that hold, in words: those of the Métropole, and those of communes (or of one)."""
    phrasing = _phrasing(request, language)
    rules = [rule for rule in read_rules(store) if commune is None or rule.scope.commune_insee in {None, commune}]
    return Rules(items=[rule_answer(rule, phrasing) for rule in rules])


@router.post("/alarm-rules", operation_id="add_alarm_rule", status_code=201, responses=problem_responses(413))
def add_alarm_rule(  # noqa: PLR0917 - a request's parameters are its function's parameters
    body: RuleBody, store: Acting, visitor: Visiting, request: Request, response: Response, language: Language = "fr"
) -> RuleAnswer:
    """Add a rule: of a commune, one of its sites or sensors by who tends it, of the Métropole by who operates all."""
    rule = _placed(store, body.rule(visitor.name))
    _demand(visitor, rule)
    if len(read_rules(store)) >= RULES_MAX:
        raise Problem(Code.STATE_REFUSED, said("alarm_rules_too_many", most=RULES_MAX))
    kept = write_rule(store, rule, now())
    target = f"alarm_rule:{kept.rule_id}"
    record(store, Act(What.ALARM_RULE_MADE, target, kept.scope.commune_insee, after=_told(kept)))
    response.headers["Location"] = f"{PREFIX}/alarm-rules"
    return rule_answer(kept, _phrasing(request, language))


@router.put("/alarm-rules/{rule_id:int}", operation_id="write_alarm_rule", responses=problem_responses(412, 413))
def write_alarm_rule(  # noqa: PLR0917 - a request's parameters are its function's parameters
    rule_id: RuleId,
    body: RuleBody,
    store: Acting,
    visitor: Visiting,
    request: Request,
    if_match: IfMatch = None,
    language: Language = "fr",
) -> RuleAnswer:
    """Replace a rule, whole: this version ends and another begins, so that what was raised keeps the rule it had.

    Also to turn it on or off (`enabled`), a preset too. What is changed may not move it to another place.
    """
    before = _rule_named(store, rule_id)
    _demand(visitor, before)
    phrasing = _phrasing(request, language)
    check_match(if_match, rule_answer(before, phrasing))
    wanted = _placed(store, replace(body.rule(visitor.name), preset=before.preset, replaces=rule_id))
    if wanted.scope.commune_insee != before.scope.commune_insee:
        raise BodyInvalid("commune_insee", "a rule stays in its commune: end it, and make another elsewhere")
    _demand(visitor, wanted)
    try:
        kept = write_rule(store, wanted, now())
    except RuleEnded as error:
        raise Problem(Code.NOT_FOUND, str(error)) from None
    target = f"alarm_rule:{kept.rule_id}"
    act = Act(What.ALARM_RULE_EDITED, target, kept.scope.commune_insee, before=_told(before), after=_told(kept))
    record(store, act)
    return rule_answer(kept, phrasing)


@router.delete(
    "/alarm-rules/{rule_id:int}", operation_id="delete_alarm_rule", status_code=204, responses=problem_responses(409)
)
def delete_alarm_rule(rule_id: RuleId, store: Acting, visitor: Visiting) -> Response:
    """End a rule: what it raised is cleared. One that comes with Vigie is turned off instead (`enabled`)."""
    rule = _rule_named(store, rule_id)
    _demand(visitor, rule)
    if rule.preset is not None and rule.scope.commune_insee is None:
        raise Problem(Code.STATE_REFUSED, said("alarm_rule_preset"))
    end_rule(store, rule_id, now())
    target = f"alarm_rule:{rule_id}"
    record(store, Act(What.ALARM_RULE_ENDED, target, rule.scope.commune_insee, before=_told(rule)))
    return Response(status_code=204)


@router.post("/alarm-rules/trial", operation_id="test_alarm_rule", responses=problem_responses(413))
def test_alarm_rule(body: TrialBody, store: Store, visitor: Visiting) -> TrialAnswer:
    """Say what a rule would have raised in the days before now, on what you see of its scope; nothing is written.

    Each series by itself, by the readings as they are judged today; some million readings at most.
    """
    rule = _placed(store, body.rule.rule(visitor.name))
    if not _turns.acquire(timeout=WAIT_S_MAX):
        raise Problem(Code.STORE_BUSY, said("store_busy"))
    try:
        return trial_answer(try_rule(store, rule, body.days, now()))
    finally:
        _turns.release()


def _placed(store: Connection, rule: Rule) -> Rule:
    """Return a rule whose place is there; of a sensor, with its site."""
    scope = rule.scope
    try:
        site_id = check_place(store, scope.commune_insee, scope.site_id, scope.sensor_id)
    except PlaceUnknown as error:
        raise BodyInvalid(error.field, str(error)) from None
    return replace(rule, scope=replace(scope, site_id=site_id))


def _demand(visitor: Visitor, rule: Rule) -> None:
    if rule.scope.commune_insee is None:
        demand(visitor, Right.OPERATE, None)
    else:
        demand(visitor, Right.TEND, rule.scope.commune_insee, rule.scope.site_id)


def _rule_named(store: Connection, rule_id: int) -> Rule:
    rule = read_rule(store, rule_id)
    if rule is None or rule.until is not None:
        raise Problem(Code.NOT_FOUND, f"there is no rule {rule_id} that holds")
    return rule


def _told(rule: Rule) -> dict[str, Any]:
    """Return a rule as the record of acts keeps it."""
    return {
        "rule_id": rule.rule_id,
        "name": rule.name,
        "preset": rule.preset,
        "condition": rule.condition.value,
        "metric": rule.scope.metric,
        "kind": rule.scope.kind,
        "site_id": rule.scope.site_id,
        "sensor_id": rule.scope.sensor_id,
        "parameters": dict(rule.parameters),
        "severity": rule.severity.value,
        "escalate_after_s": rule.escalate_after_s,
        "enabled": rule.enabled,
    }


def _phrasing(request: Request, language: str) -> Phrasing:
    return Phrasing(request.app.state.pages.catalogues[language], now())
