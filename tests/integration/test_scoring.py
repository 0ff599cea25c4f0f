"""Scores on a real database: summed as by hand, once, whoever works; what they teach holds from an instant on."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

import pytest
from scoring_town import (
    DAY,
    HOUR,
    NOW,
    POWER,
    STEPS,
    load_kw,
    pinball_by_hand,
    write_buildings,
    write_issue,
    write_loads,
)

from core.clock import PARIS
from core.scores import ScoredBy
from core.settings import WorkerSettings
from core.store.pool import Connection, Pool, connected, open_pool
from core.store.roles import Login, as_login
from core.store.scores import read_speaking, read_sums, read_trends
from services.scoring import score_forecasts

pytestmark = pytest.mark.integration
COMMUNES = ("93051", "93051", "93048")
BUCKETS = (0, 1, 3, 6, 12, 24)


@pytest.fixture
def settings(database_url: str, monkeypatch: pytest.MonkeyPatch) -> WorkerSettings:
    monkeypatch.setenv("VIGIE_DATABASE_URL", as_login(database_url, Login.WORKER))
    return WorkerSettings.from_environment()


@pytest.fixture
def pool(settings: WorkerSettings) -> Iterator[Pool]:
    with open_pool(settings.dsn, 4) as pool:
        yield pool


def figures_by_hand(connection: Connection, missing: datetime) -> dict[tuple[int, str, int, int], list[float]]:
    """Sum the issued steps in plain Python: by series, local day, bucket and regime."""
    sums: dict[tuple[int, str, int, int], list[float]] = {}
    rows = connection.execute(
        "SELECT series_id, issued_at, valid_at, p05, p10, p25, p50, p75, p90, p95, naive FROM forecast_step"
    ).fetchall()
    for series_id, issued_at, valid_at, *said in rows:
        if valid_at == missing:
            continue
        *quantiles, naive = said
        truth, local = load_kw(series_id, valid_at), valid_at.astimezone(PARIS)
        lead_h = (valid_at - issued_at.replace(minute=0)) / HOUR
        bucket = max(start for start in BUCKETS if start <= lead_h)
        night = not 6 <= local.hour < 22
        regime = 0 if night else 1 if local.weekday() < 5 else 2
        held = sums.setdefault((series_id, local.date().isoformat(), bucket, regime), [0] * 6)
        held[0] += 1
        held[1] += pinball_by_hand(truth, quantiles)
        held[2] += abs(truth - quantiles[3])
        held[3] += abs(truth - naive)
        held[4] += quantiles[1] <= truth <= quantiles[5]
        held[5] += quantiles[0] <= truth <= quantiles[6]
    return sums


def test_two_workers_that_race_sum_each_step_once_as_by_hand(
    database_url: str, settings: WorkerSettings, pool: Pool
) -> None:
    missing = (NOW + 5 * HOUR).replace(minute=0)
    issues = [NOW, NOW + HOUR, NOW + 7 * HOUR]
    later = issues[-1] + 50 * HOUR
    with connected(database_url) as connection:
        series_ids = write_buildings(connection, COMMUNES, NOW - 40 * DAY)
        write_loads(connection, series_ids, NOW - 40 * DAY, later, but=[missing])
        for number, at in enumerate(issues):
            write_issue(connection, at, {one: one + number for one in series_ids})
    with ThreadPoolExecutor(2) as workers:
        scored = sum(workers.map(lambda _: score_forecasts(pool, settings, POWER, later), range(2)))
    assert scored == len(issues) * len(series_ids)
    assert score_forecasts(pool, settings, POWER, later) == 0
    with connected(database_url) as connection:
        found = {
            (row[0], row[1].isoformat(), row[2], row[3]): row[4:]
            for row in connection.execute(
                """
                SELECT series_id, day, lead_from_h, regime, steps, pinball, absolute_error, absolute_error_naive,
                       within_80, within_90, pinball_naive, model_id, issued
                  FROM score_day
                """
            )
        }
        by_hand = figures_by_hand(connection, missing)
        assert found.keys() == by_hand.keys()
        for key, (steps, *losses) in by_hand.items():
            assert found[key][0] == steps
            assert found[key][1:6] == pytest.approx(losses)
            # The naive was issued: it is its own yardstick.
            assert found[key][6:] == (pytest.approx(losses[0]), 0, True)
        assert connection.execute("SELECT sum(steps), count(*) FROM score").fetchone() == (
            sum(sums[0] for sums in by_hand.values()),
            len(series_ids) * len(issues),
        )


def test_sums_are_told_by_lead_regime_series_commune_and_day(
    database_url: str, settings: WorkerSettings, pool: Pool
) -> None:
    later = NOW + 50 * HOUR
    with connected(database_url) as connection:
        series_ids = write_buildings(connection, COMMUNES, NOW - 40 * DAY)
        write_loads(connection, series_ids, NOW - 40 * DAY, later)
        write_issue(connection, NOW, dict.fromkeys(series_ids, 1.0))
    score_forecasts(pool, settings, POWER, later)
    since = NOW.date()
    with connected(database_url) as connection:
        told = {by: dict(read_sums(connection, POWER.name, by, since)) for by in ScoredBy}
        [(metric, trend)] = read_trends(connection, since).items()
    assert {by: set(sums) for by, sums in told.items()} == {
        ScoredBy.LEAD: {"0", "1", "3", "6", "12", "24"},
        ScoredBy.REGIME: {"0", "1"},
        ScoredBy.SERIES: {str(one) for one in series_ids},
        ScoredBy.COMMUNE: set(COMMUNES),
    }
    for sums in told.values():
        assert sum(one.steps for one in sums.values()) == STEPS * len(series_ids)
    assert told[ScoredBy.COMMUNE]["93051"].series == 2
    assert told[ScoredBy.LEAD]["24"].naive_share == 1
    assert metric == POWER.name
    assert [day.isoformat() for day, _ in trend] == ["2026-03-16", "2026-03-17", "2026-03-18"]
    assert sum(one.steps for _, one in trend) == STEPS * len(series_ids)
    assert all(len(one.below) == 7 and sorted(one.below) == list(one.below) for _, one in trend)


def test_without_any_truth_a_forecast_is_scored_as_missing(
    database_url: str, settings: WorkerSettings, pool: Pool
) -> None:
    with connected(database_url) as connection:
        [series_id] = write_buildings(connection, COMMUNES[:1], NOW - 40 * DAY)
        write_loads(connection, [series_id], NOW - 9 * DAY, NOW)
        write_issue(connection, NOW, {series_id: 1.0})
    assert score_forecasts(pool, settings, POWER, NOW + 50 * HOUR) == 1
    with connected(database_url) as connection:
        assert connection.execute("SELECT steps, pinball, pinball_naive, coverage FROM score").fetchall() == [
            (0, None, None, None)
        ]
        assert connection.execute("SELECT count(*) FROM score_day").fetchone() == (0,)
        assert read_speaking(connection, [series_id], NOW + 9 * DAY) == (frozenset(), {})
