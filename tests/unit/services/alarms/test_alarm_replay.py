"""Replays: readings that come shuffled, late and in pieces end in the same episodes as in order."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.alarms import Condition, Episode
from core.columns import Mask, to_microseconds
from core.quality.traces import DAY_US, HOUR_US, MINUTE_US
from core.readings import Flag, Quality
from services.alarms.conditions import CONDITIONS
from services.alarms.conditions.completeness import days_of_readings
from services.alarms.rhythm import Rhythm
from services.alarms.track import State, Track

INTERVAL_US = 10 * MINUTE_US
START_US = 8_000 * DAY_US
"""A winter's day of 2021."""


@dataclass(frozen=True)
class Asked:
    """A condition with parameters, on tracks of a kind."""

    condition: Condition
    parameters: Mapping[str, Any]
    metric: str = "noise_dba"
    interval_us: int = INTERVAL_US
    prepare: Callable[[Track], Track] = lambda track: track

    def episodes(self, track: Track, state: State) -> list[Episode]:
        """Return what the condition finds."""
        kind = CONDITIONS[self.condition]
        return kind.episodes(self.prepare(track), kind.parse(self.parameters), state)

    @property
    def lookback_us(self) -> int:
        """How far back a replay needs the readings."""
        kind = CONDITIONS[self.condition]
        return kind.lookback_us(kind.parse(self.parameters), self.metric, self.interval_us)


ASKED: dict[str, Asked] = {
    "threshold": Asked(Condition.THRESHOLD, {"raise": 6, "clear": 4}),
    "threshold that lasts": Asked(Condition.THRESHOLD, {"raise": 6, "clear": 4, "minutes": 30, "clear_minutes": 45}),
    "threshold below": Asked(
        Condition.THRESHOLD, {"side": "below", "raise": 3, "clear": 5, "minutes": 10, "clear_minutes": 20}
    ),
    "threshold of a mean": Asked(
        Condition.THRESHOLD, {"raise": 5, "clear": 4, "minutes": 20, "clear_minutes": 10, "mean_minutes": 60}
    ),
    "threshold by hours": Asked(
        Condition.THRESHOLD,
        {"raise": 5, "clear": 4, "minutes": 20, "clear_minutes": 10, "hours": [22, 6], "weekdays": [0, 2, 4, 6]},
    ),
    "rate": Asked(Condition.RATE, {"per_minute": 0.3, "minutes": 20}),
    "stuck": Asked(Condition.STUCK, {"minutes": 40}),
    "silence": Asked(Condition.SILENCE, {"factor": 1.5}),
    "expected": Asked(Condition.EXPECTED, {"margin_ratio": 0.25, "minutes": 30}),
    "will exceed": Asked(Condition.EXPECTED, {"will_exceed": 9, "chance": 0.6}, prepare=lambda t: _scaled(t, 0.1)),
}
SLOW: dict[str, Asked] = {
    "completeness": Asked(
        Condition.COMPLETENESS, {"ratio": 0.5, "days": 2}, interval_us=3 * HOUR_US, prepare=days_of_readings
    ),
    "stuck by its past": Asked(
        Condition.STUCK,
        {"minutes": None},
        "fill_ratio",
        interval_us=6 * HOUR_US,
        prepare=lambda track: _scaled(track, 0.099),
    ),
    "battery": Asked(Condition.BATTERY, {"empty": 0.1, "days": 30}, "battery_ratio", interval_us=DAY_US),
}


def _scaled(track: Track, factor: float) -> Track:
    return replace(track, value=track.value * factor)


@st.composite
def tracks(draw: st.DrawFn, asked: Asked, readings: int) -> Track:
    """Return readings that hold still, jump, flap, pause and are doubted."""
    count = draw(st.integers(1, readings))
    seed = draw(st.integers(0, 2**32 - 1))
    chance = np.random.default_rng(seed)
    steps = chance.choice([1, 1, 1, 1, 2, 3, 4, 9], count) * asked.interval_us
    jitter = chance.integers(0, asked.interval_us // 2, count) * draw(st.booleans())
    observed = START_US + np.cumsum(steps) + jitter
    wander = np.clip(np.cumsum(chance.choice([-2, -1, 0, 0, 0, 1, 2], count)) + 5, 0, 10).astype(np.float64)
    still = slice(draw(st.integers(0, count)), count - count // 4)
    wander[still] = wander[still][:1] if len(wander[still]) and draw(st.booleans()) else wander[still]
    value = np.where(chance.random(count) < draw(st.sampled_from([0.0, 0.2])), 10 - wander, wander)
    quality = chance.choice([0, 0, 0, 0, 0, 0, 0, int(Quality.SUSPECT), int(Quality.BAD)], count)
    flags = np.where(quality == int(Quality.BAD), chance.choice([0, int(Flag.STUCK)], count), 0)
    end_us = int(observed[-1]) + draw(st.integers(0, 12)) * asked.interval_us
    track = Track(asked.metric, observed, value, quality, flags, asked.interval_us, end_us)
    low = np.where(chance.random(count) < 0.1, np.nan, wander - 2)
    rhythm = Rhythm(observed[[0, -1]] + 1, np.array([4, 6]) * asked.interval_us)
    return replace(track, expected_low=low, expected_high=low + chance.integers(1, 4, count), rhythm=rhythm)


def heard(track: Track, known: Mask, from_us: int, asked: Asked, stored: list[Episode]) -> tuple[Track, State]:
    """Return what a replay is given: the readings of its lookback, and what is stored of it."""
    first_us = from_us - asked.lookback_us
    before = track.observed[known & (track.observed < first_us)]
    given = [one for one in stored if one.until is None or to_microseconds(one.until) >= first_us]
    return track.where(known & (track.observed >= first_us)), State(
        from_us, given, int(before[-1]) if len(before) else None
    )


def in_pieces(asked: Asked, track: Track, order: list[int]) -> list[Episode]:
    """Return the episodes after the readings came in pieces, one evaluation each; ``order``: of which piece each is."""
    known = np.zeros(len(track), dtype=np.bool_)
    pieces = np.resize(np.array(order), len(track))
    stored: list[Episode] = []
    end_us = START_US
    for piece in np.unique(pieces).tolist():
        new = pieces == piece
        known |= new
        # Our clock goes on: it is never before what was heard.
        end_us, former_us = max(int(track.observed[known][-1]), end_us), end_us
        if piece == pieces.max():
            end_us = track.end_us
        from_us = min(int(track.observed[new][0]), former_us)
        given, state = heard(replace(track, end_us=end_us), known, from_us, asked, stored)
        untouched = [one for one in stored if one not in state.known]
        stored = untouched + asked.episodes(given, state)
    return stored


orders = st.lists(st.integers(0, 4), min_size=1, max_size=40)


def check(name: str, asked: Asked, readings: int) -> None:
    @settings(max_examples=6_000 // readings, deadline=None)
    @given(tracks(asked, readings), orders)
    def same(track: Track, order: list[int]) -> None:
        whole = asked.episodes(track, State.none())
        assert in_pieces(asked, track, order) == whole, name
        # In order, cut once.
        half = [0] * (len(track) // 2) + [1] * (len(track) - len(track) // 2)
        assert in_pieces(asked, track, half) == whole, name

    same()


@pytest.mark.parametrize("name", ASKED)
def test_readings_in_pieces_and_late_end_in_the_same_episodes(name: str) -> None:
    check(name, ASKED[name], 120)


@pytest.mark.parametrize("name", SLOW)
def test_so_they_do_where_days_and_weeks_are_judged(name: str) -> None:
    check(name, SLOW[name], 260)


@pytest.mark.parametrize("name", [*ASKED, *SLOW])
def test_every_condition_finds_something_and_its_episodes_follow_each_other(name: str) -> None:
    asked = (ASKED | SLOW)[name]
    found: list[int] = []

    @settings(max_examples=40, deadline=None)
    @given(tracks(asked, 260))
    def orderly(track: Track) -> None:
        episodes = asked.episodes(track, State.none())
        found.append(len(episodes))
        for one, following in pairwise(episodes):
            assert one.until is not None
            assert one.until <= following.since
        for one in episodes:
            assert one.since <= one.confirmed_at
            assert one.until is None or one.since < one.until

    orderly()
    assert max(found) > 0, f"no track of these makes {name} raise"
