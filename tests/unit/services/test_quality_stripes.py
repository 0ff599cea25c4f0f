from __future__ import annotations

import numpy as np
import pytest

from services.past_forecasts import gain_range
from services.quality_strip import ByStep, Stripe, stripe_of


def step(count: int, good: int, slots: int, due: float) -> ByStep:
    return ByStep(np.array([count]), np.array([good]), np.array([slots]), np.array([due]))


@pytest.mark.parametrize(
    ("each", "expected"),
    [
        ([step(6, 6, 6, 6)], Stripe.GOOD),
        ([step(5, 5, 5, 6)], Stripe.GOOD),
        ([step(4, 4, 4, 6)], Stripe.MISSING),
        ([step(6, 6, 6, 6), step(0, 0, 0, 6)], Stripe.MISSING),
        ([step(6, 5, 6, 6)], Stripe.SUSPECT),
        ([step(0, 0, 0, 0)], Stripe.NONE),
        ([step(0, 0, 0, 0.25)], Stripe.NONE),
        ([], Stripe.NONE),
    ],
)
def test_a_step_is_what_is_worst_of_it(each: list[ByStep], expected: Stripe) -> None:
    assert stripe_of(each, 0, is_refused=False) is expected
    assert stripe_of(each, 0, is_refused=True) is Stripe.REFUSED


def test_the_gain_has_a_range_that_holds_it_and_none_of_few_days() -> None:
    naive = np.linspace(8, 12, 30)
    losses = np.column_stack((naive * np.where(np.arange(30) % 2, 0.5, 0.7), naive))
    found = gain_range(losses)
    assert found is not None
    assert found[0] < 1 - losses[:, 0].sum() / losses[:, 1].sum() < found[1]
    assert found == gain_range(losses)
    assert gain_range(losses[:6]) is None
    assert gain_range(np.zeros((30, 2))) is None
