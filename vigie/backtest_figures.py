"""The figures of a backtest as its report draws them: fans, reliability, gains by lead, regime and series."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

from core.clock import PARIS
from core.forecasts import QUANTILES
from models.contenders import Vigie
from models.footprint import Machine, footprint
from models.peers import PEERS
from models.verdicts import Hearing, Verdict
from models.yardsticks import HouseNaive
from vigie.judging import Judged

Chart = dict[str, Any]
"""What the page's script draws, with the table beside it."""
Naming = Callable[[str], str]
OURS, NAIVE = Vigie().name, HouseNaive().name
FAN_DAYS = 7
_MEDIAN, _LOW, _HIGH = (QUANTILES.index(level) for level in (0.5, 0.1, 0.9))


def fans(judged: Judged, legend: Mapping[str, str]) -> dict[str, tuple[int, Chart]]:
    """Return the fans of three series: where ours gains most on the naive, in the middle, and least."""
    ranked = sorted(_gain_of_series(judged.hearing).items(), key=lambda pair: -pair[1])
    if not ranked:
        return {}
    chosen = {"fan_best": ranked[0][0], "fan_middle": ranked[len(ranked) // 2][0], "fan_worst": ranked[-1][0]}
    rows = dict.fromkeys(chosen.values())
    return {place: (row, _fan(judged, row, legend)) for place, row in chosen.items() if rows.pop(row, row) is None}


def _gain_of_series(hearing: Hearing) -> dict[int, float]:
    gains = {}
    for row, verdicts in hearing.by_series():
        said = {one.forecaster: one for one in verdicts}
        if OURS in said and NAIVE in said and said[NAIVE].pinball > 0:
            gains[row] = 1 - said[OURS].pinball / said[NAIVE].pinball
    return gains


def _fan(judged: Judged, row: int, legend: Mapping[str, str]) -> Chart:
    """Return the last week of one series, each step as the newest origin before it forecast it."""
    hearing, plan = judged.hearing, judged.hearing.history.plan
    first = hearing.origins[-1] + plan.steps - FAN_DAYS * hearing.history.steps_per_day
    origins = [at for at, origin in enumerate(hearing.origins) if origin >= first]
    said: dict[int, tuple[int, int]] = {}
    for at in origins:
        said |= {hearing.origins[at] + step: (at, step) for step in range(plan.steps)}
    index = sorted(said)
    quantiles = np.array([hearing.said[OURS][said[step][0], row, said[step][1]] for step in index], dtype=np.float64)
    naive = np.array([hearing.said[NAIVE][said[step][0], row, said[step][1], _MEDIAN] for step in index])
    truth = np.array([hearing.truth[said[step][0], row, said[step][1]] for step in index])
    times = [f"{hearing.history.instant_of(step).astimezone(PARIS):%d/%m %H:%M}" for step in index]
    columns = (truth, quantiles[:, _MEDIAN], quantiles[:, _LOW], quantiles[:, _HIGH], naive)
    return {
        "kind": "fan",
        "unit": judged.metric.unit,
        "times": times,
        "truth": _plain(truth),
        "naive": _plain(naive),
        "quantiles": [_plain(quantiles[:, level]) for level in range(len(QUANTILES))],
        "words": dict(legend),
        "table": (
            ("time", "measured", "median", "low", "high", "naive"),
            [(time, *(column[at] for column in columns)) for at, time in enumerate(times)],
        ),
    }


def reliability(judged: Judged, name: Naming, legend: Mapping[str, str]) -> Chart:
    """Return how often truths lay below each level, per forecaster but the plain rules."""
    verdicts = [one for one in judged.hearing.verdicts() if _role(one.forecaster) or one.forecaster == NAIVE]
    return {
        "kind": "reliability",
        "levels": list(QUANTILES),
        "series": [
            {**_drawn(one.forecaster), "name": name(one.forecaster), "below": _plain(np.array(one.below))}
            for one in verdicts
        ],
        "words": dict(legend),
        "table": (
            ("level", *(name(one.forecaster) for one in verdicts)),
            [(level, *(one.below[at] for one in verdicts)) for at, level in enumerate(QUANTILES)],
        ),
    }


def gains_by(judged: Judged, kind: str, name: Naming, named: Callable[[str, str], str]) -> Chart:
    """Return what ours and the peers save of the naive's pinball loss, by ``lead``, ``regime`` or ``series``.

    Leads and regimes in their order, series from the best to the least good.
    """
    groups = _groups(judged, kind)
    if kind == "series":
        groups = sorted(groups, key=lambda group: -(_gain(group[1], OURS) or -np.inf))
    contenders = [one for one in judged.hearing.said if _role(one)]
    values = {one: [_gain(verdicts, one) for _, verdicts in groups] for one in contenders}
    categories = [named(kind, key) for key, _ in groups]
    steps = [verdicts[0].steps for _, verdicts in groups]
    return {
        "kind": "gains",
        "categories": categories,
        "across": kind == "series",
        "series": [{**_drawn(one), "name": name(one), "values": values[one]} for one in contenders],
        "table": (
            (kind, "steps", *(name(one) for one in contenders)),
            [(category, steps[at], *(values[one][at] for one in contenders)) for at, category in enumerate(categories)],
        ),
    }


def _groups(judged: Judged, kind: str) -> list[tuple[str, list[Verdict]]]:
    if kind == "lead":
        return list(judged.hearing.by_lead())
    if kind == "regime":
        return [(str(int(regime)), verdicts) for regime, verdicts in judged.hearing.by_regime()]
    return [(judged.names[row], verdicts) for row, verdicts in judged.hearing.by_series()]


def _gain(verdicts: Iterable[Verdict], forecaster: str) -> float | None:
    said = {one.forecaster: one.pinball for one in verdicts}
    if forecaster not in said or not said.get(NAIVE):
        return None
    return 1 - said[forecaster] / said[NAIVE]


def _role(forecaster: str) -> str | None:
    """Return what a forecaster is in a chart; None for the naive and the plain rules."""
    return "ours" if forecaster == OURS else "peer" if forecaster in PEERS else None


def _drawn(forecaster: str) -> dict[str, Any]:
    """Return how a forecaster is drawn: its role, and a peer's place among the peers, which gives its colour."""
    rank = list(PEERS).index(forecaster) if forecaster in PEERS else 0
    return {"role": _role(forecaster) or "plain", "rank": rank}


def footprints(hearing: Hearing, machine: Machine) -> dict[str, tuple[float, float]]:
    """Return what each forecaster took: watt-hours, and grams of CO2e."""
    took = {
        name: footprint(machine, cost.processor_s, cost.fit_s + cost.predict_s) for name, cost in hearing.costs.items()
    }
    return {name: (one.energy_kwh * 1_000, one.co2e_g) for name, one in took.items()}


def _plain(values: np.ndarray[Any, np.dtype[np.floating[Any]]]) -> list[float | None]:
    """Return values fit for JSON: five digits, and nothing where nothing is known."""
    return [float(f"{value:.5g}") if np.isfinite(value) else None for value in values.tolist()]
