"""What the page draws and what is handed on: actions as windows, staves on one clock, the schedule as a file."""

from __future__ import annotations

from typing import Any

from core.clock import Window, format_instant, parse_instant
from core.decisions import Action, Decision
from services.decisions.load_shifting.assets import STEP, STEP_H, STEPS
from services.decisions.load_shifting.day import Steps
from services.decisions.load_shifting.explain import Findings

_ON_KW = 0.05
_STEADY_RATIO = 0.05


def actions(findings: Findings) -> tuple[Action, ...]:
    """Return one action per asset and window of constant power, in time order; ``detail`` has the baseline's energy.

    Powers within a twentieth of the window's first are one window, at their mean: the energy is kept.
    """
    found = []
    for asset in findings.policy.assets:
        kind = type(asset).__name__
        for first, last in windows(findings.planned[asset.code]):
            powers = findings.planned[asset.code][first:last]
            left = findings.left[asset.code][first:last]
            mean = sum(powers) / len(powers)
            found.append(
                Action(
                    target=asset.code,
                    what=_what(kind, mean),
                    window=Window(findings.day.at(first), findings.day.at(last)),
                    value=round(abs(mean), 2),
                    unit="kW",
                    detail={
                        "name": asset.name,
                        "energy_kwh": round(sum(map(abs, powers)) * STEP_H, 2),
                        "baseline_kwh": round(sum(left) * STEP_H, 2),
                    },
                )
            )
    return tuple(sorted(found, key=lambda action: (action.window.start, action.target)))


def _what(kind: str, power_kw: float) -> str:
    if power_kw < 0:
        return "discharge"
    return {"Battery": "charge", "CarSession": "charge", "HotWater": "heat_water", "Zone": "heat"}[kind]


def windows(powers: Steps) -> list[tuple[int, int]]:
    """Return the steps ``[first, last)`` of each run of steady power that is not nothing."""
    found: list[tuple[int, int]] = []
    first = 0
    for place in range(1, STEPS + 1):
        if place < STEPS and _same(powers[first], powers[place]):
            continue
        if abs(powers[first]) > _ON_KW:
            found.append((first, place))
        first = place
    return found


def _same(one: float, other: float) -> bool:
    return abs(one - other) <= max(_ON_KW, _STEADY_RATIO * abs(one))


def picture(findings: Findings) -> dict[str, Any]:
    """Return the staves: 96 values each, in the units of their names; instants are the start plus 15 minutes each."""
    day, found = findings.day, findings.found
    return {
        "start": format_instant(day.start),
        "step_s": int(STEP.total_seconds()),
        "subscribed_kw": findings.policy.subscribed_kw,
        "base_kw": _rounded(day.base_kw),
        "base_p90_kw": _rounded(day.base_p90_kw),
        "planned_kw": _rounded(found.course.grid_kw),
        "baseline_kw": _rounded(found.alone.grid_kw),
        "baseline_p10_kw": _rounded(_shifted(found.alone.grid_kw, day.base_kw, day.base_p10_kw)),
        "baseline_p90_kw": _rounded(_shifted(found.alone.grid_kw, day.base_kw, day.base_p90_kw)),
        "price_eur_per_kwh": [price.eur_per_kwh for price in day.prices],
        "hours": [price.hours for price in day.prices],
        "colours": [price.colour.value for price in day.prices],
        "marginal_eur_per_kwh": _rounded(found.marginal_eur_per_kwh, 4),
        "assets": [
            {
                "code": asset.code,
                "name": asset.name,
                "kind": type(asset).__name__,
                "planned_kw": _rounded(findings.planned[asset.code]),
                "baseline_kw": _rounded(findings.left[asset.code]),
                "moved_kwh": round(findings.moved_kwh(asset.code), 2),
            }
            for asset in findings.policy.assets
        ],
        "battery_kwh": _rounded(found.course.battery_kwh),
        "water_kwh": _rounded(found.course.water_kwh),
        "zone": _zone(findings),
        "shed": _shed(findings),
    }


def _shifted(grid: Steps, base: Steps, other: Steps) -> Steps:
    return tuple(kw - middle + level for kw, middle, level in zip(grid, base, other, strict=True))


def _rounded(values: Steps, digits: int = 3) -> list[float]:
    return [round(value, digits) + 0.0 for value in values]


def _zone(findings: Findings) -> dict[str, Any] | None:
    zone, course = findings.policy.zone, findings.found.course
    if zone is None or not course.zone_c:
        return None
    return {
        "name": zone.name,
        "floor_c": zone.floor_c,
        "ceiling_c": zone.ceiling_c,
        "planned_c": _rounded(course.zone_c, 2),
        "baseline_c": _rounded(findings.found.alone.zone_c, 2),
        "outdoor_c": _rounded(findings.day.outdoor_c, 2),
        "bands_c": [list(band) if band else None for band in findings.day.bands],
    }


def _shed(findings: Findings) -> dict[str, Any] | None:
    event, answer, window = findings.policy.shed, findings.found.shed, findings.shed_window
    if event is None or answer is None or window is None:
        return None
    return {
        "start": format_instant(window.start),
        "end": format_instant(window.end),
        "asked_kw": event.power_kw,
        "honoured": answer.honoured,
        "feasible_kw": round(answer.feasible_kw, 2),
    }


def schedule_csv(decision: Decision) -> str:
    """Return the schedule as CSV: one line per quarter of an hour, power per asset and of the whole, in kW."""
    drawn = decision.picture
    assets = drawn.get("assets", [])
    lines = [["start", "planned_kw", "baseline_kw", "price_eur_per_kwh", *(f"{row['code']}_kw" for row in assets)]]
    start = parse_instant(drawn["start"]) if drawn else decision.window.start
    for place, planned in enumerate(drawn.get("planned_kw", [])):
        common = [planned, drawn["baseline_kw"][place], drawn["price_eur_per_kwh"][place]]
        powers = [*common, *(row["planned_kw"][place] for row in assets)]
        lines.append([format_instant(start + place * STEP), *(f"{value:g}" for value in powers)])
    return "\r\n".join(",".join(line) for line in lines) + "\r\n"
