"""The mass balance: the exact step is conserved, turned around, and only ever helped by air."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ventilation_site import NOW, WITH_FAN, policy

from core.clock import PARIS
from services.decisions.ventilation.equipment import Steps, choices_of, march, moved_m3
from services.decisions.ventilation.source import CO2History, comparable_window, is_open, past_sources, spans_of
from services.decisions.ventilation.zone import Zone

ROOM = Zone(180.0, 425.0)
ppms, flows, sources = st.floats(380, 5000), st.floats(0, 4000), st.floats(0, 4e-4)


@given(ppms, flows, sources)
def test_a_step_conserves_mass(ppm: float, flow: float, source: float) -> None:
    # V dC = integral of 1e6 G - Q (C - C_out): summed over thousand small exact steps.
    seconds, parts = 900.0, 1000
    now, carried = ppm, 0.0
    for _ in range(parts):
        after = ROOM.after(now, source, flow, seconds / parts)
        carried += flow / 3600 * ((now + after) / 2 - 425.0) * seconds / parts
        now = after
    assert now == pytest.approx(ROOM.after(ppm, source, flow, seconds), abs=1e-6)
    assert 180.0 * (now - ppm) == pytest.approx(1e6 * source * seconds - carried, rel=1e-4, abs=0.5)


@given(ppms, flows, sources)
def test_the_source_is_found_again(ppm: float, flow: float, source: float) -> None:
    seconds = np.array([600.0])
    after = ROOM.after(ppm, source, flow, 600.0)
    found = ROOM.source(np.array([ppm, after]), np.array([flow]), seconds)
    assert found[0] == pytest.approx(source, abs=1e-9)


@given(ppms, flows, flows, sources)
def test_more_air_never_leaves_more_co2_in_a_room_above_outdoors(
    ppm: float, one: float, two: float, source: float
) -> None:
    low, high = sorted((one, two))
    start = max(ppm, 425.0)
    assert ROOM.after(start, source, high, 900) <= ROOM.after(start, source, low, 900) + 1e-9


@given(ppms, sources, st.floats(1, 2))
def test_a_higher_source_never_needs_less_air(ppm: float, source: float, more: float) -> None:
    assert ROOM.needed_m3_h(ppm, source * more, 1000, 900) >= ROOM.needed_m3_h(ppm, source, 1000, 900)


def test_what_is_needed_just_holds_the_limit() -> None:
    needed = ROOM.needed_m3_h(950, 9e-5, 1000, 900)
    assert 0 < needed < 30 * 180
    assert ROOM.after(950, 9e-5, needed, 900) <= 1000 < ROOM.after(950, 9e-5, needed - 1, 900)
    assert ROOM.needed_m3_h(500, 1e-6, 1000, 900) == 0
    with pytest.raises(ValueError, match="no flow brings 425 ppm"):
        ROOM.needed_m3_h(500, 1e-6, 425, 900)


@given(ppms, st.lists(sources, min_size=24, max_size=24), st.integers(0, 5))
def test_the_march_and_the_grid_take_the_same_steps(ppm: float, row: list[float], pick: int) -> None:
    steps = Steps.of(WITH_FAN, WITH_FAN.zone(425.0))
    path = march(steps, ppm, np.array(row), [pick] * 24)
    for quarter, source in enumerate(row):
        at = path.ppm[quarter : quarter + 1]
        assert steps.ends(at, source)[pick, 0] == pytest.approx(path.ppm[quarter + 1])
        assert steps.peaks(at, source)[pick, 0] == pytest.approx(path.peaks_ppm[quarter])


def test_choices_rise_with_the_air_they_move() -> None:
    choices = choices_of(WITH_FAN)
    moved = [moved_m3(WITH_FAN, choice) for choice in choices]
    assert len(choices) == 6
    assert moved == sorted(moved)
    assert moved[-1] == pytest.approx(500 / 4 + 900 / 6)


def test_the_past_gives_back_the_people_who_were_there() -> None:
    school = policy(WITH_FAN)
    start = NOW - timedelta(days=28)
    at_s = np.arange(start.timestamp(), NOW.timestamp(), 600.0)
    zone, ppm, told = WITH_FAN.zone(425.0), [430.0], 6e-5
    for second in at_s[:-1]:
        instant = datetime.fromtimestamp(second, tz=UTC)
        flow = WITH_FAN.leak_m3_h + 250.0 * is_open(school, instant)
        source = told if 9 <= instant.astimezone(PARIS).hour < 11 else 0.0
        ppm.append(zone.after(ppm[-1], source, flow, 600.0))
    compared = comparable_window(school, NOW)
    found = past_sources(school, WITH_FAN, CO2History(at_s, np.array(ppm)), compared)
    # Mondays, Tuesdays, Thursdays and Fridays since the autumn holidays, without the day itself.
    assert len(found[0]) == len(compared[0]) == 13
    assert {instant.astimezone(PARIS).weekday() for instant in compared[0]} == {0, 1, 3, 4}
    assert np.allclose(found[2], told, rtol=0.02)
    assert np.allclose(found[12], 0.0, atol=1e-7)


def test_only_what_is_compared_is_read() -> None:
    compared = comparable_window(policy(WITH_FAN), NOW)
    spans = spans_of(compared)
    assert len(spans) == 13
    assert all(
        any(at in span and at + timedelta(minutes=40) in span for span in spans) for row in compared for at in row
    )
    assert sum((span.length for span in spans), timedelta()) == 13 * timedelta(hours=7)


def test_what_was_not_observed_stays_missing() -> None:
    school = policy(WITH_FAN)
    compared = comparable_window(school, NOW)
    gap = np.array([(NOW - timedelta(days=1)).timestamp(), NOW.timestamp()])
    assert past_sources(school, WITH_FAN, CO2History(gap, np.array([500.0, 900.0])), compared) == ((),) * 24
    none = CO2History(np.array([]), np.array([]))
    assert past_sources(school, WITH_FAN, none, compared) == ((),) * 24


def test_comparable_days_keep_the_local_quarter_over_a_change_of_clocks() -> None:
    # On 27 October 2025 Paris is an hour nearer to UTC than the week before; the library is open on Mondays here.
    library = policy(WITH_FAN).__class__((WITH_FAN,), 9, 19, (0, 1, 2, 3, 4))
    now = datetime(2025, 10, 27, 9, 0, tzinfo=UTC)
    compared = comparable_window(library, now)
    assert {instant.astimezone(PARIS).hour for instant in compared[0]} == {10}
    assert {instant.hour for instant in compared[0]} == {8}
