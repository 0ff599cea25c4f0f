"""Bench of the alarms: the default rules on real series with their faults, beside plain rules of the field.

Run from the repository: ``./run bench alarms``; ``--write`` renders docs/alarm-figures.md, ``--json`` prints the
figures alone, ``--quick`` leaves out the faults that are put in. Reads ``VIGIE_REAL_DATA_DIR``.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import numpy as np
from alarm_checks import Verdict
from alarm_faults import FAULTS, Outcome, batteries, injected, preset
from alarm_known import Known, known_faults
from alarm_places import DATA, PLACES, ROOT, lines_of
from alarm_runs import Run, run
from alarm_tables import false_a_month, rendered, stuck_found
from figures import Figure, at_least, below, tell

from core.quality.traces import HOUR_US, MINUTE_US
from services.alarms.conditions import CONDITIONS
from services.alarms.track import State, Track

SEED = 8
FALSE_MAX = 1.0
"""A sensor-month."""
SERIES, INTERVAL_US = 5_000, 10 * MINUTE_US


@dataclass
class Results:
    """What the bench found.

    Parameters
    ----------
    injected
        By data set and sort of fault.
    batteries
        How many were simulated, and by how many days ahead of empty the found ones were.
    """

    runs: list[Run] = field(default_factory=list)
    known: list[Known] = field(default_factory=list)
    injected: dict[str, dict[str, Outcome]] = field(default_factory=dict)
    batteries: tuple[int, list[float]] = (0, [])


def measured(*, quick: bool) -> Results:
    """Return what the rules come to on every data set."""
    chance, results = np.random.default_rng(SEED), Results()
    for place in PLACES:
        lines = lines_of(place)
        found = run(place, lines)
        results.runs.append(found)
        results.known += known_faults(found, lines)
        # Where a sensor speaks every other day, two days without it are none.
        sorts = [name for name in FAULTS if not quick and len(place.only) > 1]
        results.injected[place.name] = {name: injected(lines, name, chance) for name in sorts}
    if not quick:
        results.batteries = batteries(chance)
    return results


def speed() -> Iterator[Figure]:
    """Yield what it takes to look at an hour of new readings of many series, beside the reading of as many numbers."""
    chance = np.random.default_rng(SEED)
    rule = preset("co2_school_1500")
    for name in ("co2_school_1500", "stuck", "silence"):
        rule = preset(name)
        kind = CONDITIONS[rule.condition]
        parameters = kind.parse(rule.parameters)
        back_us = kind.lookback_us(parameters, "co2_ppm", INTERVAL_US)
        times = np.arange(-back_us, HOUR_US, INTERVAL_US) + 8_000 * 24 * HOUR_US
        tracks = [
            Track.plain("co2_ppm", times, chance.normal(700, 300, len(times)), INTERVAL_US) for _ in range(SERIES)
        ]
        state = replace(State.none(), from_us=int(times[-1]) - HOUR_US)
        began = time.perf_counter()
        for track in tracks:
            kind.episodes(track, parameters, state)
        spent_s = time.perf_counter() - began
        yield Figure(f"{name}: {SERIES:,} series, an hour each", spent_s, "s", "lower")


def figures_of(results: Results) -> Iterator[Figure]:
    """Yield the figures that are aimed at, and what they come from."""
    runs = results.runs
    yield Figure("sensor-months", sum(one.months for one in runs), "sensor-months", "higher")
    yield Figure("alarms", sum(one.count() for one in runs), "alarms", "lower")
    yield below("false alarms, all data sets", false_a_month(runs), "a sensor-month", FALSE_MAX)
    for one in runs:
        false = one.count(verdict=Verdict.FALSE) / one.months
        yield below(f"false alarms, {one.place.name}"[:44], false, "a sensor-month", FALSE_MAX)
    yield at_least("stuck car parks found", stuck_found(results), "of all", 1.0)
    plain, ours = sum(sum(one.plain.values()) for one in runs), sum(one.count() for one in runs)
    yield Figure("alarms of plain rules", plain / ours, "times ours", "higher")
    for name in FAULTS:
        sorts = [kept[name] for kept in results.injected.values() if name in kept]
        if put := sum(one.put for one in sorts):
            yield Figure(f"found: {name}", sum(len(one.delays_h) for one in sorts) / put, "of all", "higher")


def main() -> None:
    """Measure, print, and write the document where asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    for option in ("--quick", "--json", "--write"):
        parser.add_argument(option, action="store_true")
    asked = parser.parse_args()
    if not DATA.is_dir():
        sys.exit(f"no real data in {DATA}: set VIGIE_REAL_DATA_DIR")
    results = measured(quick=asked.quick)
    if asked.write:
        (ROOT / "docs" / "alarm-figures.md").write_text(rendered(results), encoding="utf-8")
    elif not asked.json:
        print(rendered(results))
    tell("alarms", [*figures_of(results), *speed()], as_json_only=asked.json)


if __name__ == "__main__":
    main()
