"""Silence of a sensor and of one of its channels, with a lane that may be silent itself."""

from __future__ import annotations

import numpy as np
import pytest

from core.alarms import Episode
from core.columns import from_microseconds, to_microseconds
from core.quality.traces import HOUR_US, MINUTE_US
from services.alarms.conditions.parameters import Silence
from services.alarms.silence import channel_episodes, sensor_episodes, united
from services.alarms.track import State, Track

RULE, ALL = Silence(), State.none()
FROM = 10**15
"""Somewhere in 2031."""


def track(minutes: list[float], *, every: int = 10, end: float = 600) -> Track:
    """Return a channel that was heard at these minutes."""
    times = np.array([FROM + round(one * MINUTE_US) for one in minutes], dtype=np.int64)
    plain = Track.plain("co2_ppm", times, np.zeros(len(times)), every * MINUTE_US)
    return Track(**{name: getattr(plain, name) for name in Track.__slots__} | {"end_us": FROM + round(end * MINUTE_US)})


def minutes(found: list[Episode]) -> list[tuple[float, float | None, float]]:
    """Return episodes as minutes: since, until, confirmed."""

    def of(instant: object) -> float:
        return (to_microseconds(instant) - FROM) / MINUTE_US  # type: ignore[arg-type]

    return [(of(one.since), None if one.until is None else of(one.until), of(one.confirmed_at)) for one in found]


def node(*channels: Track) -> Track:
    return united(channels, FROM)


def test_a_sensor_is_silent_when_none_of_its_channels_is_heard() -> None:
    co2, battery = track([0, 10, 20, 300]), track([5, 200], every=1_440)
    assert minutes(sensor_episodes(node(co2, battery), RULE, ALL, [])) == [
        (20, 200, 50),
        (200, 300, 230),
        (300, None, 330),
    ]


def test_a_channel_is_silent_while_its_node_is_heard_twice_an_interval_apart() -> None:
    co2 = track([*range(0, 200, 10)], end=200)
    temperature = track([0, 10, 20], end=200)
    assert minutes(channel_episodes(temperature, node(co2, temperature), RULE, ALL)) == [(20, None, 60)]


@pytest.mark.parametrize("again", [[300.0], [300.0, 305.0]])
def test_a_node_that_comes_back_says_nothing_of_a_channel_a_moment_later(again: list[float]) -> None:
    co2, temperature = track([0, 10, 20, *again]), track([0, 10, 20, 308])
    assert channel_episodes(temperature, node(co2, temperature), RULE, ALL) == []


def test_time_in_which_the_lane_was_silent_does_not_count() -> None:
    co2 = node(track([0, 10, 100], end=100))
    lane = (FROM + 15 * MINUTE_US, FROM + 90 * MINUTE_US)
    assert minutes(sensor_episodes(co2, RULE, ALL, [])) == [(10, 100, 40)]
    assert sensor_episodes(co2, RULE, ALL, [lane]) == []
    longer = node(track([0, 10, 140], end=140))
    assert minutes(sensor_episodes(longer, RULE, ALL, [lane])) == [(10, 140, 115)]
    before = (FROM - HOUR_US, FROM)
    assert minutes(sensor_episodes(co2, RULE, ALL, [before])) == [(10, 100, 40)]


def test_what_was_known_of_a_channel_stays_where_its_node_is_not_read_again() -> None:
    late = State(FROM + 500 * MINUTE_US, [_known()], FROM + 20 * MINUTE_US)
    co2, temperature = track([*range(470, 520, 10)], end=520), track([510], end=520)
    united_late = united([co2, temperature], FROM + 500 * MINUTE_US)
    assert minutes(channel_episodes(temperature, united_late, RULE, late)) == [(20, 510, 60)]


def _known() -> Episode:
    since, confirmed = FROM + 20 * MINUTE_US, FROM + 60 * MINUTE_US
    return Episode(from_microseconds(since), None, from_microseconds(confirmed))
