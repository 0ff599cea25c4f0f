"""Debouncing, silences and the rule, on hand-made runs and on arbitrary ones."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from simulated_bays import SIMULATED, runs_of, simulated, simulated_runs

from services.decisions.bays.policy import Bay
from services.decisions.bays.situation import PlaceRuns
from services.decisions.bays.timeline import Timeline, raw_timeline, timeline
from services.decisions.bays.usage import dwell, judged_s, week_use

SILENCE_S = 900
BAY = Bay("mairie", "Mairie", ("a",), max_stay_min=30)
# Tuesday 3 March 2026, 09:00 in Paris.
T0 = int(datetime(2026, 3, 3, 8, 0, tzinfo=UTC).timestamp())


def stays_of(rows: list[tuple[int, int, int]], at: int) -> list[tuple[int, int, bool]]:
    found = timeline(raw_timeline(runs_of(rows), SILENCE_S, at)).stays()
    columns = (found.start_s.tolist(), found.end_s.tolist(), found.complete.tolist())
    return list(zip(*columns, strict=True))


def test_a_gap_of_44_s_is_filled_and_one_of_45_s_is_not() -> None:
    for gap_s, expected in ((44, [(300, 1244, True)]), (45, [(300, 600, True), (645, 1245, True)])):
        back = 600 + gap_s
        rows = [(0, 290, 0), (300, 590, 1), (600, 600 + gap_s - 1, 0), (back, back + 590, 1), (back + 600, 1400, 0)]
        assert stays_of(rows, 1400) == expected


def test_a_stay_of_59_s_is_dropped_and_one_of_60_s_is_not() -> None:
    for length_s, expected in ((59, []), (60, [(300, 360, True)])):
        rows = [(0, 290, 0), (300, 300 + length_s - 1, 1), (300 + length_s, 700, 0)]
        assert stays_of(rows, 700) == expected


def test_silence_over_three_heartbeats_splits_a_stay_and_leaves_its_ends_open() -> None:
    kept = [(0, 0, 0), (300, 600, 1), (1501, 1800, 1), (1900, 2000, 0)]
    assert stays_of(kept, 2000) == [(300, 601, False), (1501, 1900, False)]
    heard = [(0, 0, 0), (300, 600, 1), (1500, 1800, 1), (1900, 2000, 0)]
    assert stays_of(heard, 2000) == [(300, 1900, True)]


def test_a_stay_over_a_day_is_unknown() -> None:
    beats = [(0, 100, 0), (200, 200 + 86_401, 1), (200 + 86_402, 90_000, 0)]
    assert stays_of(beats, 90_000) == []
    raw = raw_timeline(runs_of(beats), SILENCE_S, 90_000)
    assert np.isnan(timeline(raw).occupied_at(np.array([40_000]))).all()
    shorter = [(0, 100, 0), (200, 200 + 86_399, 1), (200 + 86_400, 90_000, 0)]
    assert stays_of(shorter, 90_000) == [(200, 86_600, True)]


def test_the_state_now_holds_for_three_heartbeats_only() -> None:
    now = np.array([1000])
    assert raw_timeline(runs_of([(0, 100, 1)]), SILENCE_S, 1000).occupied_at(now).tolist() == [1.0]
    late = np.array([1001])
    assert np.isnan(raw_timeline(runs_of([(0, 100, 1)]), SILENCE_S, 1001).occupied_at(late)).all()


@st.composite
def any_runs(draw: st.DrawFn) -> PlaceRuns:
    steps = draw(
        st.lists(st.tuples(st.integers(0, 4000), st.integers(1, 4000), st.integers(0, 1)), min_size=1, max_size=40)
    )
    rows, at = [], 0
    for lasts, gap, state in steps:
        rows.append((at, at + lasts, state))
        at += lasts + gap
    return runs_of(rows)


def slow_states(runs: PlaceRuns, at: int) -> dict[int, int]:
    """Return the raw state of every tenth second, found by looking at each run: no arrays, no cleverness."""
    states = {}
    rows = list(zip(runs.start_s.tolist(), runs.seen_s.tolist(), runs.occupied.tolist(), strict=True))
    for place, (start, seen, state) in enumerate(rows):
        following = rows[place + 1][0] if place + 1 < len(rows) else at + 1
        end = following if following - seen <= SILENCE_S else seen + 1
        states.update(dict.fromkeys(range(start + -start % 10, end, 10), state))
    return states


@given(any_runs())
def test_raw_states_are_what_each_run_says_and_stays_are_in_order_and_long_enough(runs: PlaceRuns) -> None:
    at = int(runs.seen_s[-1])
    raw = raw_timeline(runs, SILENCE_S, at)
    grid = np.arange(0, at + 1, 10)
    expected = slow_states(runs, at)
    assert [None if np.isnan(s) else int(s) for s in raw.occupied_at(grid)] == [expected.get(t) for t in grid.tolist()]
    stays = timeline(raw).stays()
    assert np.all(stays.start_s[1:] >= stays.end_s[:-1])
    assert np.all(stays.length_s[stays.complete] >= 60)
    assert np.all(stays.length_s <= 86_400)
    use = week_use(timeline(raw))
    assert use.occupied_s.sum() == stays.length_s.sum()
    assert np.all(use.occupied_s <= use.known_s)


def test_simulated_stays_come_back_as_they_were_made() -> None:
    situation, _ = simulated(days=6)
    name = "sim-93048-livraison-mairie-bay-1"
    stays = timeline(raw_timeline(situation.places[name], SILENCE_S, int(situation.at.timestamp()))).stays()
    made = {
        tuple(stay)
        for day in range(1, 6)
        for stay in SIMULATED[name].sessions(1, situation.since.toordinal() + day).tolist()
    }
    seen = set(zip(stays.start_s.tolist(), stays.end_s.tolist(), strict=True))
    # A gap of under 45 s is filled, so that a few stays became one.
    assert len(made & seen) > 0.95 * len(made)


def _line(rows: list[tuple[int, int]]) -> Timeline:
    """Return the timeline of stays given in minutes after 09:00, free around them."""
    edges = [T0 - 36_000]
    for start, end in rows:
        edges += [T0 + start * 60, T0 + end * 60]
    edges.append(T0 + 40 * 3600)
    states = np.arange(len(edges) - 1) % 2
    return Timeline(np.array(edges[:-1]), np.array(edges[1:]), states)


def test_a_stay_is_judged_while_the_rule_holds() -> None:
    # 09:00 to 09:40; 19:50 to 21:00, of which ten minutes are regulated; 22:00 to 07:15 of which fifteen.
    stays = _line([(0, 40), (650, 720), (780, 1335)]).stays()
    assert (judged_s(BAY, stays) / 60).tolist() == [40, 10, 15]
    market = Bay("marche", "Marché", ("a",), market_days=(2,))
    assert (judged_s(market, stays) / 60).tolist() == [0, 0, 15]


def test_overstays_are_counted_and_thin_figures_are_not_published() -> None:
    place = _line([(n * 60, n * 60 + length) for n, length in enumerate((10, 20, 30, 31, 45))])
    found = dwell(BAY, [place])
    assert (found.stays, found.judged, found.over) == (5, 5, 2)
    assert (found.median_min, found.over_ratio) == (30.0, 0.4)
    assert found.over_median_min is None
    assert set(found.histogram) == {None}
    thin = dwell(BAY, [_line([(n * 60, n * 60 + 20) for n in range(4)])])
    assert (thin.median_min, thin.over_ratio, thin.leech_ratio) == (None, None, None)


def test_cells_of_fewer_than_five_stays_are_not_published() -> None:
    runs = simulated_runs(
        "sim-93048-livraison-mairie-bay-1", datetime(2026, 3, 2, tzinfo=UTC), datetime(2026, 3, 16, tzinfo=UTC)
    )
    use = week_use(timeline(raw_timeline(runs, SILENCE_S, int(runs.seen_s[-1]))))
    published = use.published()
    assert {share is None for share in published} == {True, False}
    assert [share is None for share in published] == [stays < 5 for stays in use.stays.tolist()]
