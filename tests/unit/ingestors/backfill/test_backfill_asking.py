from __future__ import annotations

from datetime import UTC, datetime, timedelta

from core.clock import Window
from core.store.gaps import Gap
from ingestors.backfill.asking import CLOCKS_APART, SETTLED, STORED, windows_worth_asking

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def gap(after_min: float, before_min: float) -> Gap:
    """Return a gap between two instants, in minutes before now."""
    return Gap(1, "AXPoziFRvbcEguvZQoCCZw==", 5, 6, NOW - after_min * MINUTE, NOW - before_min * MINUTE)


def window(start_min: float, end_min: float) -> Window:
    return Window(NOW - start_min * MINUTE - CLOCKS_APART, NOW - end_min * MINUTE + CLOCKS_APART)


def test_a_settled_gap_is_worth_asking_and_a_young_one_not_yet() -> None:
    settled = SETTLED / MINUTE
    assert windows_worth_asking([gap(60, settled)], [], NOW) == [window(60, settled)]
    assert windows_worth_asking([gap(60, settled - 0.1)], [], NOW) == []


def test_a_gap_that_the_store_no_longer_has_is_not_asked() -> None:
    stored = STORED / MINUTE
    assert windows_worth_asking([gap(stored, 60)], [], NOW) == [window(stored, 60)]
    assert windows_worth_asking([gap(stored + 1, 60)], [], NOW) == []


def test_a_gap_is_asked_once() -> None:
    assert windows_worth_asking([gap(60, 30)], [window(60, 30)], NOW) == []
    half = Window(NOW - 60 * MINUTE, NOW - 31 * MINUTE)
    assert windows_worth_asking([gap(60, 30)], [half], NOW) == [window(60, 30)]


def test_gaps_that_touch_are_asked_together() -> None:
    gaps = [gap(300, 290), gap(60, 30), gap(50, 20), gap(55, 45)]
    assert windows_worth_asking(gaps, [], NOW) == [window(300, 290), window(60, 20)]
