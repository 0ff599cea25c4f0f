"""What a station's last day says of the next ones."""

from __future__ import annotations

import numpy as np
import pytest

from core.weather import VARIABLES
from services.weather.station import LOOKED_BACK_H, day_again

TEMPERATURE, HUMIDITY = VARIABLES.index("temperature_c"), VARIABLES.index("humidity_ratio")


def measured() -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    """Two days of temperature: the hour's number, and two degrees more on the second day."""
    hours = np.full((LOOKED_BACK_H, len(VARIABLES)), np.nan)
    hours[:, TEMPERATURE] = np.tile(np.arange(24.0), 2) + np.repeat([0.0, 2.0], 24)
    return hours


def test_the_last_day_comes_again_with_what_changed_since() -> None:
    ahead = day_again(measured(), 50)[:, TEMPERATURE]
    # An hour measured a day ago has all of the change before it, one of a moment ago next to none.
    assert ahead[0] == pytest.approx(0 + 2 + 2)
    assert ahead[12] == pytest.approx(12 + 2 + 1)
    assert ahead[23] == pytest.approx(23 + 2 + 2 / 24)
    assert ahead[24:48].tolist() == ahead[:24].tolist()
    assert len(ahead) == 50


def test_the_same_day_twice_comes_as_it_was() -> None:
    hours = measured()
    hours[24:, TEMPERATURE] -= 2
    assert day_again(hours, 24)[:, TEMPERATURE] == pytest.approx(np.arange(24.0))


def test_hours_that_are_not_told_yet_are_yesterdays_with_the_change() -> None:
    hours = measured()
    hours[46:, TEMPERATURE] = np.nan
    whole, late = day_again(measured(), 24), day_again(hours, 24)
    assert late[:, TEMPERATURE] == pytest.approx(whole[:, TEMPERATURE])


def test_a_hole_stays_one() -> None:
    hours = measured()
    hours[30, TEMPERATURE] = np.nan
    ahead = day_again(hours, 48)[:, TEMPERATURE]
    assert np.flatnonzero(np.isnan(ahead)).tolist() == [6, 30]


@pytest.mark.parametrize(("known", "says"), [(11, False), (12, True)])
def test_a_station_that_told_too_little_says_nothing(known: int, says: bool) -> None:  # noqa: FBT001 - a case
    hours = measured()
    hours[24 + known :, TEMPERATURE] = np.nan
    assert np.isfinite(day_again(hours, 24)[:, TEMPERATURE]).any() == says


def test_what_was_not_measured_the_day_before_gives_no_change_and_no_word() -> None:
    hours = measured()
    hours[:24, TEMPERATURE] = np.nan
    assert np.isnan(day_again(hours, 24)).all()


def test_humidity_stays_a_ratio() -> None:
    hours = measured()
    hours[:, HUMIDITY] = np.repeat([0.5, 0.95], 24)
    ahead = day_again(hours, 24)[:, HUMIDITY]
    assert ahead.max() == 1
    assert ahead.min() >= 0.95
