"""What live scores decide: who is silenced and heard again, what is tried beside, who is promoted, what drifts."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

import numpy as np
import pytest
from scoring_town import (
    DAY,
    HOUR,
    NOW,
    POWER,
    crown,
    day_sums,
    keep_model,
    load_kw,
    small_model,
    write_buildings,
    write_issue,
    write_loads,
)

from core.model_life import Better
from core.settings import WorkerSettings
from core.store.models import read_champion, read_reigns
from core.store.pool import Connection, Pool, connected, open_pool
from core.store.roles import Login, as_login
from core.store.scores import read_duel, read_speaking, write_day_sums
from models.online import NO_SHIFTS, tracked
from services import scoring
from services.drift import drifted_models_due, is_drifting, look_for_drift
from services.hindsight import is_tried
from services.promotion import promote_by_rule
from services.scoring import HELD_AFTER, score_forecasts

pytestmark = pytest.mark.integration
SAINT_OUEN, SCEAUX = "93070", "92071"
SPREAD = np.array([-4.0, -3.0, -1.0, 0.0, 1.0, 3.0, 4.0])
TRIED = next(NOW + at * HOUR for at in range(99) if is_tried(NOW + at * HOUR))
UNTRIED = next(NOW + at * HOUR for at in range(99) if not is_tried(NOW + at * HOUR))


@pytest.fixture
def settings(database_url: str, monkeypatch: pytest.MonkeyPatch) -> WorkerSettings:
    monkeypatch.setenv("VIGIE_DATABASE_URL", as_login(database_url, Login.WORKER))
    return WorkerSettings.from_environment()


@pytest.fixture
def pool(settings: WorkerSettings) -> Iterator[Pool]:
    with open_pool(settings.dsn, 2) as pool:
        yield pool


def skilled(connection: Connection, model_id: int, skills: dict[int, list[float]], last: datetime) -> None:
    """Write what a model issued, a day at a time up to ``last``: the skills of each series."""
    for series_id, own in skills.items():
        for back, skill in enumerate(reversed(own)):
            write_day_sums(connection, day_sums(series_id, model_id, last.date() - back * DAY, skill, issued=True))


def test_a_model_that_loses_is_silenced_from_then_on_and_heard_again_when_it_wins(
    database_url: str, settings: WorkerSettings, pool: Pool
) -> None:
    issued_at = UNTRIED
    later = issued_at + 50 * HOUR
    with connected(database_url) as connection:
        bad, good = write_buildings(connection, [SAINT_OUEN, SCEAUX], NOW - 40 * DAY)
        write_loads(connection, [bad, good], NOW - 40 * DAY, later + 6 * HOUR)
        model_id = keep_model(connection, NOW - DAY)
        crown(connection, model_id, NOW - DAY)
        skilled(connection, model_id, {bad: [-0.3] * 14, good: [0.3] * 14}, NOW - DAY)
        write_issue(connection, issued_at, {bad: 5.0, good: 0.0}, model_id=model_id)
    score_forecasts(pool, settings, POWER, later)
    with connected(database_url) as connection:
        [(since, skill)] = connection.execute("SELECT since, skill FROM speaker").fetchall()
        assert skill < -0.1
        assert later + HELD_AFTER <= since < later + HELD_AFTER + timedelta(minutes=2)
        assert read_speaking(connection, [bad, good], since - timedelta(microseconds=1))[0] == frozenset()
        assert read_speaking(connection, [bad, good], since)[0] == {bad}
        write_issue(connection, issued_at + HOUR, {bad: 5.0, good: 0.0}, model_id=model_id)
    # The same again says nothing new: it is silenced already.
    score_forecasts(pool, settings, POWER, later + 2 * HOUR)
    with connected(database_url) as connection:
        assert connection.execute("SELECT count(*) FROM speaker").fetchone() == (1,)
        # Tried beside the naive, it wins.
        for back in range(14):
            tried = day_sums(bad, model_id, later.date() - back * DAY, 0.9, issued=False)
            write_day_sums(connection, tried)
        write_issue(connection, issued_at + 3 * HOUR, {bad: 1.0}, fallback="worse_lately")
    score_forecasts(pool, settings, POWER, later + 5 * HOUR)
    with connected(database_url) as connection:
        assert read_speaking(connection, [bad, good], later + DAY)[0] == frozenset()
        assert read_speaking(connection, [bad, good], since + HOUR)[0] == {bad}


def test_quantiles_learn_from_what_came_and_a_replay_uses_those_of_then(
    database_url: str, settings: WorkerSettings, pool: Pool
) -> None:
    issues = [UNTRIED, UNTRIED + HOUR]
    with connected(database_url) as connection:
        [series_id] = write_buildings(connection, [SAINT_OUEN], NOW - 40 * DAY)
        write_loads(connection, [series_id], NOW - 40 * DAY, issues[-1] + 60 * HOUR)
        model_id = keep_model(connection, NOW - DAY)
        crown(connection, model_id, NOW - DAY)
        for at in issues:
            write_issue(connection, at, {series_id: 5.0}, model_id=model_id)
    score_forecasts(pool, settings, POWER, issues[0] + 49 * HOUR)
    score_forecasts(pool, settings, POWER, issues[1] + 49 * HOUR)
    expected, by_hand = NO_SHIFTS, []
    for at in issues:
        hours = [at.replace(minute=0) + lead * HOUR for lead in range(48)]
        truth = np.array([load_kw(series_id, hour) for hour in hours])
        expected = tracked(expected, truth[:, None] + 5.0 + SPREAD, truth, 1 / 24)
        by_hand.append(expected)
    with connected(database_url) as connection:
        sinces = [row[0] for row in connection.execute("SELECT since FROM online_shift ORDER BY since")]
        assert len(sinces) == 2
        for since, shifts in zip(sinces, by_hand, strict=True):
            assert read_speaking(connection, [series_id], since)[1][series_id] == pytest.approx(shifts, abs=1e-6)
        assert read_speaking(connection, [series_id], sinces[0] - timedelta(microseconds=1))[1] == {}
    assert by_hand[1][3] < by_hand[0][3] < 0


def test_champion_and_challenger_are_tried_on_the_same_steps_of_some_issues(
    database_url: str, settings: WorkerSettings, pool: Pool
) -> None:
    with connected(database_url) as connection:
        heard, silent = write_buildings(connection, [SAINT_OUEN, SAINT_OUEN], NOW - 40 * DAY)
        write_loads(connection, [heard, silent], NOW - 40 * DAY, TRIED + 60 * HOUR)
        champion, challenger = keep_model(connection, NOW - 9 * DAY), keep_model(connection, NOW - DAY)
        crown(connection, champion, NOW - 9 * DAY)
        for at in (UNTRIED, TRIED):
            write_issue(connection, at, {heard: 1.0}, model_id=champion)
            write_issue(connection, at, {silent: 1.0}, fallback="worse_lately")
    score_forecasts(pool, settings, POWER, max(TRIED, UNTRIED) + 50 * HOUR)
    with connected(database_url) as connection:
        tried = connection.execute(
            """
            SELECT series_id, model_id, sum(steps), round(sum(pinball)::numeric, 9) FROM score_day WHERE NOT issued
             GROUP BY series_id, model_id ORDER BY series_id, model_id
            """
        ).fetchall()
        assert [row[:3] for row in tried] == [
            (heard, champion, 48),
            (heard, challenger, 48),
            (silent, champion, 48),
            (silent, challenger, 48),
        ]
        # Two copies of one model would have said the same.
        duel = read_duel(connection, challenger, champion, since=(NOW - DAY).date())
        assert (duel.series, duel.steps) == (2, 96)
        assert duel.gain == pytest.approx(0)


def test_a_challenger_that_was_trained_later_has_seen_the_truth_and_is_not_tried(
    database_url: str, settings: WorkerSettings, pool: Pool
) -> None:
    with connected(database_url) as connection:
        [series_id] = write_buildings(connection, [SAINT_OUEN], NOW - 40 * DAY)
        write_loads(connection, [series_id], NOW - 40 * DAY, TRIED + 60 * HOUR)
        champion = keep_model(connection, NOW - 9 * DAY)
        crown(connection, champion, NOW - 9 * DAY)
        keep_model(connection, TRIED + timedelta(seconds=1))
        write_issue(connection, TRIED, {series_id: 1.0}, model_id=champion)
    score_forecasts(pool, settings, POWER, TRIED + 50 * HOUR)
    with connected(database_url) as connection:
        assert connection.execute("SELECT count(*) FROM score_day WHERE NOT issued").fetchone() == (0,)


def test_a_challenger_is_promoted_when_it_is_better_on_the_same_steps(
    database_url: str, settings: WorkerSettings, pool: Pool
) -> None:
    assert settings.dsn
    with connected(database_url) as connection:
        [series_id] = write_buildings(connection, [SAINT_OUEN], NOW - 40 * DAY)
        champion, challenger = keep_model(connection, NOW - 9 * DAY), keep_model(connection, NOW - 5 * DAY)
        crown(connection, champion, NOW - 9 * DAY)
        for back in range(2):
            write_day_sums(connection, day_sums(series_id, champion, NOW.date() - back * DAY, 0.1, issued=False))
            write_day_sums(connection, day_sums(series_id, challenger, NOW.date() - back * DAY, 0.2, issued=False))
    assert not promote_by_rule(pool, POWER, NOW)
    with connected(database_url) as connection:
        write_day_sums(connection, day_sums(series_id, challenger, NOW.date() - 3 * DAY, 0.2, issued=False))
        # Tried on more issues than the challenger that day: not the same steps.
        for _ in range(2):
            write_day_sums(connection, day_sums(series_id, champion, NOW.date() - 3 * DAY, 0.1, issued=False))
    assert not promote_by_rule(pool, POWER, NOW)
    with connected(database_url) as connection:
        write_day_sums(connection, day_sums(series_id, champion, NOW.date() - 4 * DAY, 0.1, issued=False))
        write_day_sums(connection, day_sums(series_id, challenger, NOW.date() - 4 * DAY, 0.2, issued=False))
    assert promote_by_rule(pool, POWER, NOW)
    assert not promote_by_rule(pool, POWER, NOW + HOUR)
    with connected(database_url) as connection:
        reigns = read_reigns(connection, POWER.name)
        speaks = read_champion(connection, POWER.name, as_of=NOW + HOUR)
    assert [reign.model_id for reign in reigns] == [champion, challenger]
    better = Better.read(reigns[-1].why)
    assert better is not None
    assert better.gain == pytest.approx(0.111, abs=5e-4)
    assert better.champion == champion
    assert speaks is not None
    assert speaks.model_id == challenger


def test_a_damaged_model_neither_stands_in_the_way_of_a_challenger_nor_takes_a_place(
    database_url: str, settings: WorkerSettings, pool: Pool
) -> None:
    assert settings.dsn
    damage = "UPDATE model SET sha256 = repeat('0', 64) WHERE model_id = %s RETURNING sha256"
    with connected(database_url) as connection:
        [series_id] = write_buildings(connection, [SAINT_OUEN], NOW - 40 * DAY)
        spoke, damaged, challenger = (keep_model(connection, NOW - days * DAY) for days in (9, 7, 5))
        crown(connection, spoke, NOW - 9 * DAY)
        crown(connection, damaged, NOW - 7 * DAY)
        connection.execute(damage, (damaged,))
        for back in range(4):
            write_day_sums(connection, day_sums(series_id, spoke, NOW.date() - back * DAY, 0.1, issued=False))
            write_day_sums(connection, day_sums(series_id, challenger, NOW.date() - back * DAY, 0.2, issued=False))
        sound = connection.execute("SELECT sha256 FROM model WHERE model_id = %s", (challenger,)).fetchone()
        connection.execute(damage, (challenger,))
    assert not promote_by_rule(pool, POWER, NOW)
    with connected(database_url) as connection:
        connection.execute("UPDATE model SET sha256 = %s WHERE model_id = %s", (*(sound or ()), challenger))
    assert promote_by_rule(pool, POWER, NOW)


def test_a_worker_that_is_killed_leaves_no_part_of_a_score(
    database_url: str, settings: WorkerSettings, pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    with connected(database_url) as connection:
        [series_id] = write_buildings(connection, [SAINT_OUEN], NOW - 40 * DAY)
        write_loads(connection, [series_id], NOW - 40 * DAY, UNTRIED + 60 * HOUR)
        write_issue(connection, UNTRIED, {series_id: 5.0}, model_id=keep_model(connection, NOW - DAY))

    def killed(*_: object) -> None:
        raise InterruptedError

    monkeypatch.setattr(scoring, "write_shifts", killed)
    with pytest.raises(InterruptedError):
        score_forecasts(pool, settings, POWER, UNTRIED + 50 * HOUR)
    monkeypatch.undo()
    counted = "SELECT (SELECT count(*) FROM score), (SELECT coalesce(sum(steps), 0) FROM score_day)"
    with connected(database_url) as connection:
        assert connection.execute(counted).fetchone() == (0, 0)
    assert score_forecasts(pool, settings, POWER, UNTRIED + 50 * HOUR) == 1
    with connected(database_url) as connection:
        assert connection.execute(counted).fetchone() == (1, 48)


def alarms(connection: Connection) -> list[tuple[str, str, bool]]:
    """Return what was told: which alarm, of which subject, and whether it lasts."""
    return connection.execute(
        "SELECT name, subject, body #>> '{data,until}' IS NULL FROM event ORDER BY happened_at, name"
    ).fetchall()


def test_an_alarm_of_drift_is_raised_once_asks_for_a_model_and_ends_once(
    database_url: str, settings: WorkerSettings, pool: Pool
) -> None:
    assert settings.dsn
    promised = small_model().card["validation"]["pinball"] / small_model().card["validation"]["pinball_naive"]
    kept, lost = 1 - promised, 1 - 3 * promised
    with connected(database_url) as connection:
        here, there = write_buildings(connection, [SAINT_OUEN, SCEAUX], NOW - 40 * DAY)
        champion = keep_model(connection, NOW - 30 * DAY)
        crown(connection, champion, NOW - 30 * DAY)
        skilled(connection, champion, {here: [kept] * 9 + [lost] * 4, there: [kept] * 13}, NOW - DAY)
        assert is_drifting(connection, POWER.name, NOW)
    for at in (NOW, NOW + HOUR):
        look_for_drift(pool, POWER, at)
    assert drifted_models_due(pool, NOW) == [POWER.name]
    subject = f"forecast:{POWER.name}:{SAINT_OUEN}"
    with connected(database_url) as connection:
        assert alarms(connection) == [("alarm.forecast_drift", subject, True)]
        challenger = keep_model(connection, NOW)
    assert drifted_models_due(pool, NOW + 2 * DAY) == []
    with connected(database_url) as connection:
        crown(connection, challenger, NOW + DAY)
    for at in (NOW + DAY, NOW + DAY + HOUR):
        look_for_drift(pool, POWER, at)
    with connected(database_url) as connection:
        assert alarms(connection) == [("alarm.forecast_drift", subject, True), ("alarm.forecast_drift", subject, False)]
        assert not is_drifting(connection, POWER.name, NOW + DAY)


def test_intervals_that_hold_too_rarely_over_four_weeks_are_told(
    database_url: str, settings: WorkerSettings, pool: Pool
) -> None:
    assert settings.dsn
    with connected(database_url) as connection:
        [series_id] = write_buildings(connection, [SAINT_OUEN], NOW - 40 * DAY)
        champion = keep_model(connection, NOW - 30 * DAY)
        crown(connection, champion, NOW - 30 * DAY)
        skilled(connection, champion, {series_id: [0.3] * 20}, NOW - DAY)
    look_for_drift(pool, POWER, NOW)
    with connected(database_url) as connection:
        assert alarms(connection) == []
        connection.execute("UPDATE score_day SET within_90 = 200")
    look_for_drift(pool, POWER, NOW)
    with connected(database_url) as connection:
        [(name, _, _)] = alarms(connection)
        [(told,)] = connection.execute("SELECT body #> '{data,words,values}' FROM event").fetchall()
    assert name == "alarm.forecast_coverage"
    assert told == {"metric_key": "metric.power_kw", "commune": "Saint-Ouen-sur-Seine", "held_ratio": 0.833}
