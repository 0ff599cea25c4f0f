"""Peers run on our folds where they are installed: the right shapes, ordered quantiles, nothing of the future."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
from made_up_histories import loads_history

from core.forecasts import QUANTILES
from core.weather import VARIABLES, WeatherIssue
from models.backtest import Fitted
from models.history import History, Surroundings
from models.peers import PEERS
from models.peers.frame import filled, known_weather
from models.weather import Weather

DAY = timedelta(days=1)
ISSUED_H = 72


@pytest.fixture(scope="module")
def history() -> History:
    """Return two loads with gaps, and an issue of the weather each midnight whose temperature counts its own hours."""
    whole = loads_history(2, 63)
    values = whole.values.copy()
    values[0, 500:505] = np.nan
    issues = []
    for day in range(64):
        told = np.full((ISSUED_H, len(VARIABLES)), np.nan)
        told[:, 0] = day * 1000 + np.arange(ISSUED_H)
        at = whole.start + day * DAY
        issues.append(WeatherIssue("75056", "file", at, at, at, told))
    around = Surroundings(("a", "b"), ("75056", "75056"), Weather.of(issues))
    return replace(whole, values=values, around=around)


def test_gaps_are_filled_by_what_came_before() -> None:
    values = np.array([[np.nan, 1, np.nan, np.nan, 3], [np.nan] * 5])
    np.testing.assert_array_equal(filled(values), [[1, 1, 1, 1, 3], [0, 0, 0, 0, 0]])


def test_peers_are_given_the_weather_as_it_was_known(history: History) -> None:
    known = history.until(history.start + 40 * DAY + timedelta(hours=6))
    told = known_weather(known, known.length - 7, known.length + 4)
    assert list(told) == ["temperature_c"]
    # Of what has passed, what was forecast at last; of what comes, the issue of this midnight.
    np.testing.assert_array_equal(told["temperature_c"][0, :2], [39_023, 40_000])
    np.testing.assert_array_equal(told["temperature_c"][1, -4:], 40_000 + np.arange(6, 10))


def test_without_weather_peers_are_given_none(history: History) -> None:
    assert known_weather(replace(history, around=None), 0, 10) == {}


@pytest.fixture(params=["mlforecast", "skforecast", "openstef"])
def fitted(request: pytest.FixtureRequest, history: History) -> Iterator[Fitted]:
    """Fit a peer; its own warnings are its own."""
    peer = PEERS[request.param]
    if not peer.is_installed:
        pytest.skip(f"{request.param} is not installed: it is asked for by ./run bench forecast --peer")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield peer.forecaster.fit(history.until(history.start + 56 * DAY))


def test_a_peer_says_ordered_quantiles_of_every_series_from_what_was_known(fitted: Fitted, history: History) -> None:
    at = history.start + 58 * DAY
    later = history.values.copy()
    later[:, history.index_of(at) :] *= 9
    said = fitted.quantiles(history.until(at))
    again = fitted.quantiles(replace(history, values=later).until(at))
    assert said.shape == (2, history.plan.steps, len(QUANTILES))
    assert (np.diff(said, axis=2) >= 0).all()
    np.testing.assert_array_equal(said, again)
    typical = np.nanmedian(history.values, axis=1)
    assert (np.abs(said[:, :, QUANTILES.index(0.5)].mean(axis=1) - typical) < 2 * typical).all()


def test_every_peer_is_known_by_the_name_it_gives_itself() -> None:
    assert [peer.forecaster.name for peer in PEERS.values()] == list(PEERS)
