"""Promotion by rule: a challenger speaks when it did better than the champion on the same steps of live forecasts.

Both are tried on the same issues, as of each (`services.hindsight`), so that neither has seen what it is judged on.
"""

from __future__ import annotations

from datetime import datetime
from enum import Enum

import structlog

from core.clock import PARIS
from core.metrics import Metric
from core.model_life import PLATFORM, Better, Reign, StoredModel
from core.scores import Duel
from core.store.models import promote
from core.store.pool import Connection, Pool
from core.store.scores import read_duel
from services.model_loading import load_challenger, load_champion

log = structlog.get_logger(__name__)

FEWEST_DAYS = 3
"""Scored days before anything is decided."""
FEWEST_STEPS_A_SERIES = 200
"""Scored steps per series, on average, before anything is decided."""
GAIN_MIN = 0.01
"""Share of the champion's pinball loss that a challenger saves at least."""
COVERAGE_90_MIN, COVERAGE_90_MAX = 0.85, 0.95
"""What p05-p95 of a challenger holds at least and at most: sharper by promising too much is not better."""
DROPPED_AFTER_DAYS = 7
"""Scored days after which a challenger that saves nothing is tried no longer; the next training brings another."""


class Verdict(Enum):
    """What a challenger's trial says."""

    UNDECIDED = "undecided"
    PROMOTED = "promoted"
    DROPPED = "dropped"


def verdict(duel: Duel) -> Verdict:
    """Return what a challenger's trial against the champion says."""
    if duel.gain is None or duel.days < FEWEST_DAYS or duel.steps < FEWEST_STEPS_A_SERIES * duel.series:
        return Verdict.UNDECIDED
    holds = COVERAGE_90_MIN <= duel.within_90 / duel.steps <= COVERAGE_90_MAX
    if duel.gain >= GAIN_MIN and holds:
        return Verdict.PROMOTED
    return Verdict.DROPPED if duel.days >= DROPPED_AFTER_DAYS and duel.gain <= 0 else Verdict.UNDECIDED


def verdict_on(connection: Connection, challenger: StoredModel, champion: StoredModel) -> tuple[Verdict, Duel]:
    """Return what the trial of a challenger says so far, and its figures."""
    since = challenger.trained_at.astimezone(PARIS).date()
    duel = read_duel(connection, challenger.model_id, champion.model_id, since=since)
    return verdict(duel), duel


def promote_by_rule(pool: Pool, metric: Metric, now: datetime) -> bool:
    """Let the challenger of a metric speak from ``now`` on, if its trial says so; return whether it does.

    The rule: over at least `FEWEST_DAYS` scored days and `FEWEST_STEPS_A_SERIES` steps a series, it loses at least
    `GAIN_MIN` less than the champion on the same steps, and its p05-p95 holds `COVERAGE_90_MIN` to `COVERAGE_90_MAX`.
    """
    with pool.connection() as connection, connection.transaction():
        # Those that are tried: a model that is damaged neither stands in the way nor takes a place.
        champion = load_champion(connection, metric.name, as_of=now)
        challenger = load_challenger(connection, metric.name, as_of=now)
        if champion is None or challenger is None:
            return False
        said, duel = verdict_on(connection, challenger.stored, champion.stored)
        if said is not Verdict.PROMOTED:
            return False
        why = figures(duel, champion.model_id).why()
        promote(connection, Reign(metric.name, now.replace(microsecond=0), challenger.model_id, PLATFORM, why))
    log.info("challenger_promoted", metric=metric.name, model_id=challenger.model_id, why=why)
    return True


def figures(duel: Duel, champion_id: int) -> Better:
    """Return the figures of a promotion, for the record."""
    assert duel.gain is not None, "what is promoted saved something"
    held_90 = duel.within_90 / duel.steps
    return Better(round(duel.gain, 4), round(held_90, 4), champion_id, duel.steps, duel.series, duel.days)
