"""Which choice for each quarter: dynamic programming over time, CO2 and the choice before.

``Q C`` is bilinear, but with discrete choices each quarter is a linear step whose coefficients are known exactly: the
programme is small (24 quarters, 160 levels of CO2, a few choices) and needs no solver. It works on a grid of CO2; the
schedule is then read off along the exact path, and repaired where the grid cost it the limit.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from services.decisions.ventilation.equipment import Steps, march
from services.decisions.ventilation.zone import Floats

MARGIN_PPM = 5.0
"""The schedule is planned so far under the limit, which is less than a sensor's noise."""
_EXCESS_KWH_PPMH = 10.0
_SWITCH_KWH = 0.05
_GRID = 160


@dataclass(frozen=True, slots=True)
class Task:
    """What is asked of a room's equipment.

    Parameters
    ----------
    start_ppm
        CO2 when the window starts.
    sources
        The source that must be coped with in each quarter, m3/s: its 90 % quantile.
    occupied
        Where the limit counts.
    allowed
        Which choices may be picked, by quarter and choice; the last of them in a quarter is stronger than all others.
    costs_kwh
        What each is taken to cost, by quarter and choice.
    """

    start_ppm: float
    sources: Floats
    occupied: NDArray[np.bool_]
    allowed: NDArray[np.bool_]
    costs_kwh: Floats
    limit_ppm: float


def strongest_of(task: Task) -> list[int]:
    """Return the strongest choice that is allowed in each quarter."""
    return [int(np.flatnonzero(row)[-1]) for row in task.allowed]


def schedule(steps: Steps, task: Task) -> list[int]:
    """Return the choice of each quarter.

    CO2 then stays under the limit in every occupied quarter in which the strongest choices all along would hold it,
    and within `MARGIN_PPM` of what they would reach in the others.
    """
    # No schedule is ever above the one that does least.
    least = march(steps, task.start_ppm, task.sources, [int(np.argmax(row)) for row in task.allowed])
    top = max(float(least.peaks_ppm.max()), task.limit_ppm) + 1.0
    grid = np.linspace(min(steps.outdoor_ppm, task.start_ppm), top, _GRID)
    values = _values(steps, task, grid)
    picks: list[int] = []
    now = task.start_ppm
    for quarter in range(len(task.sources)):
        at = np.array([now])
        costs = _stage(steps, task, quarter, at)[:, 0] + _then(steps, task, quarter, at, (grid, values))[:, 0]
        if picks:
            costs = costs + _SWITCH_KWH * (np.arange(len(costs)) != picks[-1])
        picks.append(int(np.argmin(costs)))
        now = float(steps.ends(at, float(task.sources[quarter]))[picks[-1], 0])
    return _repaired(steps, task, picks)


def _stage(steps: Steps, task: Task, quarter: int, at: Floats) -> Floats:
    """Return what a quarter itself costs, by choice and CO2 at its start, kWh."""
    cost = np.where(task.allowed[quarter], task.costs_kwh[quarter], np.inf)[:, None]
    if not task.occupied[quarter]:
        return np.broadcast_to(cost, (len(cost), len(at)))
    peaks = steps.peaks(at, float(task.sources[quarter]))
    priced: Floats = cost + _EXCESS_KWH_PPMH * 0.25 * np.maximum(0.0, peaks - (task.limit_ppm - MARGIN_PPM))
    return priced


def _then(steps: Steps, task: Task, quarter: int, at: Floats, future: tuple[Floats, list[Floats]]) -> Floats:
    """Return what follows a quarter, by choice and CO2 at its start, kWh."""
    grid, values = future
    ends = steps.ends(at, float(task.sources[quarter]))
    return np.array([np.interp(row, grid, after) for row, after in zip(ends, values[quarter + 1], strict=True)])


def _values(steps: Steps, task: Task, grid: Floats) -> list[Floats]:
    """Return, for each quarter, what is still to pay from it on, by the choice before it and CO2 at its start."""
    count = len(steps.kept)
    switch = _SWITCH_KWH * (1.0 - np.eye(count))
    values: list[Floats] = [np.zeros((count, len(grid)))] * (len(task.sources) + 1)
    for quarter in reversed(range(len(task.sources))):
        paid = _stage(steps, task, quarter, grid) + _then(steps, task, quarter, grid, (grid, values))
        values[quarter] = (switch[:, :, None] + paid[None, :, :]).min(axis=1)
    return values


def _repaired(steps: Steps, task: Task, picks: list[int]) -> list[int]:
    """Turn quarters to the strongest choice, the latest before a breach first, until no breach could be helped."""
    strongest = strongest_of(task)
    full = march(steps, task.start_ppm, task.sources, strongest)
    bound = np.where(full.peaks_ppm <= task.limit_ppm, task.limit_ppm, full.peaks_ppm + MARGIN_PPM)
    while True:
        breaches = (march(steps, task.start_ppm, task.sources, picks).peaks_ppm > bound) & task.occupied
        if not breaches.any():
            return picks
        first = int(np.argmax(breaches))
        weak = [quarter for quarter in range(first + 1) if picks[quarter] != strongest[quarter]]
        assert weak, "with the strongest choices all along, the bound is met"
        picks = [*picks[: weak[-1]], strongest[weak[-1]], *picks[weak[-1] + 1 :]]
