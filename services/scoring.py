"""Scoring as a service: what was forecast is held against what came, once, and what that teaches is kept.

In one transaction a forecast gets its score, its steps are added to the sums by local day, its series' quantiles learn
from it, and it is said who speaks next. Whatever kills a worker, nothing is counted twice, and nothing left out.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from time import monotonic

import numpy as np
import structlog

from core import instruments
from core.clock import PARIS
from core.metrics import Metric
from core.scores import Duel, summed, together
from core.settings import WorkerSettings
from core.store.arrow import ArrowConnection, opened_arrow
from core.store.pool import Connection, Pool
from core.store.scores import (
    Passed,
    Speaker,
    hold_scoring,
    read_duels_with_naive,
    read_passed,
    read_speaking,
    write_day_sums,
    write_scores,
    write_shifts,
    write_speakers,
)
from models.history import Floats, Indices
from models.online import NO_SHIFTS, tracked
from models.scores import Mask
from services.hindsight import Hindsight, Judged, as_issued
from services.model_loading import load_champion

log = structlog.get_logger(__name__)

SCORED_AT_ONCE = 500
"""Forecasts of a metric that are read at once; those of a commune are one transaction."""
WORK_S_MAX = 600
"""A job goes on no longer than this; what is left waits for the next."""
HELD_AFTER = timedelta(minutes=20)
"""What is learnt holds from so long after it was: longer than a job takes, so that it is committed by then, and an
issue of any instant is made again from the same."""
JUDGED_DAYS = 14
"""A model is held against the naive over the last so many days that it was scored on."""
JUDGED_WITHIN = timedelta(days=42)
"""Days that are longer ago say nothing about now."""
FEWEST_DAYS = 7
FEWEST_STEPS = 200
"""Fewer scored days, or steps, silence nobody, and let nobody speak again."""
SILENCED_UNDER, SILENCED_LOST = -0.10, 0.75
"""A model is silenced on a series when its skill is under the one, and it lost on such a share of the days."""
HEARD_OVER, HEARD_LOST = 0.0, 0.5
"""It is heard again when its skill is over the one, or it lost on less than such a share of the days: in between it
stays as it is. Days count, since one odd day can cost as much as a good fortnight saves: on Cambridge electricity (24
buildings, five stretches of four months in 2019 to 2021) silencing by skills of -0.02 and 0.02 alone lowered the skill
of what was issued from 0.274 to 0.266; this rule leaves it at 0.274, with 3 % of the series silenced."""

Key = tuple[int, datetime]


def score_forecasts(pool: Pool, settings: WorkerSettings, metric: Metric, now: datetime) -> int:
    """Score the forecasts of a metric whose last step has passed, and keep what they teach; return how many.

    The yardstick is the naive forecast with its own quantiles, made again from what was known when each was issued.
    On some issues models are tried, which made nothing of them: the silenced one, and the challenger.
    """
    began, scored = monotonic(), 0
    with opened_arrow(settings.dsn) as arrow:
        while monotonic() - began < WORK_S_MAX:
            with pool.connection() as connection:
                passed = read_passed(connection, metric.name, ended_by=now, limit=SCORED_AT_ONCE)
            for alike in _alike(passed):
                at = now + timedelta(seconds=monotonic() - began)
                scored += _score_together(pool, _Work(arrow, metric, at), alike)
            if len(passed) < SCORED_AT_ONCE:
                break
    instruments.SCORES.labels(metric.name).inc(scored)
    if scored:
        log.info("forecasts_scored", metric=metric.name, forecasts=scored)
    return scored


@dataclass(frozen=True, slots=True, eq=False)
class _Work:
    """What is scored now."""

    arrow: ArrowConnection
    metric: Metric
    now: datetime

    @property
    def holds_from(self) -> datetime:
        """From when on what is learnt now holds."""
        return self.now + HELD_AFTER


def _alike(passed: Sequence[Passed]) -> list[list[Passed]]:
    """Return forecasts by commune and grid: what is read and written together."""
    alike = defaultdict(list)
    for one in passed:
        alike[one.commune_insee, one.step, one.steps].append(one)
    return list(alike.values())


def _score_together(pool: Pool, work: _Work, passed: list[Passed]) -> int:
    """Score forecasts of one commune and grid in one transaction; return how many nobody had scored."""
    commune = passed[0].commune_insee
    with pool.connection() as connection:
        hindsight = Hindsight(work.arrow, connection, as_issued(work.metric, passed[0]), commune)
        judged = hindsight.judge(passed)
    with pool.connection() as connection:
        hold_scoring(connection, work.metric.name, commune)
        new = write_scores(connection, [score for one in judged for score in one.scores], work.now)
        steps = [steps.where(_are_new(one, steps.series_id, new)) for one in judged for steps in one.steps]
        if any(map(len, steps)):
            write_day_sums(connection, summed(together(steps)))
        _learn(connection, work, judged, new)
        _say_who_speaks(connection, work, sorted({series_id for series_id, _ in new}))
    return len(new)


def _are_new(judged: Judged, series_id: Indices, new: set[Key]) -> Mask:
    issued_at = judged.passed[0].issued_at
    return np.isin(series_id, [one.series_id for one in judged.passed if (one.series_id, issued_at) in new])


def _learn(connection: Connection, work: _Work, judged: Sequence[Judged], new: set[Key]) -> None:
    """Move the quantiles of each series by what its model's forecasts came to, the oldest issue first."""
    assert work.metric.plan is not None, "only metrics with a plan are forecast"
    every_d = work.metric.plan.every / timedelta(days=1)
    teaching = {
        (one.issued_at, one.series_id): (of.quantiles[row], of.truth[row])
        for of in judged
        for row, one in enumerate(of.passed)
        if one.fallback is None and (one.series_id, one.issued_at) in new and np.isfinite(of.truth[row]).any()
    }
    _, known = read_speaking(connection, sorted({series_id for _, series_id in teaching}), work.holds_from)
    learnt: dict[int, Floats] = {}
    for (_, series_id), (quantiles, truth) in sorted(teaching.items(), key=lambda item: item[0]):
        before = learnt.get(series_id, known.get(series_id, NO_SHIFTS))
        learnt[series_id] = tracked(before, quantiles, truth, every_d)
    write_shifts(connection, learnt, work.holds_from)


def _say_who_speaks(connection: Connection, work: _Work, series_ids: Sequence[int]) -> None:
    """Silence the champion on series where it lately lost to the naive, and hear it again where it won."""
    champion = load_champion(connection, work.metric.name, as_of=work.now)
    if champion is None:
        return
    since = (work.now - JUDGED_WITHIN).astimezone(PARIS).date()
    duels = read_duels_with_naive(connection, series_ids, champion.model_id, since=since, days=JUDGED_DAYS)
    silenced, _ = read_speaking(connection, series_ids, work.holds_from)
    changes = changes_of(duels, silenced, work.holds_from)
    write_speakers(connection, changes)
    for one in changes:
        log.info(
            "model_heard_again" if one.model_speaks else "model_silenced",
            metric=work.metric.name,
            series_id=one.series_id,
            model_id=champion.model_id,
            skill=one.skill,
        )


def changes_of(duels: Mapping[int, Duel], silenced: frozenset[int], since: datetime) -> list[Speaker]:
    """Return of which series the model is silenced, or heard again; those that stay as they are, are left out.

    Parameters
    ----------
    duels
        The champion beside the naive, by series.
    silenced
        Series of which it is silent until now.
    """
    changes = []
    for series_id, duel in sorted(duels.items()):
        if duel.gain is None or duel.days < FEWEST_DAYS or duel.steps < FEWEST_STEPS:
            continue
        lost = duel.days_lost / duel.days
        if series_id not in silenced and duel.gain < SILENCED_UNDER and lost >= SILENCED_LOST:
            changes.append(Speaker(series_id, since, model_speaks=False, skill=duel.gain))
        elif series_id in silenced and (duel.gain > HEARD_OVER or lost < HEARD_LOST):
            changes.append(Speaker(series_id, since, model_speaks=True, skill=duel.gain))
    return changes
