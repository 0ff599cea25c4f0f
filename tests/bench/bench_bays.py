"""Bench of the bays: what the calibrated model gains over its yardsticks, and what many bays cost.

Run from the repository: ``PYTHONPATH=.:tests python tests/bench/bench_bays.py``. Brier scores are over the ten
bays of the simulated town, on two weeks after six that the model was given; costs are ratios to one commune's decision
in the same run.
"""

from __future__ import annotations

import dataclasses
import time
from datetime import timedelta

import numpy as np
from simulated_bays import AT, simulated

from models.simulation.equipment_bays import SUBJECTS
from services.decisions.bays.availability import LEADS_MIN, Source, any_free, fit
from services.decisions.bays.decide import decide
from services.decisions.bays.policy import Bay, BayPolicy
from services.decisions.bays.situation import BaySituation
from services.decisions.bays.timeline import Timeline, raw_timeline, timeline

GIVEN_DAYS, HELD_OUT_DAYS = 42, 14
MANY = (20, 200, 2_000)


def raws(situation: BaySituation, policy: BayPolicy) -> list[list[Timeline]]:
    at_s = int(situation.at.timestamp())
    return [[raw_timeline(situation.places[n], policy.silence_s, at_s) for n in bay.sensors] for bay in policy.bays]


def scores() -> None:
    """Print Brier scores by lead time."""
    until = AT + timedelta(days=HELD_OUT_DAYS)
    at_s = np.arange(int(AT.timestamp()), int(until.timestamp()) - 3600, 600)
    said: dict[tuple[int, Source], list[float]] = {}
    for row in SUBJECTS:
        model = fit(raws(*simulated(row["code"], days=GIVEN_DAYS)))
        assert model is not None, "six weeks are enough"
        for index, places in enumerate(raws(*simulated(row["code"], days=GIVEN_DAYS + HELD_OUT_DAYS, at=until))):
            for lead_min in LEADS_MIN:
                truth = any_free(np.stack([timeline(p).occupied_at(at_s + lead_min * 60) for p in places]))
                for source, chances in model.chances(index, places, at_s, lead_min).items():
                    errors = (chances - truth) ** 2
                    said.setdefault((lead_min, source), []).append(float(np.nanmean(errors)))
    print("Brier, lower is better:   " + "  ".join(f"{source:>11}" for source in Source))
    for lead_min in LEADS_MIN:
        print(f"  in {lead_min:2} min              " + "  ".join(f"{np.mean(said[lead_min, s]):11.4f}" for s in Source))


def costs() -> None:
    """Print what more bays cost, relative to one commune's two."""
    situation, policy = simulated()
    one_s = seconds(situation, policy)
    print(f"one commune, 2 bays, 28 days: {one_s:.2f} s")
    sources = list(situation.places.values())
    for many in MANY:
        places = {f"s{n}": sources[n % len(sources)] for n in range(many)}
        bays = tuple(Bay(f"b{n}", f"Aire {n}", (f"s{n}",)) for n in range(many))
        spent = seconds(dataclasses.replace(situation, places=places), dataclasses.replace(policy, bays=bays))
        print(f"{many:5} bays: {spent / one_s:6.1f} times that, {spent / many * 1000:.1f} ms a bay")


def seconds(situation: BaySituation, policy: BayPolicy) -> float:
    began = time.perf_counter()
    decide(situation, policy, AT)
    return time.perf_counter() - began


if __name__ == "__main__":
    scores()
    costs()
