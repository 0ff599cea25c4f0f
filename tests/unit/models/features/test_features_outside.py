from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import numpy as np
from made_up_histories import START, building_loads, history_of

from core.weather import VARIABLES, WeatherIssue
from models.features.outside import WEATHER_COLUMNS
from models.features.rows import Rows, rows_of_origin
from models.features.table import FEATURE_NAMES, feature_table
from models.history import Floats, History, Surroundings
from models.weather import Weather

DAYS = 20
HOUR = timedelta(hours=1)


def issue(day: int, offset: float = 0.0, commune: str = "x") -> WeatherIssue:
    """Return the 72 hours from a midnight: temperature is the hour since START, and an offset."""
    values = np.full((72, len(VARIABLES)), np.nan)
    values[:, VARIABLES.index("temperature_c")] = day * 24 + np.arange(72) + offset
    at = START + timedelta(days=day)
    return WeatherIssue(commune, "file", at, at, at, values)


def history(issues: list[WeatherIssue], communes: tuple[str, ...] = ("x",)) -> History:
    around = Surroundings(tuple("s" * len(communes)), communes, Weather.of(issues))
    return replace(history_of(building_loads(len(communes), DAYS)), around=around)


def column(history: History, rows: Rows, name: str) -> Floats:
    return feature_table(history, rows).matrix[:, FEATURE_NAMES.index(name)].astype(np.float64)


def every_day() -> list[WeatherIssue]:
    return [issue(day) for day in range(DAYS)]


def test_the_weather_of_the_target_and_how_it_differs_from_a_day_and_a_week_ago() -> None:
    known = history(every_day())
    rows = rows_of_origin(known, 15 * 24 + 6)
    np.testing.assert_array_equal(column(known, rows, "temperature"), 15 * 24 + 6 + np.arange(48))
    assert set(column(known, rows, "temperature_change_d1")) == {24}
    assert set(column(known, rows, "temperature_change_d7")) == {168}
    np.testing.assert_allclose(column(known, rows, "temperature_24h"), 15 * 24 + 6 + np.arange(48) - 10.5)


def test_an_issue_that_was_not_known_at_the_origin_changes_nothing() -> None:
    later = [issue(day, offset=50.0) for day in range(16, DAYS)]
    known, told = history(every_day()[:16]), history([*every_day()[:16], *later])
    rows = rows_of_origin(known, 15 * 24 + 6)
    np.testing.assert_array_equal(feature_table(known, rows).matrix, feature_table(told, rows).matrix)
    after = rows_of_origin(known, 16 * 24)
    assert (column(told, after, "temperature") - column(history(every_day()), after, "temperature") == 50).all()


def test_each_commune_has_its_own_weather_and_one_without_any_has_none() -> None:
    warm = [issue(day, offset=9.0, commune="y") for day in range(DAYS)]
    known = history([*every_day(), *warm], ("x", "y", "z"))
    told = column(known, rows_of_origin(known, 15 * 24), "temperature").reshape(3, 48)
    assert (told[1] - told[0] == 9).all()
    assert np.isnan(told[2]).all()


def test_a_blind_row_and_a_history_without_weather_see_none() -> None:
    known = history(every_day())
    rows = replace(rows_of_origin(known, 15 * 24), blind=np.arange(48) < 24)
    unseen = np.isnan(column(known, rows, "temperature"))
    assert unseen[:24].all()
    assert not unseen[24:].any()
    bare = history([])
    places = [FEATURE_NAMES.index(name) for name in WEATHER_COLUMNS]
    assert np.isnan(feature_table(bare, rows_of_origin(bare, 15 * 24)).matrix[:, places]).all()
