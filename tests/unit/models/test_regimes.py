from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from core.clock import PARIS
from models.features.calendar import calendar_of
from models.regimes import Regime, regimes

HOUR = timedelta(hours=1)


def regime_of(local: str) -> int:
    calendar = calendar_of(datetime.fromisoformat(local).replace(tzinfo=PARIS).astimezone(UTC), timedelta(hours=1), 1)
    return int(regimes(calendar, np.array([0]))[0])


@pytest.mark.parametrize(
    ("local", "regime"),
    [
        ("2026-03-12T05:59", Regime.NIGHT),
        ("2026-03-12T06:00", Regime.WORKING_DAY),
        ("2026-03-12T21:59", Regime.WORKING_DAY),
        ("2026-03-12T22:00", Regime.NIGHT),
        ("2026-03-14T12:00", Regime.OTHER_DAY),
        ("2026-03-14T23:00", Regime.NIGHT),
        ("2026-07-14T12:00", Regime.OTHER_DAY),
        ("2026-07-15T12:00", Regime.WORKING_DAY),
    ],
)
def test_each_hour_has_its_regime_in_local_time(local: str, regime: Regime) -> None:
    assert regime_of(local) == regime


def test_a_night_of_a_change_of_the_clocks_has_seven_hours_or_nine() -> None:
    for day, hours in ((29, 7), (30, 8)):
        start = datetime(2026, 3, day - 1, 12, tzinfo=PARIS).astimezone(UTC)
        night = regimes(calendar_of(start, HOUR, 24), np.arange(24)) == Regime.NIGHT
        assert night.sum() == hours
    start = datetime(2026, 10, 24, 12, tzinfo=PARIS).astimezone(UTC)
    assert (regimes(calendar_of(start, HOUR, 24), np.arange(24)) == Regime.NIGHT).sum() == 9
