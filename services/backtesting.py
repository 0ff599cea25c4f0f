"""Backtests of stored series, spread over processes: each takes one forecaster through one fold."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from datetime import datetime

from core.clock import Window
from core.errors import FutureLeak
from core.metrics import metric_named
from core.store.arrow import opened_arrow
from core.store.pool import connected
from models.backtest import Fold, Forecaster, Past, Utterance, run_fold
from models.history import History
from services.history import Reach, read_history


@dataclass(frozen=True, slots=True)
class StoredPast:
    """The store read as of an instant: a reading that came late was not known before it came.

    Parameters
    ----------
    dsn
        Where the store is.
    metric
        Name of the metric.
    since
        Start of the history.
    series_ids
        What is to be found, in order.
    """

    dsn: str
    metric: str
    since: datetime
    series_ids: tuple[int, ...]

    def __call__(self, instant: datetime) -> History:
        """Return the history as it was known at ``instant``.

        Raises
        ------
        FutureLeak
            If other series are stored than when the backtest began.
        """
        with connected(self.dsn) as connection, opened_arrow(self.dsn) as arrow:
            history = read_history(arrow, connection, metric_named(self.metric), Reach(Window(self.since, instant)))
        if history.series_ids != self.series_ids:
            raise FutureLeak(f"other series of {self.metric} are stored than when this began")
        return history


@dataclass(frozen=True, slots=True, eq=False)
class Contest:
    """Forecasters held against each other on one history.

    Parameters
    ----------
    history
        With every fold in it.
    folds
        What each forecaster goes through.
    forecasters
        In the order they are told of.
    past
        What was known when; None takes every reading to have come at once.
    """

    history: History
    folds: tuple[Fold, ...]
    forecasters: tuple[Forecaster, ...]
    past: Past | None = None

    @property
    def utterances(self) -> int:
        """How many it takes."""
        return len(self.folds) * len(self.forecasters)


def run_contest(contest: Contest, processes: int, told: Callable[[Utterance], None]) -> list[Utterance]:
    """Run every forecaster through every fold, on so many processes at most; tell of each one that is done.

    Memory is bounded: each process holds one copy of the history, and one utterance at a time.
    """
    tasks = [(forecaster, fold) for forecaster in contest.forecasters for fold in contest.folds]
    if processes == 1:
        return [_told(run_fold(contest.history, *task, contest.past), told) for task in tasks]
    # Spawned, not forked: LightGBM's threads do not survive a fork.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(
        min(processes, len(tasks)), context, initializer=_hold, initargs=(contest.history, contest.past)
    ) as pool:
        running = [pool.submit(_run_held, forecaster, fold) for forecaster, fold in tasks]
        for done in as_completed(running):
            told(done.result())
        return [one.result() for one in running]


def _told(one: Utterance, told: Callable[[Utterance], None]) -> Utterance:
    told(one)
    return one


@dataclass(slots=True, eq=False)
class _Held:
    """What a process of a contest was given at its start."""

    history: History | None = None
    past: Past | None = None


_held = _Held()


def _hold(history: History, past: Past | None) -> None:
    _held.history, _held.past = history, past


def _run_held(forecaster: Forecaster, fold: Fold) -> Utterance:
    assert _held.history is not None, "a process is given its history before any task"
    return run_fold(_held.history, forecaster, fold, _held.past)
