"""P(a place free): in bounds, calibrated and better than the yardsticks on days that were held out."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pytest
from simulated_bays import AT, runs_of, simulated

from services.decisions.bays.availability import LEADS_MIN, Availability, Judged, Source, any_free, fit
from services.decisions.bays.policy import BayPolicy
from services.decisions.bays.situation import BaySituation
from services.decisions.bays.timeline import Floats, Timeline, raw_timeline, timeline

HELD_OUT = timedelta(days=14)


def raws(situation: BaySituation, policy: BayPolicy) -> list[list[Timeline]]:
    at_s = int(situation.at.timestamp())
    return [
        [raw_timeline(situation.places[name], policy.silence_s, at_s) for name in bay.sensors] for bay in policy.bays
    ]


def fitted(code: str) -> tuple[Availability, list[list[Timeline]]]:
    """Return a model of 42 days, and the timelines that go on for the two weeks it was not given."""
    found = fit(raws(*simulated(code, days=42)))
    assert found is not None
    return found, raws(*simulated(code, days=42 + HELD_OUT.days, at=AT + HELD_OUT))


@pytest.mark.parametrize("code", ["93048:livraisons", "92012:livraisons"])
def test_the_model_is_calibrated_and_beats_both_yardsticks_on_two_weeks_it_never_saw(code: str) -> None:
    model, bays = fitted(code)
    at_s = np.arange(int(AT.timestamp()), int((AT + HELD_OUT).timestamp()) - 3600, 600)
    for lead_min in LEADS_MIN:
        said = [model.chances(index, places, at_s, lead_min) for index, places in enumerate(bays)]
        truth = np.concatenate(
            [any_free(np.stack([timeline(p).occupied_at(at_s + lead_min * 60) for p in places])) for places in bays]
        )
        known = ~np.isnan(truth) & ~np.isnan(np.concatenate([one[Source.MODEL] for one in said]))
        brier = {
            source: float(np.mean((np.concatenate([one[source] for one in said])[known] - truth[known]) ** 2))
            for source in Source
        }
        assert brier[Source.MODEL] < min(brier[Source.PROFILE], brier[Source.PERSISTENCE])
        assert calibration_error(np.concatenate([one[Source.MODEL] for one in said])[known], truth[known]) < 0.06


def calibration_error(said: Floats, truth: Floats) -> float:
    """Return the mean distance between what is said and what happens, over ten bins of what is said."""
    bins = np.minimum((said * 10).astype(int), 9)
    return float(
        sum(abs(said[bins == b].mean() - truth[bins == b].mean()) * np.mean(bins == b) for b in np.unique(bins))
    )


def test_probabilities_lie_in_their_bounds_and_a_free_bay_has_no_fewer_chances() -> None:
    model, bays = fitted("93048:livraisons")
    now_s = np.array([int(AT.timestamp())])
    free, full = (
        [raw_timeline(runs_of([(int(now_s[0]) - 600, int(now_s[0]), state)]), 900, int(now_s[0]))] for state in (0, 1)
    )
    for lead_min in LEADS_MIN:
        chances = [model.chances(0, places, now_s, lead_min) for places in (free, full)]
        assert all(0 < one[source][0] < 1 for one in chances for source in Source)
        for source in Source:
            assert chances[0][source][0] >= chances[1][source][0]
    # The nearer, the more the present state tells.
    gaps = [
        model.chances(0, free, now_s, lead)[Source.MODEL][0] - model.chances(0, full, now_s, lead)[Source.MODEL][0]
        for lead in LEADS_MIN
    ]
    assert gaps[0] > max(gaps[1:])
    assert min(gaps) >= 0
    assert np.isnan(model.chances(0, bays[0], now_s + 86_400 * 365, 15)[Source.MODEL]).all()


def test_the_longer_a_vehicle_has_stayed_at_night_the_less_soon_it_leaves() -> None:
    model, _ = fitted("93048:livraisons")
    behaviour = model.behaviours[0]
    now_s = np.array([int(AT.timestamp())])
    parked, fresh = (
        behaviour.free_after(
            raw_timeline(runs_of([(int(now_s[0]) - age, int(now_s[0]), 1)]), 900, int(now_s[0])), now_s, 900
        )
        for age in (8 * 3600, 600)
    )
    assert 0 < parked[0] < 1
    assert parked[0] < fresh[0]


def test_two_places_are_free_more_often_than_either() -> None:
    states = np.array([[0.0, 1.0, np.nan, 1.0], [1.0, 1.0, 0.0, np.nan]])
    found = any_free(states)
    assert found[:3].tolist() == [1.0, 0.0, 1.0]
    assert np.isnan(found[3])


def test_a_yardstick_speaks_where_the_model_is_no_better() -> None:
    scores = {Source.MODEL: 0.2, Source.PROFILE: 0.2, Source.PERSISTENCE: 0.21}
    assert Judged(15, 10, 2, scores).spoken is Source.PROFILE
    assert Judged(15, 10, 2, {**scores, Source.MODEL: 0.19}).spoken is Source.MODEL
    assert Judged(15, 10, 2, {**scores, Source.PERSISTENCE: 0.1}).spoken is Source.PERSISTENCE


def test_too_short_a_history_has_no_model() -> None:
    assert fit(raws(*simulated(days=7))) is None
    assert fit(raws(*simulated(days=9))) is not None
