"""Why each bin is in the round or left for later, as phrases of ``decision.round``."""

from __future__ import annotations

from core.decisions import Phrase
from services.decisions.rounds.marginal import Change, additions, savings
from services.decisions.rounds.overflow import Source
from services.decisions.rounds.plan import Known, Planned

ON_THE_WAY_M = 200
NOT_FULL_UNDER = 0.01


def reasons_in(plan: Planned) -> dict[int, Phrase]:
    """Return why each collected bin is, by its number in ``plan.known``."""
    return {
        plan.numbers[one]: _in(plan.known[plan.numbers[one]], saved)
        for one, saved in savings(plan.task, plan.runs).items()
    }


def reasons_out(plan: Planned) -> dict[int, Phrase]:
    """Return why each bin left out is, by its number in ``plan.known``."""
    added = {plan.numbers[one]: change for one, change in additions(plan.task, plan.runs).items()}
    return {
        number: _out(one, added.get(number)) for number, one in enumerate(plan.known) if number not in plan.collected
    }


def _values(one: Known, change: Change) -> dict[str, str | int | float | bool | None]:
    return {
        "bin": one.state.name,
        "probability": one.outlook.full_left,
        "detour_km": round(change.metres / 1000, 2),
        "detour_eur": round(change.eur, 2),
        "prize_eur": round(one.prize_eur, 2),
    }


def _in(one: Known, saved: Change) -> Phrase:
    if one.outlook.source is Source.UNKNOWN:
        return Phrase("in_unknown", {"bin": one.state.name})
    if one.required:
        return Phrase("in_required", _values(one, saved))
    if one.outlook.source is Source.SILENT:
        return Phrase("in_silent", _values(one, saved))
    if saved.metres <= ON_THE_WAY_M:
        return Phrase("in_on_the_way", _values(one, saved))
    return Phrase("in_worth", _values(one, saved))


def _out(one: Known, added: Change | None) -> Phrase:
    if one.state.longitude is None or one.state.latitude is None:
        return Phrase("out_no_place", {"bin": one.state.name})
    if added is None:
        return Phrase("out_unknown", {"bin": one.state.name})
    if not added.fits:
        return Phrase("out_no_room", _values(one, added))
    if one.outlook.full_left < NOT_FULL_UNDER:
        return Phrase("out_not_full", {"bin": one.state.name})
    return Phrase("out_not_worth", _values(one, added))
