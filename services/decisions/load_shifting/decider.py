"""Load shifting: when a building should draw its power over the next 24 hours.

The rule: the cheapest schedule of battery, hot water, cars and heating, with discomfort priced, against the forecast
load's median; the subscribed power holds at its p90. Hard limits that no plan crosses: subscribed power, what each
asset can do, cars ready at their departure, the zone's floor and ceiling. Where nothing can hold one of them, the plan
comes as near as possible, names it and by how much. It proposes; the schedule is applied by nobody but a person.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from core.decisions import Check, Decision, Phrase, Soundness
from services.decisions.decider import Decider, Export
from services.decisions.load_shifting.check import check_course
from services.decisions.load_shifting.day import Day, day_of
from services.decisions.load_shifting.explain import Findings, alternatives, figures, headline, reasons
from services.decisions.load_shifting.optimise import Optimum, optimise
from services.decisions.load_shifting.picture import actions, picture, schedule_csv
from services.decisions.load_shifting.policy import Policy, parse_policy
from services.decisions.load_shifting.situation import Situation, changed, read_situation

KIND = "load_shifting"


def decide(situation: Situation, policy: Policy, now: datetime) -> Decision:
    """Return the schedule to propose at ``now``; impossible without a load forecast that covers the day."""
    if not situation.load_kw:
        return _impossible(situation, policy, now, "no_forecast")
    day = day_of(situation, policy)
    found = optimise(day, policy)
    if found is None:
        return _impossible(situation, policy, now, "no_plan")
    return _proposal(Findings(situation, policy, day, found), now)


def _proposal(findings: Findings, now: datetime) -> Decision:
    situation, policy, day, found = findings.situation, findings.policy, findings.day, findings.found
    return Decision(
        kind=KIND,
        subject=situation.subject,
        commune_insee=situation.commune_insee,
        made_at=now,
        window=situation.window,
        answer_by=now + timedelta(hours=policy.answer_hours),
        soundness=Soundness.DEGRADED if findings.doubts else Soundness.SOUND,
        headline=headline(findings),
        reasons=reasons(findings),
        actions=actions(findings),
        inputs=situation.inputs,
        alternatives=alternatives(findings),
        checks=tuple(_checks(day, policy, found)),
        figures=figures(findings),
        picture=picture(findings),
    )


def _checks(day: Day, policy: Policy, found: Optimum) -> list[Check]:
    shed_from = found.alone if found.shed and found.shed.honoured else None
    return check_course(day, policy, found.course, found.relief, shed_from)


def _impossible(situation: Situation, policy: Policy, now: datetime, why: str) -> Decision:
    return Decision(
        kind=KIND,
        subject=situation.subject,
        commune_insee=situation.commune_insee,
        made_at=now,
        window=situation.window,
        answer_by=now + timedelta(hours=policy.answer_hours),
        soundness=Soundness.IMPOSSIBLE,
        headline=Phrase(f"headline_{why}"),
        reasons=(Phrase(why),),
        actions=(),
        inputs=situation.inputs,
        alternatives=(),
        checks=(),
        figures={},
        picture={},
    )


DECIDER: Decider[Situation, Policy] = Decider(
    kind=KIND,
    every=timedelta(hours=1),
    parse_policy=parse_policy,
    read=read_situation,
    decide=decide,
    changed=changed,
    exports={"csv": Export("text/csv; charset=utf-8", schedule_csv)},
)
