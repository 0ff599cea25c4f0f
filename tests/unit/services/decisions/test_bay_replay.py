from __future__ import annotations

import numpy as np
from simulated_bays import AT, SIMULATED, simulated

from models.simulation.bays import _WEEKDAY_GAIN, _WORKDAY_RATE, _rate
from models.simulation.days import HOUR_S, LocalTimes, local_hour_s
from models.simulation.draws import draws
from services.decisions.bays.behaviour import learn
from services.decisions.bays.replay import RULES_MIN, RuleReplay, replay
from services.decisions.bays.situation import PlaceRuns
from services.decisions.bays.timeline import raw_timeline, timeline


def replayed(followers_ratio: float) -> list[RuleReplay]:
    situation, policy = simulated()
    bay = policy.bays[0]
    places = [
        timeline(raw_timeline(situation.places[name], policy.silence_s, int(AT.timestamp()))) for name in bay.sensors
    ]
    return replay(bay, places, learn([places])[0], followers_ratio)


def test_a_longer_rule_makes_fewer_overstays_and_a_shorter_one_no_more_refusals() -> None:
    rules = replayed(1.0)
    assert [one.max_stay_min for one in rules] == sorted({*RULES_MIN, 30})
    over = [one.over_ratio for one in rules if one.max_stay_min >= 30]
    assert over == sorted(over, reverse=True)
    refused = [one.refused_ratio for one in rules]
    assert refused[0] < refused[-1]
    assert all(0 <= share <= 1 for one in rules for share in (one.over_ratio, one.refused_ratio))


def test_nobody_follows_then_no_rule_changes_who_finds_a_place() -> None:
    assert len({one.refused_ratio for one in replayed(0.0)}) == 1


def test_the_same_stays_give_the_same_replay() -> None:
    assert replayed(0.5) == replayed(0.5)


def test_no_stays_give_no_replay() -> None:
    _, policy = simulated(days=1)
    nothing = [raw_timeline(PlaceRuns(), policy.silence_s, int(AT.timestamp()))]
    assert replay(policy.bays[0], nothing, learn([nothing])[0], 0.5) == []


def test_refusals_that_no_sensor_saw_are_estimated_near_the_truth_of_the_simulation() -> None:
    bay = SIMULATED["sim-93048-livraison-mairie-bay-1"]
    wanted = found = 0
    for ordinal in range(AT.toordinal() - 28, AT.toordinal()):
        opening, closing = local_hour_s(ordinal, 5.0), local_hour_s(ordinal + 1, 5.0)
        draw = draws(1, bay.sensor.external_id, "sessions", ordinal)
        busiest = bay.demand * _WORKDAY_RATE.max() * _WEEKDAY_GAIN.max()
        knocks = np.sort(draw.integers(opening, closing, draw.poisson(busiest * (closing - opening) / HOUR_S)))
        local = LocalTimes.at(knocks)
        kept = draw.random(len(knocks)) * busiest < bay.demand * _rate(local)
        regulated = (local.hours >= 7) & (local.hours < 20) & (local.weekdays != 6)
        wanted += int((kept & regulated).sum())
        starts = LocalTimes.at(bay.sessions(1, ordinal)[:, 0])
        found += int(((starts.hours >= 7) & (starts.hours < 20) & (starts.weekdays != 6)).sum())
    present = next(one for one in replayed(0.5) if one.max_stay_min == 30)
    assert abs(present.refused_ratio - (1 - found / wanted)) < 0.06
