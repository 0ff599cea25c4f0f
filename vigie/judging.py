"""Judging forecasters on the stored history, for a person."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from core.clock import Window
from core.errors import SettingInvalid, ShortHistory
from core.metrics import Metric, forecast_metrics, metric_named
from core.places import Origin
from core.settings import WorkerSettings
from core.store.arrow import opened_arrow
from core.store.history import Selection, read_labels
from core.store.pool import connected
from models.backtest import BacktestSettings, Forecaster, folds_of
from models.contenders import Vigie
from models.peers import PEERS
from models.verdicts import Hearing, best_of
from models.yardsticks import YARDSTICKS, HouseNaive
from services.backtesting import Contest, StoredPast, run_contest
from services.history import Reach, read_history
from services.training import training_settings
from vigie.commands.tables import table_lines

_FIGURES = ("pinball", "rCRPS", "skill", "p10-p90", "p05-p95", "MAE", "fit s", "predict s")
HEADS = ("metric", "forecaster", "series", "origins", "steps", *_FIGURES)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a person wants to have judged.

    Parameters
    ----------
    metrics
        By name; none means all that have a history.
    history_length
        How far back the history reaches.
    settings
        The test stretch at its end, its origins and its fits.
    peers
        By the words of `models.peers.PEERS`.
    processes
        Processes at once at most.
    as_received
        Whether each origin reads the store as of then, late readings left out; else a reading counts as known when it
        was observed.
    """

    metrics: tuple[str, ...]
    history_length: timedelta
    settings: BacktestSettings
    peers: tuple[str, ...] = ()
    processes: int = 1
    as_received: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """One metric, judged.

    Parameters
    ----------
    names
        Per series, as a person knows it: its site and its sensor.
    origins
        Where their readings come from: what is simulated is told so.
    """

    metric: Metric
    names: tuple[str, ...]
    origins: frozenset[Origin]
    hearing: Hearing


def processes_here(wanted: int | None) -> int:
    """Return how many processes to use: as many as wanted, or one a core."""
    return wanted or os.cpu_count() or 1


def judge_stored(settings: WorkerSettings, wanted: Wanted, at: datetime) -> Iterator[Judged]:
    """Yield the metrics as they are judged, with what was known at an instant.

    Progress, and what cannot be judged, are told on the error output.

    Raises
    ------
    SettingInvalid
        If a peer is not installed.
    UnknownMetric
        If a name is of no metric.
    """
    for peer in wanted.peers:
        if not PEERS[peer].is_installed:
            raise SettingInvalid(f"--peer: {peer} is not installed here (docs/forecast-protocol.md)")
    asked = wanted.metrics or tuple(metric.name for metric, _ in forecast_metrics())
    for metric in [metric_named(name) for name in asked]:
        window = Window.ending(at, wanted.history_length)
        with connected(settings.dsn) as connection, opened_arrow(settings.dsn) as arrow:
            history = read_history(arrow, connection, metric, Reach(window))
            labels = {one.series_id: one for one in read_labels(connection, Selection(metrics=(metric.name,)))}
        if not history.series_ids:
            continue
        past = StoredPast(settings.dsn, metric.name, window.start, history.series_ids) if wanted.as_received else None
        try:
            contest = Contest(history, folds_of(history, wanted.settings), _forecasters(settings, wanted), past)
        except ShortHistory as error:
            Console(stderr=True).print(f"{metric.name}: {error}")
            continue
        mine = [labels[series_id] for series_id in history.series_ids]
        names = tuple(f"{one.site}, {one.sensor}" for one in mine)
        origins = frozenset(one.origin for one in mine)
        yield Judged(metric, names, origins, _heard(contest, wanted.processes))


def _forecasters(settings: WorkerSettings, wanted: Wanted) -> tuple[Forecaster, ...]:
    training = training_settings(settings)
    if wanted.processes > 1:
        training = replace(training, boosting=replace(training.boosting, threads=1))
    peers = (PEERS[peer].forecaster for peer in wanted.peers)
    # The slowest first: the others fill the gaps it leaves on the cores.
    return (Vigie(training), *peers, HouseNaive(), *YARDSTICKS.values())


def _heard(contest: Contest, processes: int) -> Hearing:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(contest.history.metric.name, total=contest.utterances)
        said = run_contest(contest, processes, lambda _: progress.advance(task))
    return Hearing.of(contest.history, contest.folds, said)


def lines_of(judged: Sequence[Judged]) -> list[str]:
    """Return what was found as a table, metric by metric, the best first; losses in the metric's unit."""
    rows = [row for one in judged for row in _rows(one)]
    if not rows:
        return ["no history to judge on"]
    told = [f"{one.metric.name}: {name}: {why}" for one in judged for name, why in one.hearing.unfit.items()]
    return [*table_lines([HEADS, *rows]), *told]


def _rows(judged: Judged) -> Iterator[tuple[str, ...]]:
    hearing = judged.hearing
    verdicts = hearing.verdicts()
    best = best_of(verdicts, list(YARDSTICKS))
    for one in sorted(verdicts, key=lambda verdict: verdict.pinball):
        cost = hearing.costs[one.forecaster]
        yield (
            judged.metric.name,
            one.forecaster,
            str(len(judged.names)),
            str(len(hearing.origins)),
            str(one.steps),
            f"{one.pinball:.4g}",
            f"{one.rcrps:.4f}",
            f"{1 - one.pinball / best.pinball:.3f}" if best is not None and best.pinball else "-",
            f"{one.coverage_80:.3f}",
            f"{one.coverage_90:.3f}",
            f"{one.absolute_error:.4g}",
            f"{cost.fit_s:.1f}",
            f"{cost.predict_s:.1f}",
        )
