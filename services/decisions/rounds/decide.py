"""The rule of collection rounds.

A bin is collected when the overflow it avoids by the next opportunity is worth more than its detour, in euros on both
sides; a bin that is almost surely full by then is collected whatever the detour. Hard limits: litres and kilograms of
each truck, its shift, the unloading site's opening, and an emptying before the garage; a plan that an independent
check finds beyond one of them is not proposed.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from core.clock import Window
from core.decisions import Alternative, Decision, Phrase, Soundness
from services.decisions.rounds.account import actions_of, figures, inputs_of, picture_of, why
from services.decisions.rounds.check import check_plan
from services.decisions.rounds.distances import ESTIMATE, Distances
from services.decisions.rounds.opening import Opening, next_opening
from services.decisions.rounds.overflow import Source
from services.decisions.rounds.plan import Figures, Planned, compared, figures_of, known_bins, planned
from services.decisions.rounds.policy import RoundPolicy
from services.decisions.rounds.situation import RoundSituation

KIND = "round"


def decide(situation: RoundSituation, policy: RoundPolicy, now: datetime, distances: Distances = ESTIMATE) -> Decision:
    """Propose the next round, or say why none can be; the same situation and policy give the same decision."""
    if not policy.trucks:
        return _impossible(
            situation, Phrase("impossible_no_truck"), Window(now, now + timedelta(hours=policy.opportunity_h))
        )
    opening = next_opening(policy, now)
    if opening.unloading is None:
        values = {
            "site": policy.unloading.spot.name,
            "start": policy.unloading.opening.start,
            "end": policy.unloading.opening.end,
        }
        return _impossible(situation, Phrase("impossible_site_closed", values), opening.window)
    plan = planned(known_bins(situation, policy, opening), policy, opening, distances)
    failed = [check.name for check in check_plan(plan.task, plan.timed) if not check.passed]
    if failed:
        return _impossible(situation, Phrase("impossible_check", {"checks": ", ".join(failed)}), opening.window)
    if not plan.runs and any(one.required for one in plan.known if one.candidate):
        return _impossible(situation, Phrase("impossible_out_of_reach", {"trucks": len(policy.trucks)}), opening.window)
    return _proposal(situation, policy, opening, plan)


def _proposal(situation: RoundSituation, policy: RoundPolicy, opening: Opening, plan: Planned) -> Decision:
    fixed = {number for number, one in enumerate(plan.known) if one.fixed}
    over = {
        number
        for number, one in enumerate(plan.known)
        if one.outlook.source is not Source.UNKNOWN and one.outlook.fill_ratio >= policy.threshold_ratio
    }
    own = figures_of(plan, plan.runs)
    found = {name: compared(plan, wanted) for name, wanted in (("fixed", fixed), ("threshold", over), ("nothing", ()))}
    others = {name: figures_of(plan, routed.runs) for name, routed in found.items()}
    by_time = any(routed.by_time for routed in (plan.routed, *found.values()))
    plan = replace(plan, routed=replace(plan.routed, by_time=by_time))
    flawed = [one for one in plan.known if one.outlook.source is not Source.FORECAST]
    left = [one for number, one in enumerate(plan.known) if one.required and number not in plan.collected]
    return Decision(
        kind=KIND,
        subject=situation.subject,
        commune_insee=situation.commune_insee,
        made_at=situation.at,
        window=opening.window,
        answer_by=opening.window.start,
        soundness=Soundness.DEGRADED if flawed or left else Soundness.SOUND,
        headline=_headline(plan, own, others["fixed"]),
        reasons=why(plan, own, others["fixed"]),
        actions=actions_of(plan, opening, policy),
        inputs=inputs_of(plan),
        alternatives=tuple(Alternative(name, figures(one)) for name, one in others.items()),
        checks=check_plan(plan.task, plan.timed),
        figures={
            **figures(own),
            "saved_km": round(others["fixed"].distance_km - own.distance_km, 2),
            "overflows_avoided": round(others["nothing"].overflows - own.overflows, 2),
        },
        picture=picture_of(plan, opening, policy),
    )


def _headline(plan: Planned, own: Figures, fixed: Figures) -> Phrase:
    if not plan.known:
        return Phrase("headline_no_bins")
    if not plan.runs:
        return Phrase("headline_nothing", {"of": len(plan.known), "overflows": round(own.overflows, 1)})
    values = {
        "n": own.bins,
        "bins": own.bins,
        "of": len(plan.known),
        "distance_km": round(own.distance_km, 1),
        "overflows": round(own.overflows, 1),
    }
    if not fixed.bins:
        return Phrase("headline_no_fixed", values)
    compared_with = {"fixed_km": round(fixed.distance_km, 1), "fixed_overflows": round(fixed.overflows, 1)}
    return Phrase("headline", {**values, **compared_with})


def _impossible(situation: RoundSituation, why_not: Phrase, window: Window) -> Decision:
    return Decision(
        kind=KIND,
        subject=situation.subject,
        commune_insee=situation.commune_insee,
        made_at=situation.at,
        window=window,
        answer_by=window.start,
        soundness=Soundness.IMPOSSIBLE,
        headline=why_not,
        reasons=(why_not,),
        actions=(),
        inputs=(),
        alternatives=(),
        checks=(),
        figures={},
        picture={"unanswered": {"key": "unanswered", "values": {}}},
    )
