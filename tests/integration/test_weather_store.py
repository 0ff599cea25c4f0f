"""Forecasts of the weather in the store: kept once, read as of an instant, by whom it may."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import psycopg
import pytest
from psycopg import errors

from core.clock import Window
from core.store.pool import connected
from core.store.roles import Login, as_login
from core.store.weather import (
    prune_weather,
    read_first_weather,
    read_latest_weather,
    read_newest_weather,
    read_weather_issues,
    write_weather,
)
from core.weather import HOURS_MAX, VARIABLES, WeatherIssue
from models.weather import Weather

pytestmark = pytest.mark.integration
AT = datetime(2026, 3, 2, 6, tzinfo=UTC)
HOUR = timedelta(hours=1)


def issue(
    known_at: datetime = AT, commune: str = "93051", provider: str = "open-meteo", hours: int = 4
) -> WeatherIssue:
    values = np.arange(hours * len(VARIABLES), dtype=np.float64).reshape(hours, -1) / 8
    return WeatherIssue(commune, provider, known_at, known_at, known_at, values)


def known(issues: Sequence[WeatherIssue]) -> list[tuple[str, int]]:
    return [(one.commune_insee, (one.received_at - AT) // HOUR) for one in issues]


def test_what_is_kept_comes_back_as_it_was(database_url: str) -> None:
    values = np.full((HOURS_MAX, len(VARIABLES)), np.nan)
    values[5] = [-3.25, 0.5, 100, 2, 0.125, 1]
    sent = WeatherIssue("93051", "file", AT - 2 * HOUR, AT, AT - 3 * HOUR, values)
    with connected(database_url) as connection:
        assert write_weather(connection, [sent]) == 1
        [found] = read_weather_issues(connection, ["93051"], Window(AT, AT))
    assert np.array_equal(found.values, values, equal_nan=True)
    assert (found.commune_insee, found.provider) == ("93051", "file")
    assert (found.issued_at, found.received_at, found.start) == (sent.issued_at, sent.received_at, sent.start)


def test_an_issue_is_kept_once_and_never_changes(database_url: str) -> None:
    first = issue()
    with connected(database_url) as connection:
        assert write_weather(connection, [first, issue(commune="93066")]) == 2
        assert write_weather(connection, [replace(first, values=first.values + 1, received_at=AT + HOUR)]) == 0
        assert write_weather(connection, []) == 0
        found = read_latest_weather(connection, "93051", AT + 2 * HOUR)
    assert found is not None
    assert found.values.tolist() == first.values.tolist()
    assert found.received_at == AT


def test_a_window_has_what_became_known_in_it_and_what_was_known_at_its_start(database_url: str) -> None:
    with connected(database_url) as connection:
        every = [issue(AT + 6 * number * HOUR, commune) for number in range(5) for commune in ("93051", "93066")]
        write_weather(connection, [*every, issue(AT + 7 * HOUR, "75056")])
        communes = ["93051", "93066"]
        whole = read_weather_issues(connection, communes, Window(AT + 7 * HOUR, AT + 18 * HOUR))
        exact = read_weather_issues(connection, ["93051"], Window(AT + 6 * HOUR, AT + 12 * HOUR))
        early = read_weather_issues(connection, communes, Window(AT - 2 * HOUR, AT - HOUR))
        stale = read_weather_issues(connection, communes, Window(AT + 60 * 24 * HOUR, AT + 61 * 24 * HOUR))
    assert known(whole) == [(commune, hours) for hours in (6, 12, 18) for commune in communes]
    assert known(exact) == [("93051", 6), ("93051", 12)]
    assert (early, stale) == ([], [])


def test_the_newest_is_the_newest_known_at_an_instant(database_url: str) -> None:
    with connected(database_url) as connection:
        write_weather(connection, [issue(AT), issue(AT + 6 * HOUR)])
        found = [read_latest_weather(connection, "93051", AT + hours * HOUR) for hours in (-1, 0, 5, 6, 100)]
    assert [None if one is None else (one.received_at - AT) // HOUR for one in found] == [None, 0, 0, 6, 6]


def test_a_past_that_was_filled_in_later_was_not_known_meanwhile(database_url: str) -> None:
    with connected(database_url) as connection:
        write_weather(connection, [issue(AT)])
        write_weather(connection, [issue(AT + HOUR, provider="realised")], kept_at=AT + 48 * HOUR)
        before = read_weather_issues(connection, ["93051"], Window(AT, AT + 47 * HOUR))
        after = read_weather_issues(connection, ["93051"], Window(AT, AT + 48 * HOUR))
        shown = [read_latest_weather(connection, "93051", AT + hours * HOUR) for hours in (47, 48)]
    assert [one.provider for one in before] == ["open-meteo"]
    assert [one.provider for one in after] == ["open-meteo", "realised"]
    assert [one.provider for one in shown if one is not None] == ["open-meteo", "realised"]


def test_what_is_read_is_laid_side_by_side_for_models(database_url: str) -> None:
    with connected(database_url) as connection:
        write_weather(connection, [issue(AT), issue(AT, "93066"), issue(AT + 6 * HOUR), issue(AT + 6 * HOUR, "93066")])
        issues = read_weather_issues(connection, ["93051", "93066"], Window(AT, AT + 24 * HOUR))
    weather = Weather.of(issues)
    assert weather.places == ("93051", "93066")
    assert weather.values.shape == (2, 2, 4, len(VARIABLES))
    assert weather.values[1, 1].tolist() == issue().values.tolist()


def test_ages_are_told_by_provider_and_commune_and_old_issues_go(database_url: str) -> None:
    with connected(database_url) as connection:
        write_weather(connection, [issue(AT), issue(AT + HOUR), issue(AT + 2 * HOUR, provider="realised")])
        communes = ["93051", "93066"]
        assert read_newest_weather(connection, communes, "open-meteo") == {"93051": AT + HOUR}
        assert read_newest_weather(connection, communes, "station") == {}
        assert read_first_weather(connection, communes, but="realised") == {"93051": AT}
        assert prune_weather(connection, AT + HOUR) == 1
        assert read_first_weather(connection, communes, but="realised") == {"93051": AT + HOUR}


def test_the_store_refuses_what_is_no_issue(database_url: str) -> None:
    with connected(database_url) as connection:
        write_weather(connection, [issue()])
        for change in (
            "temperature_c = '{1,2}'",
            "cloud_ratio = '{1,2,3,NULL}'",
            "wind_ms = '{{1,2},{3,4}}'",
            "provider = 'Open Meteo'",
            "received_at = issued_at - interval '1 second'",
            "kept_at = received_at - interval '1 second'",
        ):
            with (
                pytest.raises((errors.CheckViolation, errors.FeatureNotSupported)),
                connection.transaction(),
            ):
                connection.execute(f"UPDATE weather_issue SET {change}")  # noqa: S608 - words of ours


def test_the_worker_keeps_and_lets_go_and_changes_nothing(database_url: str) -> None:
    with connected(as_login(database_url, Login.WORKER)) as connection:
        assert write_weather(connection, [issue()]) == 1
        assert prune_weather(connection, AT) == 0
        with pytest.raises(errors.InsufficientPrivilege), connection.transaction():
            connection.execute("UPDATE weather_issue SET provider = 'other'")


def test_nobody_else_writes_weather(database_url: str) -> None:
    for login in (Login.API, Login.INGEST, Login.DOOR):
        with psycopg.connect(as_login(database_url, login)) as connection, pytest.raises(errors.InsufficientPrivilege):
            write_weather(connection, [issue()])
