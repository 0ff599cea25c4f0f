from __future__ import annotations

import pytest

from core.model_life import SAID_MAX, Better
from core.scores import Duel
from services.promotion import Verdict, figures, verdict

BETTER = Duel(days=3, days_lost=1, series=2, steps=400, pinball=98.9, pinball_other=100.0, within_90=360)


@pytest.mark.parametrize(
    ("duel", "said"),
    [
        (BETTER, Verdict.PROMOTED),
        (Duel(2, 0, 2, 400, 98.9, 100.0, 360), Verdict.UNDECIDED),
        (Duel(3, 0, 2, 399, 98.9, 100.0, 360), Verdict.UNDECIDED),
        (Duel(3, 0, 2, 400, 99.1, 100.0, 360), Verdict.UNDECIDED),
        (Duel(3, 0, 2, 400, 98.9, 100.0, 340), Verdict.PROMOTED),
        (Duel(3, 0, 2, 400, 98.9, 100.0, 339), Verdict.UNDECIDED),
        (Duel(3, 0, 2, 400, 98.9, 100.0, 380), Verdict.PROMOTED),
        (Duel(3, 0, 2, 400, 98.9, 100.0, 381), Verdict.UNDECIDED),
        (Duel(6, 0, 2, 4000, 101.0, 100.0, 3600), Verdict.UNDECIDED),
        (Duel(7, 0, 2, 4000, 101.0, 100.0, 3600), Verdict.DROPPED),
        (Duel(7, 0, 2, 4000, 99.5, 100.0, 3600), Verdict.UNDECIDED),
        (Duel(0, 0, 0, 0, 0.0, 0.0, 0), Verdict.UNDECIDED),
    ],
)
def test_a_challenger_speaks_when_it_is_better_by_enough_on_enough_and_keeps_its_promise(
    duel: Duel, said: Verdict
) -> None:
    assert verdict(duel) is said


def test_the_reason_is_kept_in_figures() -> None:
    kept = figures(BETTER, 7).why()
    assert len(kept) < SAID_MAX
    assert Better.read(kept) == Better(gain=0.011, held_90=0.9, champion=7, steps=400, series=2, days=3)
