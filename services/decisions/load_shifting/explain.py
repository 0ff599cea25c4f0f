"""Why this schedule, in phrases: what is doubtful, which limit gave way, what moved and for which price."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from core.clock import Window, format_instant
from core.decisions import Alternative, Phrase, Value
from services.decisions.load_shifting.assets import STEP_H, STEPS
from services.decisions.load_shifting.balance import Course, comfort_kh, money
from services.decisions.load_shifting.day import Day, Steps
from services.decisions.load_shifting.optimise import Optimum
from services.decisions.load_shifting.policy import Policy
from services.decisions.load_shifting.situation import Situation

_WORTH_EUR = 0.05
_MOVED_KWH = 0.1
_GAVE_WAY = 0.01
_COMFORT_KH = 0.05
_PRICE_EUR = 0.002
_MOVES_MAX = 6
# Any other fallback is a word of the forecaster's: the naive forecast stands in.
_DOUBTS = {word: word for word in ("stale", "missing", "yesterday", "usual_of_month")}


@dataclass(frozen=True)
class Findings:
    """All that a decision is made from and what was found."""

    situation: Situation
    policy: Policy
    day: Day
    found: Optimum

    @cached_property
    def doubts(self) -> tuple[Phrase, ...]:
        """What makes the decision less sure than it should be: inputs, prices, limits that nothing could hold."""
        return (*_doubtful_inputs(self), *_gave_way(self))

    @cached_property
    def saved_eur(self) -> float:
        """What the plan saves against the day left alone."""
        return self.cost_eur(self.found.alone) - self.cost_eur(self.found.course)

    @cached_property
    def shifted_kwh(self) -> float:
        """Energy that is drawn at another time than without a plan: half of all differences."""
        return sum(self.moved_kwh(code) for code in self.planned)

    @cached_property
    def planned(self) -> dict[str, Steps]:
        """Power of each asset with the plan, by its code."""
        return self.found.course.plan.by_asset(self.policy, self.day)

    @cached_property
    def left(self) -> dict[str, Steps]:
        """Power of each asset without a plan, by its code."""
        return self.found.alone.plan.by_asset(self.policy, self.day)

    @property
    def shed_window(self) -> Window | None:
        """The shed event that is answered, or comes next."""
        return self.policy.shed.next_window(self.situation.start) if self.policy.shed else None

    def cost_eur(self, course: Course, base_kw: Steps | None = None) -> float:
        """Return what a course costs, at the median base load or another."""
        return money(self.day, self.policy, course, self.found.alone, base_kw).total_eur

    def moved_kwh(self, code: str) -> float:
        """Return how much of an asset's energy is drawn at another time."""
        pairs = zip(self.planned[code], self.left[code], strict=True)
        return 0.5 * STEP_H * sum(abs(planned - left) for planned, left in pairs)

    def peak_at(self, course: Course) -> str:
        """Return when a course draws most."""
        place = max(range(STEPS), key=lambda step: course.grid_kw[step])
        return format_instant(self.day.at(place))


def figures(findings: Findings) -> dict[str, float]:
    """Return what the plan brings and costs."""
    day, found = findings.day, findings.found
    saved = [
        findings.cost_eur(found.alone, base) - findings.cost_eur(found.course, base)
        for base in (day.base_p10_kw, day.base_kw, day.base_p90_kw)
    ]
    told = {
        **_course_figures(findings, found.course),
        **{f"baseline_{name}": value for name, value in _course_figures(findings, found.alone).items()},
        "saved_eur": findings.saved_eur,
        "saved_low_eur": min(saved),
        "saved_high_eur": max(saved),
        "shifted_kwh": findings.shifted_kwh,
        "marginal_low_eur_per_kwh": min(found.marginal_eur_per_kwh),
        "marginal_high_eur_per_kwh": max(found.marginal_eur_per_kwh),
    }
    if found.shed:
        told["shed_kw"] = found.shed.feasible_kw if found.shed.honoured else 0.0
        told["shed_max_kw"] = found.shed.feasible_kw
        told["shed_cost_eur"] = findings.cost_eur(found.course) - findings.cost_eur(found.without_shed)
    return {name: round(value, 4) + 0.0 for name, value in told.items()}


def _course_figures(findings: Findings, course: Course) -> dict[str, float]:
    return {
        "cost_eur": findings.cost_eur(course),
        "peak_kw": course.peak_kw,
        "energy_kwh": sum(course.grid_kw) * STEP_H,
        "comfort_kh": comfort_kh(findings.day, course),
    }


def alternatives(findings: Findings) -> tuple[Alternative, ...]:
    """Return the other ways: to do nothing, and to save most whatever people feel."""
    ways = [("do_nothing", findings.found.alone)]
    if findings.policy.zone and findings.found.course.zone_c:
        ways.append(("without_comfort", findings.found.without_comfort))
    if findings.found.shed and findings.found.shed.honoured:
        ways.append(("without_shed", findings.found.without_shed))
    return tuple(
        Alternative(name, {key: round(value, 4) + 0.0 for key, value in _course_figures(findings, course).items()})
        for name, course in ways
    )


def headline(findings: Findings) -> Phrase:
    """Return the decision in one sentence."""
    found = findings.found
    values: dict[str, Value] = {
        "baseline_peak_kw": round(found.alone.peak_kw, 3),
        "baseline_peak_at": findings.peak_at(found.alone),
        "peak_kw": round(found.course.peak_kw, 3),
        "saved_eur": round(findings.saved_eur, 2),
    }
    if found.shed and found.shed.honoured and findings.policy.shed:
        return Phrase("headline_shed", {**values, "shed_kw": findings.policy.shed.power_kw})
    if findings.saved_eur < _WORTH_EUR:
        return Phrase("headline_no_gain", values)
    lower = found.course.peak_kw < found.alone.peak_kw - 0.5
    return Phrase("headline" if lower else "headline_same_peak", values)


def reasons(findings: Findings) -> tuple[Phrase, ...]:
    """Return why, the weightiest first: the shed event, doubts, what moved, the peak, comfort, the dearest moment."""
    return (
        *_shed(findings),
        *findings.doubts,
        *_moves(findings),
        *_peak(findings),
        *_comfort(findings),
        *_marginal(findings),
    )


def _shed(findings: Findings) -> Iterator[Phrase]:
    event, answer, window = findings.policy.shed, findings.found.shed, findings.shed_window
    if event is None or window is None:
        return
    values: dict[str, Value] = {
        "power_kw": event.power_kw,
        "start_at": format_instant(window.start),
        "end_at": format_instant(window.end),
    }
    if answer is None:
        yield Phrase("shed_later", values)
    elif answer.honoured:
        cost = findings.cost_eur(findings.found.course) - findings.cost_eur(findings.found.without_shed)
        free = round(cost, 2) <= 0
        yield (
            Phrase("shed_honoured_free", values)
            if free
            else Phrase("shed_honoured", {**values, "cost_eur": round(cost, 2)})
        )
    else:
        yield Phrase("shed_refused", {**values, "feasible_kw": round(answer.feasible_kw, 1)})


def _doubtful_inputs(findings: Findings) -> Iterator[Phrase]:
    for row in findings.situation.inputs:
        if row.fallback:
            known_at = format_instant(row.known_at) if row.known_at else None
            yield Phrase(f"doubt_{row.name}_{_DOUBTS.get(row.fallback, 'naive')}", {"known_at": known_at})
    if not all(price.published for price in findings.day.prices):
        first = next(place for place, price in enumerate(findings.day.prices) if not price.published)
        yield Phrase("doubt_colour", {"from_at": format_instant(findings.day.at(first))})


def _gave_way(findings: Findings) -> Iterator[Phrase]:
    day, relief, policy = findings.day, findings.found.relief, findings.policy
    over = max(high - policy.subscribed_kw for high in day.base_p90_kw)
    if over > _GAVE_WAY:
        yield Phrase("limit_power", {"over_kw": round(over, 1), "subscribed_kw": policy.subscribed_kw})
    for stay, short in zip(day.stays, relief.short_kwh, strict=True):
        if short > _GAVE_WAY:
            most = stay.session.power_kw * STEP_H * (stay.last - stay.first)
            limit = "charger" if stay.due_kwh > most else "subscribed"
            yield Phrase(
                f"limit_car_{limit}",
                {
                    "name": stay.session.name,
                    "missing_kwh": round(short, 1),
                    "energy_kwh": round(stay.due_kwh, 1),
                    "departure_at": format_instant(stay.departure),
                },
            )
    if policy.hot_water and sum(relief.unmet_kwh) > _GAVE_WAY:
        yield Phrase("limit_water", {"name": policy.hot_water.name, "missing_kwh": round(sum(relief.unmet_kwh), 1)})
    for key, values in (("limit_cold", relief.cold_k), ("limit_hot", relief.hot_k)):
        if policy.zone and max(values) > _GAVE_WAY:
            at = format_instant(day.at(values.index(max(values)) + 1))
            yield Phrase(key, {"name": policy.zone.name, "by_k": round(max(values), 1), "at": at})


def _moves(findings: Findings) -> Iterator[Phrase]:
    moved = {asset.code: findings.moved_kwh(asset.code) for asset in findings.policy.assets}
    names = {asset.code: asset.name for asset in findings.policy.assets}
    for code in sorted(moved, key=lambda code: -moved[code])[:_MOVES_MAX]:
        if moved[code] < _MOVED_KWH:
            continue
        changes = [planned - left for planned, left in zip(findings.planned[code], findings.left[code], strict=True)]
        more, less = _mean_price(findings.day, changes), _mean_price(findings.day, [-change for change in changes])
        values: dict[str, Value] = {"name": names[code], "moved_kwh": round(moved[code], 1)}
        if more is None or less is None:
            yield Phrase("move_less" if more is None else "move_more", values)
        elif less - more > _PRICE_EUR:
            yield Phrase(
                "move_cheaper", {**values, "from_eur_per_kwh": round(less, 4), "to_eur_per_kwh": round(more, 4)}
            )
        else:
            yield Phrase("move_peak", values)


def _mean_price(day: Day, changes: list[float]) -> float | None:
    """Mean price of the energy that is added; None where none is."""
    added = [max(0.0, change) for change in changes]
    if sum(added) * STEP_H < _MOVED_KWH:
        return None
    return sum(kw * price for kw, price in zip(added, day.price_eur_per_kwh, strict=True)) / sum(added)


def _peak(findings: Findings) -> Iterator[Phrase]:
    course, alone = findings.found.course, findings.found.alone
    cut = alone.peak_kw - course.peak_kw
    if cut > 0.5:
        values: dict[str, Value] = {"peak_kw": round(course.peak_kw, 3), "baseline_peak_kw": round(alone.peak_kw, 3)}
        worth = findings.policy.peak_eur_per_kw * cut
        key = "peak_cut_paid" if worth > 0 else "peak_cut"
        yield Phrase(key, {**values, "worth_eur": round(worth, 2), "at": findings.peak_at(alone)})


def _comfort(findings: Findings) -> Iterator[Phrase]:
    zone, course = findings.policy.zone, findings.found.course
    if zone is None or not course.zone_c:
        return
    missed = comfort_kh(findings.day, course)
    values: dict[str, Value] = {
        "name": zone.name,
        "comfort_kh": round(missed, 1),
        "baseline_comfort_kh": round(comfort_kh(findings.day, findings.found.alone), 1),
    }
    yield Phrase("comfort_kept" if missed < _COMFORT_KH else "comfort_missed", values)


def _marginal(findings: Findings) -> Iterator[Phrase]:
    marginal = findings.found.marginal_eur_per_kwh
    high, low = max(marginal), min(marginal)
    if high - low < _PRICE_EUR:
        yield Phrase("marginal_flat", {"eur_per_kwh": round(high, 3)})
        return
    yield Phrase(
        "marginal",
        {
            "high_eur_per_kwh": round(high, 3),
            "high_at": format_instant(findings.day.at(marginal.index(high))),
            "low_eur_per_kwh": round(low, 3),
            "low_at": format_instant(findings.day.at(marginal.index(low))),
        },
    )
